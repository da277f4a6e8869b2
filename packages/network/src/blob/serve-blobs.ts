import type { Result } from '@lockstep/tensor'
import type { Channel } from '../channel.ts'
import { createLimiter, type Limiter, type Rate } from '../rate.ts'
import { type BlobId, CHUNK, chunkCount } from './blob-id.ts'
import type { BlobStore } from './blob-store.ts'
import type { Pulls } from './pulls.ts'
import {
  type BlobRequest,
  type DigestsResponse,
  type HaveResponse,
  MAX_REQUEST_BYTES,
  MAX_RESPONSE_BYTES,
  type RunResponse,
  requestSchema,
} from './transfer-message.ts'

export type ServeLimits = {
  /** Streams that are served at a time, of all peers and of one. Two runs of each are in memory, 2 MiB, at most. */
  readonly streams: number
  readonly streamsPerPeer: number
  /** Bytes a second to all peers together; Infinity where nothing is said. */
  readonly bytesPerSecond: number
  /** Questions of one peer. Faster ones are answered later. */
  readonly questions: Rate
  /** How long a peer may take to accept one chunk. */
  readonly chunkMs: number
}

export const defaultServeLimits: ServeLimits = {
  streams: 64,
  streamsPerPeer: 8,
  bytesPerSecond: Number.POSITIVE_INFINITY,
  questions: { perSecond: 200, burst: 400 },
  chunkMs: 60_000,
}

export type ServeStats = {
  readonly streams: number
  readonly refused: number
  readonly chunks: number
  readonly bytes: number
}

export type Server = {
  serve(channel: Channel): Promise<void>
  stats(): ServeStats
  stop(): void
}

/** Chunks that are read from the disk and sent at once. */
const RUN = 4
/** Room for so many runs is kept for the next question of anyone. */
const SPARE = 8
const DIGESTS_AT_ONCE = 2 ** 18

/** The answering end: one question of a stream after the other, so that a peer that does not read is not read either. */
export const createServer = (store: BlobStore, pulls: Pulls, limits: ServeLimits): Server => {
  const channels = new Map<Channel, string>()
  const questions = createLimiter(limits.questions, () => performance.now())
  const pace = createPace(limits.bytesPerSecond)
  const stop = new AbortController()
  const counts = { refused: 0, chunks: 0, bytes: 0 }

  const have = (id: BlobId): HaveResponse => {
    if (store.has(id)) return { held: 'all' }
    const set = store.chunks(id)
    if (set.size === 0) return { held: 'none' }
    return { held: 'some', bits: Buffer.from(set.bits).toString('base64') }
  }

  const answerDigests = async (channel: Channel, id: BlobId): Promise<boolean> => {
    const digests = await store.digests(id)
    const response: DigestsResponse = { bytes: digests.ok ? digests.value.length : null }
    if (!(await within(channel, () => channel.writeMessage(response, MAX_RESPONSE_BYTES)))) return false
    if (!digests.ok) return true
    for (let at = 0; at < digests.value.length; at += DIGESTS_AT_ONCE) {
      const part = digests.value.subarray(at, at + DIGESTS_AT_ONCE)
      await pace(part.length, stop.signal)
      if (!(await within(channel, () => channel.write(part)))) return false
    }
    return true
  }

  /** Room for runs that nobody uses at the moment: what is read into the same memory is no garbage. */
  const spare: Uint8Array[] = []

  const answerChunks = async (channel: Channel, id: BlobId, chunks: readonly number[]): Promise<boolean> => {
    const room = [spare.pop(), spare.pop()].map((it) => it ?? Buffer.allocUnsafeSlow(RUN * CHUNK))
    const sent = await sendChunks(channel, id, chunks, room)
    // What did not leave in good order may still be on its way through the transport.
    if (sent) spare.push(...room.slice(0, SPARE - spare.length))
    return sent
  }

  const sendChunks = async (
    channel: Channel,
    id: BlobId,
    chunks: readonly number[],
    room: readonly Uint8Array[],
  ): Promise<boolean> => {
    let runs = 0
    const read = async (at: number): Promise<{ bytes: Uint8Array | null; count: number }> => {
      const first = chunks[at]
      if (first === undefined || first >= chunkCount(id)) return { bytes: null, count: 1 }
      let count = 1
      while (count < RUN && chunks[at + count] === first + count) count++
      const bytes = await store.readRun(id, first, count, room[runs++ % room.length])
      return bytes.ok
        ? { bytes: bytes.value, count: Math.ceil(bytes.value.length / CHUNK) }
        : { bytes: null, count: 1 }
    }
    let next = read(0)
    for (let at = 0; at < chunks.length; ) {
      const { bytes, count } = await next
      const response: RunResponse = { chunk: chunks[at]!, count, bytes: bytes?.length ?? null }
      if (bytes !== null) await pace(bytes.length, stop.signal)
      if (stop.signal.aborted) return false
      at += count
      // The next run is read from the disk while this one is on its way.
      next = read(at)
      const sent = await within(channel, async () => {
        const header = await channel.writeMessage(response, MAX_RESPONSE_BYTES)
        return header.ok && bytes !== null ? channel.write(bytes) : header
      })
      if (!sent) {
        await next
        return false
      }
      if (bytes === null) continue
      counts.chunks += count
      counts.bytes += bytes.length
    }
    return true
  }

  const answer = async (channel: Channel, request: BlobRequest): Promise<boolean> => {
    switch (request.ask) {
      case 'have':
        return within(channel, () => channel.writeMessage(have(request.id), MAX_RESPONSE_BYTES))
      case 'digests':
        return answerDigests(channel, request.id)
      case 'chunks':
        return answerChunks(channel, request.id, request.chunks)
      case 'offer':
        return pulls.answer(channel, request.id, request.reason)
    }
  }

  /** False when the other side did not take it, or not in time. */
  const within = async (channel: Channel, work: () => Promise<Result<void>>): Promise<boolean> => {
    const timer = setTimeout(() => channel.abort('too slow'), limits.chunkMs)
    const done = await work()
    clearTimeout(timer)
    return done.ok
  }

  return {
    async serve(channel) {
      const ofPeer = [...channels.values()].filter((peer) => peer === channel.peer).length
      if (stop.signal.aborted || channels.size >= limits.streams || ofPeer >= limits.streamsPerPeer) {
        counts.refused++
        channel.abort('busy')
        return
      }
      channels.set(channel, channel.peer)
      try {
        for (;;) {
          const ended = await channel.ended()
          if (!ended.ok || ended.value) return
          const request = await channel.readMessage(requestSchema, MAX_REQUEST_BYTES)
          if (!request.ok) return channel.abort(request.fault.code)
          await turn(questions, channel.peer, stop.signal)
          if (stop.signal.aborted || !(await answer(channel, request.value))) return
        }
      } finally {
        channels.delete(channel)
      }
    },
    stats: () => ({ streams: channels.size, ...counts }),
    stop() {
      stop.abort()
      for (const channel of channels.keys()) channel.abort('stopped')
    },
  }
}

const turn = async (limiter: Limiter, key: string, signal: AbortSignal): Promise<void> => {
  for (let wait = limiter(key); wait > 0 && !signal.aborted; wait = limiter(key)) await sleep(wait, signal)
}

/** Lets bytes go at a rate; a quarter of a second's worth may go at once. */
export const createPace = (
  bytesPerSecond: number,
): ((bytes: number, signal: AbortSignal) => Promise<void>) => {
  const burstMs = 250
  let free = Number.NEGATIVE_INFINITY
  return async (bytes, signal) => {
    if (bytesPerSecond === Number.POSITIVE_INFINITY) return
    const now = performance.now()
    const start = Math.max(free, now - burstMs)
    free = start + (bytes / bytesPerSecond) * 1000
    if (free > now) await sleep(free - now, signal)
  }
}

const sleep = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    if (signal.aborted) end()
  })
