import type { Connection, Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { ok, type Result } from '@lockstep/tensor'
import { type Blame, type Channel, createChannel, type StreamDefinition } from './channel.ts'
import type { Clock } from './clock.ts'
import type { Greeter } from './hello.ts'
import type { PeerLimits } from './limits.ts'
import type { Log } from './log.ts'
import { fault, reasonOf } from './network-fault.ts'
import { type NetworkId, networkTag } from './network-id.ts'
import type { PeerId } from './peer-key.ts'
import { createLimiter, crowdRate, type Limiter } from './rate.ts'
import { createTurns } from './turns.ts'

/** Why an inbound stream is not served. */
export type Refusal = { readonly code: 'rate-limited' | 'busy'; readonly retryMs: number }

export type Streams = {
  open(peer: PeerId, definition: StreamDefinition, signal?: AbortSignal): Promise<Result<Channel>>
  /** Instead of the handler, `refuse` may say politely that there is no room; without it the stream is aborted. */
  handle(
    definition: StreamDefinition,
    handler: (channel: Channel) => Promise<void>,
    refuse?: (channel: Channel, refusal: Refusal) => Promise<void>,
  ): void
  readonly counts: Readonly<Record<string, Record<string, number>>>
}

/** The other side counts a stream a little longer than we do, so it allows more than we open. */
const SLACK = 2
/** The transport's own limit resets streams without a word to us, so it is so many times ours, which costs standing. */
const TRANSPORT_SHARE = 8
/** Streams that wait for a turn with a peer, per kind. */
const MAX_WAITING = 4096
/** We stay below what the other side allows, because streams that left evenly arrive in bunches. */
const OWN_SHARE = 0.8
/** A machine that stalls for so long meets at once what reached it meanwhile: who kept the rate is not to blame for that. */
const STALL_SECONDS = 0.5

export const createStreams = (
  libp2p: Libp2p,
  network: NetworkId,
  limits: PeerLimits,
  clock: Clock,
  log: Log,
  greeter: () => Greeter,
  blame: (peer: PeerId) => Blame,
): Streams => {
  const tag = networkTag(network)
  const counts: Record<string, Record<string, number>> = {}
  const count = (name: string): Record<string, number> =>
    (counts[name] ??= { opened: 0, accepted: 0, refused: 0, open: 0 })
  const wire = (d: StreamDefinition): string => `/lockstep/${tag}/${d.name}/${d.version}`
  let inbound = 0

  const outgoing = new Map<string, { pace: Limiter; turns: ReturnType<typeof createTurns> }>()
  const outgoingOf = (d: StreamDefinition) => {
    const known = outgoing.get(wire(d))
    if (known !== undefined) return known
    const rate = { perSecond: d.rate.perSecond * OWN_SHARE, burst: Math.max(1, d.rate.burst * OWN_SHARE) }
    const made = { pace: createLimiter(rate, clock), turns: createTurns(d.streamsPerPeer, MAX_WAITING) }
    outgoing.set(wire(d), made)
    return made
  }

  const connect = async (peer: PeerId, signal: AbortSignal): Promise<Result<Connection>> => {
    const unreachable = (why: string): Result<never> =>
      fault(
        'peer-unreachable',
        'peer',
        `${peer} (${why})`,
        'a peer that can be dialled',
        'Try again later, or another peer.',
      )
    try {
      const id = peerIdFromString(peer)
      const open = libp2p.getConnections(id).filter((c) => c.status === 'open')
      const connection =
        open.find((c) => c.limits === undefined) ?? open[0] ?? (await libp2p.dial(id, { signal }))
      const greeted = await greeter().greeting(connection)
      return greeted.ok ? ok(connection) : greeted
    } catch (error) {
      return unreachable(reasonOf(error))
    }
  }

  return {
    counts,
    async open(peer, definition, signal) {
      const tally = count(definition.name)
      const { pace, turns } = outgoingOf(definition)
      const limit = AbortSignal.any([AbortSignal.timeout(limits.dialMs), ...(signal ? [signal] : [])])
      const release = await turns.take(peer, signal ?? limit)
      if (release === undefined)
        return fault(
          'busy',
          `streams ${definition.name} to ${peer}`,
          'no turn',
          `${definition.streamsPerPeer} at a time`,
          'Ask for less at a time, or another peer.',
        )
      const give = (result: Result<never>): Result<never> => {
        release()
        return result
      }
      for (let wait = pace(peer); wait > 0; wait = pace(peer)) {
        if (!(await slept(wait, signal ?? limit)))
          return give(
            fault(
              'rate-limited',
              `streams ${definition.name} to ${peer}`,
              'too many',
              `${definition.rate.perSecond} a second`,
              'Ask less often, or another peer.',
            ),
          )
      }
      const connection = await connect(peer, limit)
      if (!connection.ok) return give(connection)
      try {
        const stream = await connection.value.newStream(wire(definition), {
          signal: limit,
          runOnLimitedConnection: true,
          maxOutboundStreams: definition.streamsPerPeer * SLACK,
        })
        tally.opened!++
        tally.open!++
        const channel = createChannel(stream, peer, definition.idleMs, blame(peer), definition.holdBytes)
        const cancel = (): void => channel.abort('cancelled')
        signal?.addEventListener('abort', cancel)
        const closed = (): void => {
          release()
          tally.open!--
          signal?.removeEventListener('abort', cancel)
        }
        if (stream.status === 'open' || stream.status === 'closing')
          stream.addEventListener('close', closed, { once: true })
        else closed()
        if (signal?.aborted) cancel()
        return ok(channel)
      } catch (error) {
        const unsupported = error instanceof Error && error.name === 'UnsupportedProtocolError'
        return give(
          unsupported
            ? fault(
                'protocol-unsupported',
                `protocol of ${peer}`,
                wire(definition),
                'what it serves',
                'Ask another peer.',
              )
            : fault(
                'peer-unreachable',
                'peer',
                `${peer} (${reasonOf(error)})`,
                'an open connection',
                'Try again later, or another peer.',
              ),
        )
      }
    },

    handle(definition, handler, refuse) {
      const tally = count(definition.name)
      const { perSecond, burst } = definition.rate
      const perPeer = createLimiter({ perSecond, burst: burst + perSecond * STALL_SECONDS }, clock)
      const all = createLimiter(crowdRate(definition.rate), clock, 1)
      const openBy = new Map<PeerId, number>()
      const serve = async (channel: Channel): Promise<void> => {
        const crowded = openBy.get(channel.peer)! > definition.streamsPerPeer * SLACK
        const wait = crowded ? 1000 : perPeer(channel.peer)
        if (wait > 0) blame(channel.peer)('flood', `streams ${definition.name}`)
        const refusal: Refusal | undefined =
          wait > 0
            ? { code: 'rate-limited', retryMs: wait }
            : all('') > 0 || inbound > limits.maxStreams
              ? { code: 'busy', retryMs: 1000 }
              : undefined
        if (refusal === undefined) {
          tally.accepted!++
          return handler(channel)
        }
        tally.refused!++
        if (refuse !== undefined) return refuse(channel, refusal)
        channel.abort(refusal.code)
      }
      void libp2p.handle(
        wire(definition),
        async (stream, connection) => {
          const peer = connection.remotePeer.toString()
          const channel = createChannel(stream, peer, definition.idleMs, blame(peer), definition.holdBytes)
          inbound++
          tally.open!++
          openBy.set(peer, (openBy.get(peer) ?? 0) + 1)
          try {
            if ((await greeter().greeting(connection)).ok) await serve(channel)
            else channel.abort('no hello')
            await channel.finish()
          } catch (error) {
            log.warn({ err: error, peer, stream: definition.name }, 'a stream handler failed')
            channel.abort('handler failed')
          } finally {
            inbound--
            tally.open!--
            const left = openBy.get(peer)! - 1
            if (left === 0) openBy.delete(peer)
            else openBy.set(peer, left)
          }
        },
        {
          maxInboundStreams: definition.streamsPerPeer * TRANSPORT_SHARE,
          maxOutboundStreams: definition.streamsPerPeer * SLACK,
          runOnLimitedConnection: true,
        },
      )
    },
  }
}

/** False when the signal came first. */
const slept = (ms: number, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve(false)
    const stop = (): void => {
      clearTimeout(timer)
      resolve(false)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve(true)
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
