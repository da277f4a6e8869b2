/**
 * One peer of the benchmark, in a process of its own: `blob DIRECTORY`, or `raw` for a bare libp2p node with the same
 * encryption and multiplexing. It says its address, and then does what it is told, one thing at a time.
 */
import { noise } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import {
  blobService,
  CHUNK,
  createPeer,
  newPeerKey,
  openBlobStore,
  parseBlobId,
  silent,
} from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { sampleBytes } from '../../packages/network/src/blob/sample-bytes.ts'

export type Order =
  | { readonly do: 'put'; readonly bytes: number }
  /** From now on every chunk that is read has a bit changed. */
  | { readonly do: 'lie' }
  /** The chunks that were read for others since the last time. */
  | { readonly do: 'reads' }
  | { readonly do: 'fetch'; readonly id: string; readonly from: readonly string[] }
  | { readonly do: 'delete'; readonly id: string }
  | { readonly do: 'receive'; readonly bytes: number; readonly from: string }

export type Fetched = {
  readonly seconds: number
  readonly fetched: number
  readonly ends: readonly string[]
}

const PIECE = 2 ** 18
const listen = '/ip4/127.0.0.1/tcp/0'

const answers = await (process.argv[2] === 'raw' ? raw() : blob(process.argv[3]!))
process.on('message', (order: Order) => {
  answers(order).then(
    (answer) => process.send!({ answer }),
    (error: unknown) => process.send!({ error: String(error) }),
  )
})
process.on('disconnect', () => process.exit())

async function blob(directory: string): Promise<(order: Order) => Promise<unknown>> {
  const network = { chainId: 31337, market: `0x${'33'.repeat(20)}`, version: 1 }
  const key = await newPeerKey()
  const peer = unwrap(
    await createPeer({ key, network, listen: [listen], bootstrap: [], clock: Date.now, log: silent }),
  )
  const store = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 34 }))
  const service = blobService(peer, store)
  service.serve()
  process.send!({ answer: peer.addresses()[0] })

  let reads: number[] = []
  let lying = false
  const read = store.readRun.bind(store)
  store.readRun = async (id, first, count, into) => {
    const bytes = await read(id, first, count, into)
    if (bytes.ok) for (let i = 0; i * CHUNK < bytes.value.length; i++) reads.push(first + i)
    if (lying && bytes.ok) bytes.value[0]! ^= 1
    return bytes
  }
  async function* made(bytes: number): AsyncGenerator<Uint8Array> {
    const step = 2 ** 20
    for (let at = 0; at < bytes; at += step) yield sampleBytes(Math.min(step, bytes - at), at / step + 1)
  }
  return async (order) => {
    switch (order.do) {
      case 'put':
        return unwrap(await store.put(made(order.bytes)))
      case 'lie':
        lying = true
        return null
      case 'reads': {
        const last = reads
        reads = []
        return last
      }
      case 'fetch': {
        const sources: string[] = []
        for (const address of order.from) sources.push(unwrap(await peer.dial(address)))
        const start = performance.now()
        const report = unwrap(await service.fetch(unwrap(parseBlobId(order.id)), sources))
        const seconds = (performance.now() - start) / 1000
        const ends = report.sources.map((s) => s.end)
        return { seconds, fetched: report.fetched, ends } satisfies Fetched
      }
      case 'delete':
        return unwrap(await store.delete(unwrap(parseBlobId(order.id))))
      default:
        throw new Error(`${order.do} is for raw nodes.`)
    }
  }
}

/** Sends as fast as the transport takes it, and counts what comes: no store, no hash, no questions. */
async function raw(): Promise<(order: Order) => Promise<unknown>> {
  const node = await createLibp2p({
    addresses: { listen: [listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux({ streamOptions: { maxStreamWindowSize: 2 ** 20 } })],
    connectionMonitor: { enabled: false },
  })
  await node.handle('/raw', async (stream) => {
    const asked = await new Promise<number>((resolve) =>
      stream.addEventListener('message', ({ data }) => resolve(Number(Buffer.from(data.subarray()))), {
        once: true,
      }),
    )
    const piece = new Uint8Array(PIECE)
    for (let sent = 0; sent < asked; sent += PIECE) {
      stream.send(piece)
      while (stream.writableNeedsDrain)
        await new Promise((resolve) => stream.addEventListener('drain', resolve, { once: true }))
    }
    await stream.close()
  })
  process.send!({ answer: node.getMultiaddrs()[0]!.toString() })
  return async (order) => {
    if (order.do !== 'receive') throw new Error(`${order.do} is for blob nodes.`)
    const connection = await node.dial(multiaddr(order.from))
    const start = performance.now()
    const stream = await connection.newStream('/raw')
    let bytes = 0
    const all = new Promise<void>((resolve) => {
      stream.addEventListener('message', ({ data }) => {
        bytes += data.byteLength
        if (bytes === order.bytes) resolve()
      })
    })
    stream.send(Buffer.from(`${order.bytes}`))
    await all
    const seconds = (performance.now() - start) / 1000
    await stream.close()
    return seconds
  }
}
