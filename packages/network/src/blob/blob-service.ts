import { fail, ok, type Result } from '@lockstep/tensor'
import type { PeerId } from '../peer-key.ts'
import { type BlobId, chunkCount } from './blob-id.ts'
import type { BlobStore } from './blob-store.ts'
import { type FetchProgress, type FetchReport, fetchBlob } from './fetch-blob.ts'
import type { BlobPeer } from './link.ts'
import { createLinks } from './links.ts'
import { type Accept, createPulls, defaultPullLimits, type PullLimits } from './pulls.ts'
import { createServer, defaultServeLimits, type ServeLimits, type ServeStats } from './serve-blobs.ts'
import { BLOBS, type JobReason } from './transfer-message.ts'

export type BlobServiceOptions = {
  /** Whether to store a blob that someone offers; without it all offers are refused. */
  readonly accept?: Accept
  /** The longest that a source may take for one answer. */
  readonly chunkMs?: number
  /** How long sources that have nothing new to give are kept. */
  readonly patienceMs?: number
  /** Transfers at a time; more wait, `waiting` of them at most. */
  readonly fetches?: number
  readonly waiting?: number
  readonly serve?: Partial<ServeLimits>
  readonly pulls?: Partial<PullLimits>
}

export type FetchOptions = {
  readonly signal?: AbortSignal
  readonly progress?: (progress: FetchProgress) => void
}

export type OfferOptions = {
  readonly signal?: AbortSignal
  /** Chunks that the other side holds, of how many. */
  readonly progress?: (held: number, chunks: number) => void
}

export type BlobService = {
  /**
   * Completes a blob in the store from several sources at once; verified chunks are never fetched again. Faults:
   * blob-unavailable, cancelled, blob-store-full, disk-full, blob-busy.
   */
  fetch(id: BlobId, sources: readonly PeerId[], options?: FetchOptions): Promise<Result<FetchReport>>
  /**
   * Asks a peer to store a blob that we serve, and waits until it has it. Faults: offer-refused, offer-busy,
   * offer-failed, and those of the stream.
   */
  offer(to: PeerId, id: BlobId, reason: JobReason, options?: OfferOptions): Promise<Result<void>>
  /** Answers others from now on, until `stop`. */
  serve(): void
  stats(): ServeStats & { readonly fetching: number; readonly waiting: number }
  /** Ends all transfers. The store stays open; it is the caller's. */
  stop(): Promise<void>
}

export const blobService = (
  network: BlobPeer,
  store: BlobStore,
  options: BlobServiceOptions = {},
): BlobService => {
  const { chunkMs = 30_000, patienceMs = 30_000, fetches = 8, waiting = 1024 } = options
  const stop = new AbortController()
  const links = createLinks(network, chunkMs)
  const context = { network, store, links, patienceMs }
  const fetching = new Set<BlobId>()
  const running = new Set<Promise<unknown>>()
  const queue: (() => void)[] = []
  let serving = false

  /** Resolves when it has begun; false when too many wait or it was cancelled meanwhile. */
  const place = async (id: BlobId, signal: AbortSignal): Promise<boolean> => {
    while (fetching.has(id) || fetching.size >= fetches) {
      if (signal.aborted || queue.length >= waiting) return false
      await new Promise<void>((resolve) => {
        const go = (): void => {
          signal.removeEventListener('abort', go)
          resolve()
        }
        queue.push(go)
        signal.addEventListener('abort', go)
      })
    }
    if (!signal.aborted) fetching.add(id)
    return !signal.aborted
  }

  const fetch: BlobService['fetch'] = async (id, sources, { signal, progress = () => undefined } = {}) => {
    const ended = AbortSignal.any(signal ? [signal, stop.signal] : [stop.signal])
    if (!(await place(id, ended)))
      return fail({
        code: ended.aborted ? 'cancelled' : 'blob-busy',
        field: `transfer of ${id}`,
        value: ended.aborted ? 'cancelled' : `${queue.length} others wait`,
        limit: `${fetches} at a time, ${waiting} waiting`,
        remedy: 'Fetch again; what is here is kept.',
      })
    const transfer = fetchBlob(context, id, sources, ended, progress)
    running.add(transfer)
    try {
      return await transfer
    } finally {
      running.delete(transfer)
      fetching.delete(id)
      // All look again: who waited for this blob, and who waited for a place.
      for (const go of queue.splice(0)) go()
    }
  }

  const pulls = createPulls(
    store,
    (id, from, signal, progress) => fetch(id, [from], { signal, progress }),
    options.accept ?? null,
    { ...defaultPullLimits, ...options.pulls },
  )
  const server = createServer(store, pulls, { ...defaultServeLimits, ...options.serve })

  return {
    fetch,
    async offer(to, id, reason, { signal, progress = () => undefined } = {}) {
      if (!serving) throw new Error('Call serve() before offer(): the other side fetches the blob from here.')
      if (!store.has(id)) throw new Error(`${id} is not in the store, so it cannot be offered.`)
      const ended = AbortSignal.any(signal ? [signal, stop.signal] : [stop.signal])
      const link = await links.take(to, ended)
      if (!link.ok) return link
      const cancel = (): void => link.value.abort('cancelled')
      ended.addEventListener('abort', cancel)
      try {
        const answer = await link.value.offer(id, reason, ({ held }) => progress(held, chunkCount(id)))
        if (!answer.ok) return answer
        const { state, why } = answer.value
        if (state === 'stored') return ok(undefined)
        return fail({
          code: `offer-${state}`,
          field: `offer of ${id} to ${to}`,
          value: why ?? state,
          limit: 'what that peer stores',
          remedy: state === 'refused' ? 'Ask another peer.' : 'Try again later, or ask another peer.',
        })
      } finally {
        ended.removeEventListener('abort', cancel)
        links.give(link.value)
      }
    },
    serve() {
      if (serving) return
      serving = true
      network.handleStream(BLOBS, (channel) => server.serve(channel))
    },
    stats: () => ({ ...server.stats(), fetching: fetching.size, waiting: queue.length }),
    async stop() {
      stop.abort()
      server.stop()
      pulls.stop()
      links.stop()
      await Promise.allSettled(running)
    },
  }
}
