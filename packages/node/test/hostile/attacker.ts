import type { Connection } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { PeerId } from '@lockstep/network'
import { startStranger } from '../../../network/test/stranger.ts'
import { type AnyTopic, TOPICS } from './definitions.ts'
import type { Stage } from './stage.ts'

/** A libp2p node of a stranger's, which keeps none of our limits, connected to the relay. */
export type Attacker = {
  readonly id: PeerId
  readonly node: Awaited<ReturnType<typeof startStranger>>['node']
  /** Messages and requests that have left. */
  readonly sent: () => number
  readonly sentBytes: () => number
  /** Whether the relay still talks to it. */
  readonly isConnected: () => boolean
  /** Publishes these bytes, or the message with the time of its sending. */
  readonly say: (topic: AnyTopic, message: unknown, sentAt?: number) => Promise<void>
  readonly sayBytes: (topic: AnyTopic, bytes: Uint8Array) => Promise<void>
  /** Says hello to another peer too. */
  readonly meet: (address: string) => Promise<void>
  /** Peers that hear what it publishes. */
  readonly listeners: (topic: AnyTopic) => readonly PeerId[]
  /** Opens a stream, writes these bytes and ends it; gives what comes back, or undefined where it was cut off. */
  readonly ask: (name: string, bytes: Uint8Array, milliseconds?: number) => Promise<Uint8Array | undefined>
  /** Answers whoever asks with these bytes. */
  readonly answer: (name: string, bytes: Uint8Array) => Promise<void>
  /** What a connected peer says that it speaks, and listens to. */
  readonly spoken: () => Promise<{ readonly protocols: string[]; readonly topics: string[] }>
  readonly stop: () => Promise<void>
}

export const frame = (payload: Uint8Array | string | object): Uint8Array => {
  const bytes =
    payload instanceof Uint8Array
      ? payload
      : new TextEncoder().encode(typeof payload === 'string' ? payload : JSON.stringify(payload))
  const framed = new Uint8Array(4 + bytes.length)
  new DataView(framed.buffer).setUint32(0, bytes.length)
  framed.set(bytes, 4)
  return framed
}

const ANSWER_MS = 3_000
const running = new Set<() => Promise<void>>()
/** Ends those that a test which failed has left. */
export const stopAttackers = async (): Promise<void> => {
  await Promise.all([...running].map((stop) => stop()))
}

/** @param topics Those that the relay must be known to listen to before it begins */
export const attackerOf = async (
  { relay, network }: Pick<Stage, 'relay' | 'network'>,
  topics: readonly AnyTopic[] = TOPICS,
): Promise<Attacker> => {
  const stranger = await startStranger({ after: () => {} }, network)
  const { node, prefix } = stranger
  const victim = peerIdFromString(relay.id)
  const wire = ({ name, version }: AnyTopic): string => `${prefix}/topic/${name}/${version}`
  const connected = (): Connection | undefined =>
    node.getConnections(victim).find(({ status }) => status === 'open')
  await stranger.meet(relay.address)
  const { gossip } = node.services
  const stop = async (): Promise<void> => {
    running.delete(stop)
    await Promise.race([node.stop(), pause(500)])
  }
  running.add(stop)
  // What is published before there is a stream to the relay is lost.
  const { streamsOutbound } = gossip as unknown as { streamsOutbound: Map<string, unknown> }
  while (
    !streamsOutbound.has(relay.id) ||
    !topics.every((topic) => gossip.getSubscribers(wire(topic)).length > 0)
  ) {
    if (connected() === undefined) throw new Error('the relay does not talk to it')
    await pause(10)
  }
  let [sent, sentBytes] = [0, 0]
  const sayBytes = async (topic: AnyTopic, bytes: Uint8Array): Promise<void> => {
    await gossip.publish(wire(topic), bytes)
    sent++
    sentBytes += bytes.length
  }
  return {
    id: stranger.id,
    node,
    sent: () => sent,
    sentBytes: () => sentBytes,
    isConnected: () => connected() !== undefined,
    say: (topic, body, sentAt = Date.now()) => sayBytes(topic, Buffer.from(JSON.stringify({ sentAt, body }))),
    sayBytes,
    listeners: (topic) =>
      gossip
        .getSubscribers(wire(topic))
        .map(String)
        .filter((id) => streamsOutbound.has(id)),
    meet: async (address) => void (await stranger.meet(address)),
    ask: async (name, bytes, milliseconds = ANSWER_MS) => {
      const connection = connected()
      if (connection === undefined) return undefined
      const stream = await stranger.open(connection, `${prefix}/${name}`)
      const chunks: Uint8Array[] = []
      const ended = new Promise<boolean>((resolve) => {
        stream.addEventListener('message', ({ data }) => void chunks.push(data.subarray()))
        stream.addEventListener('end', () => resolve(true))
        stream.addEventListener('close', ({ error }) => resolve(error === undefined))
        setTimeout(() => resolve(false), milliseconds).unref()
      })
      stream.send(bytes)
      sent++
      sentBytes += bytes.length
      // Closing waits for what is written, and the relay may not want to read it.
      void stream.close().catch(() => {})
      return (await ended) ? Buffer.concat(chunks) : undefined
    },
    answer: (name, bytes) =>
      node.handle(`${prefix}/${name}`, async (stream) => {
        stream.send(bytes)
        await stream.close()
      }),
    spoken: async () => {
      const { protocols } = await node.services.identify.identify(connected()!)
      const { topics } = gossip as unknown as { topics: Map<string, unknown> }
      return {
        protocols: protocols
          .filter((one) => one.startsWith(`${prefix}/`))
          .map((one) => one.slice(prefix.length + 1)),
        topics: [...topics.keys()].map((one) => one.slice(`${prefix}/topic/`.length)),
      }
    },
    stop,
  }
}

export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

/** The answer in a frame: JSON. */
export const unframed = (bytes: Uint8Array | undefined): unknown => {
  if (bytes === undefined || bytes.length < 4) return undefined
  return JSON.parse(new TextDecoder().decode(bytes.subarray(4)))
}
