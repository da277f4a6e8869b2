import { createHash } from 'node:crypto'
import {
  type GossipSub,
  type GossipSubComponents,
  gossipsub,
  type Message,
  StrictSign,
  TopicValidatorResult,
} from '@libp2p/gossipsub'
import type { PeerId as Libp2pPeerId } from '@libp2p/interface'
import { ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import type { Clock } from './clock.ts'
import type { PeerLimits } from './limits.ts'
import type { Log } from './log.ts'
import { decodeMessage, encodeMessage } from './message.ts'
import { fault, reasonOf } from './network-fault.ts'
import { type NetworkId, networkTag } from './network-id.ts'
import type { PeerId } from './peer-key.ts'
import { createLimiter, crowdRate } from './rate.ts'
import type { Standing } from './standing.ts'
import type { Topic, TopicDefinition, TopicMessage, Verdict } from './topic.ts'

/** What gossip adds around a message: names, signature, key. */
const FRAME_BYTES = 4096
/** Topics of one peer that we remember: 64 of them, at the kilobyte each that gossipsub reckons. */
const TOPIC_BYTES_PER_PEER = 64 * 1024
/** We stay below what others allow, because messages that left evenly arrive in bunches. */
const OWN_SHARE = 0.8
const KEPT_AUTHORS = 16384

/** What gossipsub decodes a frame to, as far as we look. */
type Rpc = {
  subscriptions: { topic?: string }[]
  messages: { topic: string }[]
  control?: unknown
}

/** The parts of gossipsub that we take over. They are not in its interface; the version is pinned, and tests fail if they move. */
type Reader = {
  pipePeerReadStream(
    peer: Libp2pPeerId,
    source: AsyncIterable<{ byteLength: number; subarray(): Uint8Array }>,
  ): Promise<void>
  decodeRpc(bytes: Uint8Array): Rpc
  handleReceivedRpc(peer: Libp2pPeerId, rpc: Rpc): Promise<void>
  onPeerDisconnected(peer: Libp2pPeerId): void
  sendRpc(peer: string, rpc: Rpc): boolean
  streamsOutbound: Map<string, { push(bytes: Uint8Array): void }>
  peers: Map<string, unknown>
  score: { rejectInvalidMessage(from: string, topic: string): void }
}

export type Gossip = {
  readonly service: (components: GossipSubComponents) => GossipSub
  topic<T>(definition: TopicDefinition<T>): Topic<T>
  /** Peers that cannot hear us any more because they did not read: their backlog was full. */
  deaf(): PeerId[]
  readonly counts: Readonly<Record<string, Record<string, number>>>
  /** All frames of gossip with the messages in them, and their bytes, as they came in and went out. */
  readonly traffic: Readonly<Record<keyof Traffic, number>>
}
type Traffic = Record<
  'framesIn' | 'messagesIn' | 'bytesIn' | 'framesOut' | 'messagesOut' | 'bytesOut',
  number
>

export const createGossip = (
  self: PeerId,
  network: NetworkId,
  limits: PeerLimits,
  clock: Clock,
  log: Log,
  standing: Standing,
): Gossip => {
  const prefix = `/lockstep/${networkTag(network)}/`
  const counts: Record<string, Record<string, number>> = {}
  const traffic: Traffic = {
    ...{ framesIn: 0, messagesIn: 0, bytesIn: 0, framesOut: 0, messagesOut: 0, bytesOut: 0 },
  }
  const subscribed = new Set<string>()
  let gossip: GossipSub | undefined
  const reader = (): Reader => gossip as unknown as Reader

  const contentId = (topic: string, data: Uint8Array): Uint8Array =>
    createHash('sha256').update(topic).update('\0').update(data).digest()

  const frameRate = createLimiter(limits.gossipRate, clock)
  const byteRate = createLimiter(limits.gossipByteRate, clock)
  const excessiveFrames = createLimiter(crowdRate(limits.gossipRate), clock)
  const excessiveBytes = createLimiter(crowdRate(limits.gossipByteRate), clock)
  const allFrames = createLimiter(crowdRate(limits.gossipRate), clock, 1)
  const allBytes = createLimiter(crowdRate(limits.gossipByteRate), clock, 1)

  /**
   * Before anything is verified or kept: how much a peer hands us is bounded whatever it is. What is over its rate is
   * dropped. It is held against the peer only where no honest one hands on as much, all that it lets in itself: else many
   * names that each keep to their rates would have the relay banned that carries them.
   */
  const admit = (from: PeerId, bytes: number, messages: number): boolean => {
    if (excessiveBytes(from, bytes) > 0 || excessiveFrames(from, messages) > 0)
      standing.penalise(from, 'flood', `gossip: a frame of ${bytes} bytes with ${messages} messages`)
    if (byteRate(from, bytes) > 0 || frameRate(from, messages) > 0) return false
    return allBytes('', bytes) === 0 && allFrames('', messages) === 0
  }

  /**
   * Reads what a peer hands us in place of gossipsub's own loop, which neither limits rates nor holds anyone
   * responsible for a frame that does not decode.
   */
  const readFrom: Reader['pipePeerReadStream'] = async (peer, source) => {
    const from = peer.toString()
    try {
      for await (const frame of source) {
        if (standing.banned(from)) return
        traffic.framesIn++
        traffic.bytesIn += frame.byteLength
        let rpc: Rpc
        try {
          rpc = reader().decodeRpc(frame.subarray())
        } catch (error) {
          standing.penalise(from, 'malformed', `gossip: ${reasonOf(error)}`)
          continue
        }
        traffic.messagesIn += rpc.messages.length
        if (!admit(from, frame.byteLength, Math.max(1, rpc.messages.length))) continue
        rpc.subscriptions = rpc.subscriptions.filter((s) => s.topic?.startsWith(prefix))
        rpc.messages = rpc.messages.filter((m) => subscribed.has(m.topic))
        // Not awaited: the transport's queue before us is unbounded, the rates above are not.
        reader()
          .handleReceivedRpc(peer, rpc)
          .catch((error: unknown) => log.warn({ err: error, peer: from }, 'gossip could not be handled'))
      }
    } catch (error) {
      if (error instanceof Error && /InvalidDataLength/.test(error.name))
        standing.penalise(from, 'oversize', `gossip: ${error.message}`)
      reader().onPeerDisconnected(peer)
    }
  }

  const service: Gossip['service'] = (components) => {
    gossip = gossipsub({
      globalSignaturePolicy: StrictSign,
      allowPublishToZeroTopicPeers: true,
      ignoreDuplicatePublishError: true,
      fallbackToFloodsub: false,
      runOnLimitedConnection: true,
      // The same content is the same message whoever signs it; its signature is checked before its id is remembered.
      msgIdFn: (m: Message) => contentId(m.topic, m.data),
      fastMsgIdFn: (m: { topic: string; data?: Uint8Array }) =>
        Buffer.from(contentId(m.topic, m.data ?? new Uint8Array())).toString('base64'),
      seenTTL: 2 * limits.replayWindowMs + 10_000,
      maxInboundDataLength: limits.gossipFrameBytes,
      maxTopicBytesPerPeer: TOPIC_BYTES_PER_PEER,
      scoreParams: {
        // Peers on one machine or behind one router are no conspiracy.
        IPColocationFactorWeight: 0,
        appSpecificScore: (peer: string) => standing.of(peer),
        appSpecificWeight: 1,
        // A machine under load breaks a few promises without meaning harm.
        behaviourPenaltyThreshold: 6,
        behaviourPenaltyWeight: -1,
      },
      scoreThresholds: { gossipThreshold: -40, publishThreshold: -60, graylistThreshold: -80 },
    })(components) as GossipSub
    reader().pipePeerReadStream = readFrom
    const send = reader().sendRpc.bind(gossip)
    const counted = new WeakSet<object>()
    reader().sendRpc = (peer, rpc) => {
      const stream = reader().streamsOutbound.get(peer)
      if (stream !== undefined && !counted.has(stream)) {
        counted.add(stream)
        const push = stream.push.bind(stream)
        stream.push = (bytes) => {
          push(bytes)
          traffic.bytesOut += bytes.length
        }
      }
      const sent = send(peer, rpc)
      if (sent) {
        traffic.framesOut++
        traffic.messagesOut += rpc.messages.length
      }
      return sent
    }
    // Called for messages without a good signature, which never reach a validator.
    reader().score.rejectInvalidMessage = (from, topic) =>
      standing.penalise(from, 'malformed', `a bad signature on ${topic}`)
    return gossip
  }

  const topic = <T>(definition: TopicDefinition<T>): Topic<T> => {
    const { name, maxBytes } = definition
    const wire = `${prefix}topic/${name}/${definition.version}`
    if (gossip === undefined) throw new Error('a topic before the peer was started')
    const node = gossip
    if (maxBytes > limits.gossipFrameBytes - FRAME_BYTES)
      throw new Error(
        `topic ${name} allows ${maxBytes} bytes; gossip carries at most ${limits.gossipFrameBytes - FRAME_BYTES}`,
      )
    if (node.topicValidators.has(wire)) throw new Error(`topic ${name} exists twice`)
    const envelope = z.strictObject({ sentAt: z.int().min(0), body: definition.schema })
    const tally = { published: 0, delivered: 0, ignored: 0, rejected: 0, dropped: 0 }
    counts[name] = tally
    const perAuthor = createLimiter(definition.authorRate, clock, KEPT_AUTHORS)
    const own = createLimiter(
      {
        perSecond: definition.authorRate.perSecond * OWN_SHARE,
        burst: Math.max(1, definition.authorRate.burst * OWN_SHARE),
      },
      clock,
      1,
    )
    const subscribers = new Set<(message: TopicMessage<T>) => void>()

    const judge = async (source: PeerId, raw: Message): Promise<Verdict> => {
      if (raw.type !== 'signed') return 'reject'
      const author = raw.from.toString()
      // Others may carry it, for whom its author has done nothing wrong.
      if (standing.banned(author)) return 'ignore'
      if (raw.data.length > maxBytes) {
        standing.penalise(source, 'oversize', `topic ${name}: ${raw.data.length} bytes; allowed: ${maxBytes}`)
        return 'reject'
      }
      if (perAuthor(author) > 0) {
        if (author === source) standing.penalise(source, 'flood', `topic ${name}`)
        return 'ignore'
      }
      const decoded = decodeMessage(raw.data, envelope as z.ZodType<{ sentAt: number; body: T }>)
      if (!decoded.ok) {
        standing.penalise(
          source,
          'malformed',
          `topic ${name}: ${decoded.fault.field}: ${decoded.fault.value}`,
        )
        return 'reject'
      }
      const { sentAt, body } = decoded.value
      const off = Math.abs(clock() - sentAt)
      if (off > limits.replayWindowMs) {
        // Beyond twice the window no honest peer's delay explains it.
        if (off > 2 * limits.replayWindowMs)
          standing.penalise(
            source,
            'replay',
            `topic ${name}: sent ${Math.round((clock() - sentAt) / 1000)} s ago`,
          )
        return 'ignore'
      }
      const message: TopicMessage<T> = { body, author, source, sentAt }
      const verdict = (await definition.validate?.(message)) ?? 'accept'
      if (verdict === 'reject') standing.penalise(source, 'rejected', `topic ${name}`)
      if (verdict === 'accept') for (const deliver of subscribers) deliver(message)
      return verdict
    }

    node.topicValidators.set(wire, async (source, raw) => {
      let verdict: Verdict = 'ignore'
      try {
        verdict = await judge(source.toString(), raw)
      } catch (error) {
        log.warn({ err: error, topic: name }, 'a validator failed')
      }
      tally[({ accept: 'delivered', ignore: 'ignored', reject: 'rejected' } as const)[verdict]]++
      return TopicValidatorResult[
        ({ accept: 'Accept', ignore: 'Ignore', reject: 'Reject' } as const)[verdict]
      ]
    })

    return {
      async publish(body): Promise<Result<number>> {
        const checked = definition.schema.safeParse(body)
        if (!checked.success)
          return fault(
            'message-malformed',
            `message of topic ${name}`,
            checked.error.issues[0]!.message,
            'the schema',
            'Correct the message.',
          )
        const wait = own(self)
        if (wait > 0)
          return fault(
            'rate-limited',
            `messages of topic ${name}`,
            'one more',
            `${definition.authorRate.perSecond * OWN_SHARE} a second`,
            `Publish again in ${wait} ms.`,
          )
        const bytes = encodeMessage({ sentAt: clock(), body }, maxBytes)
        if (!bytes.ok) return bytes
        tally.published++
        const { recipients } = await node.publish(wire, bytes.value)
        return ok(recipients.length)
      },
      subscribe(handler) {
        const deliver = queued(handler, limits.topicQueue, log, name, () => tally.dropped++)
        subscribers.add(deliver)
        if (!subscribed.has(wire)) {
          subscribed.add(wire)
          node.subscribe(wire)
        }
        return () => {
          subscribers.delete(deliver)
          if (subscribers.size > 0 || !subscribed.delete(wire)) return
          node.unsubscribe(wire)
        }
      },
      listeners: () => node.getSubscribers(wire).map(String),
    }
  }

  return {
    service,
    topic,
    counts,
    traffic,
    deaf: () => [...reader().peers.keys()].filter((peer) => !reader().streamsOutbound.has(peer)),
  }
}

/** Hands messages to a handler one at a time; what does not fit into the queue is dropped. */
const queued = <T>(
  handler: (message: T) => void | Promise<void>,
  limit: number,
  log: Log,
  topic: string,
  onDrop: () => void,
): ((message: T) => void) => {
  const waiting: T[] = []
  let running = false
  const run = async (): Promise<void> => {
    running = true
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      try {
        await handler(next)
      } catch (error) {
        log.warn({ err: error, topic }, 'a subscriber failed')
      }
    }
    running = false
  }
  return (message) => {
    if (waiting.length >= limit) {
      onDrop()
      return
    }
    waiting.push(message)
    if (!running) void run()
  }
}
