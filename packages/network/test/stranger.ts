import { gossipsub } from '@libp2p/gossipsub'
import { identify } from '@libp2p/identify'
import type { Connection, Stream } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { type NetworkId, networkTag, type Peer } from '@lockstep/network'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { HELLO } from '../src/hello.ts'
import { addressOf, network as ours, TCP } from './company.ts'

/** A libp2p node that keeps none of our limits: it says hello, and then sends whatever a test gives it. */
export type Stranger = Awaited<ReturnType<typeof startStranger>>

export const frame = (bytes: Uint8Array | string): Uint8Array => {
  const payload = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes
  const out = new Uint8Array(4 + payload.length)
  new DataView(out.buffer).setUint32(0, payload.length)
  out.set(payload, 4)
  return out
}

export const startStranger = async (t: { after(fn: () => unknown): void }, network: NetworkId = ours) => {
  const node = await createLibp2p({
    addresses: { listen: [TCP] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false },
    services: {
      identify: identify(),
      gossip: gossipsub({
        allowPublishToZeroTopicPeers: true,
        fallbackToFloodsub: false,
        msgIdFn: (m) => new Uint8Array(Buffer.from(`${m.topic}${Buffer.from(m.data).toString('base64')}`)),
        scoreParams: { IPColocationFactorWeight: 0 },
      }),
    },
  })
  t.after(async () => node.stop())
  const hello = frame(JSON.stringify(network))
  await node.handle(HELLO, async (stream) => {
    stream.addEventListener('message', () => {})
    stream.send(hello)
    await stream.close()
  })
  const prefix = `/lockstep/${networkTag(network)}`
  const open = (connection: Connection, protocol: string): Promise<Stream> =>
    connection.newStream(protocol, { maxOutboundStreams: 10_000 })
  return {
    node,
    prefix,
    open,
    id: node.peerId.toString(),
    /** Connects, and says hello. */
    async meet(peer: Peer | string): Promise<Connection> {
      const connection = await node.dial(multiaddr(typeof peer === 'string' ? peer : addressOf(peer)))
      const stream = await open(connection, HELLO)
      const answered = new Promise<void>((resolve, reject) => {
        stream.addEventListener('message', () => resolve(), { once: true })
        setTimeout(() => reject(new Error('no hello')), 1000)
      })
      stream.send(hello)
      await answered
      await stream.close()
      return connection
    },
  }
}
