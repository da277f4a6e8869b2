import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import type { PeerId } from '../peer-key.ts'
import { type BlobId, blobLength, CHUNK, chunkCount, chunkLength } from './blob-id.ts'
import type { BlobStore } from './blob-store.ts'
import { ChunkPlan } from './chunk-plan.ts'
import type { BlobPeer, Link } from './link.ts'
import type { Links } from './links.ts'
import type { PartialBlob } from './partial-blob.ts'

export type FetchProgress = {
  readonly id: BlobId
  /** Bytes that are here and verified, and all bytes. */
  readonly held: number
  readonly length: number
  /** Bytes that came over the network in this transfer. */
  readonly fetched: number
  /** Sources that are connected. */
  readonly sources: number
}

/** How it ended with a source. */
export type SourceEnd =
  | 'served'
  | 'unreachable'
  | 'lacking'
  | 'ended'
  | 'stalled'
  | 'garbage'
  | 'malformed'
  | 'unused'

export type SourceReport = { readonly peer: PeerId; readonly chunks: number; readonly end: SourceEnd }

export type FetchReport = {
  readonly id: BlobId
  /** Chunks that came and were kept; 0 when all was here. */
  readonly fetched: number
  /** Chunks that came although they were here: two sources had been asked for them. */
  readonly repeated: number
  readonly sources: readonly SourceReport[]
}

export type FetchContext = {
  readonly network: BlobPeer
  readonly store: BlobStore
  readonly links: Links
  /** A source that gives nothing new for so long, and none of the others either, is given up. */
  readonly patienceMs: number
}

/** Milliseconds of a clock that nobody sets. */
const now = (): number => performance.now()

const MAX_SOURCES = 64
const ACTIVE_SOURCES = 8
/** A stream that ended may have been an accident. */
const REDIALS = 2
const REDIAL_MS = 300
/** How long the others wait for the first source's chunk digests before they ask for them too. */
const HEDGE_MS = 1_500
const TICK_MS = 250
/** How often a source is asked anew what it holds, while there is nothing to ask it for. */
const REFRESH_MS = 3_000
const PROGRESS_MS = 100
/** Chunks on their way to the disk. With one more for each source, it is all that a transfer keeps in memory. */
const MAX_WRITING = 16
/** Chunks that a source may say it had and then lack. */
const MAX_LACKED = 32

/** Completes a blob in the store from these sources, or says why it could not. What came is kept in any case. */
export const fetchBlob = (
  context: FetchContext,
  id: BlobId,
  sources: readonly PeerId[],
  signal: AbortSignal,
  progress: (progress: FetchProgress) => void,
): Promise<Result<FetchReport>> => new Transfer(context, id, sources, signal, progress).run()

class Transfer {
  readonly #context: FetchContext
  readonly #id: BlobId
  readonly #waiting: PeerId[]
  readonly #signal: AbortSignal
  readonly #tell: (progress: FetchProgress) => void
  readonly #reports = new Map<PeerId, { chunks: number; end: SourceEnd }>()
  readonly #links = new Set<Link>()
  readonly #writing = new Set<number>()
  /** Chunk buffers for whoever reads next: one for each that is being written, and one for each source. */
  readonly #buffers: Uint8Array[] = []
  readonly #waiters = new Set<() => void>()
  #partial: PartialBlob | null = null
  #plan: ChunkPlan | null = null
  #beginning: Promise<Result<void>> | null = null
  #learning = 0
  #fault: Fault | null = null
  #bug: { readonly error: unknown } | null = null
  #fetched = 0
  #fetchedBytes = 0
  #repeated = 0
  #told = Number.NEGATIVE_INFINITY
  #newsAt = now()

  constructor(
    context: FetchContext,
    id: BlobId,
    sources: readonly PeerId[],
    signal: AbortSignal,
    progress: (progress: FetchProgress) => void,
  ) {
    this.#context = context
    this.#id = id
    this.#signal = signal
    this.#tell = progress
    this.#waiting = [...new Set(sources)].filter((s) => s !== context.network.id).slice(0, MAX_SOURCES)
    for (const peer of this.#waiting) this.#reports.set(peer, { chunks: 0, end: 'unused' })
  }

  async run(): Promise<Result<FetchReport>> {
    const { store } = this.#context
    if (store.has(this.#id)) return ok(this.#report())
    const cancel = (): void => this.#fail(cancelled(this.#id))
    if (this.#signal.aborted) cancel()
    this.#signal.addEventListener('abort', cancel)
    try {
      const digests = await store.digests(this.#id)
      const known = digests.ok ? digests.value : chunkCount(this.#id) === 0 ? new Uint8Array(0) : null
      if (known !== null) {
        const begun = await this.#begin(known)
        if (!begun.ok) return begun
      }
      const lanes = Math.min(ACTIVE_SOURCES, this.#waiting.length)
      await Promise.all(Array.from({ length: lanes }, () => this.#lane()))
      while (this.#writing.size > 0) await this.#change(TICK_MS)
      if (this.#bug !== null) throw this.#bug.error
      if (this.#fault !== null) return fail(this.#fault)
      if (this.#partial === null || this.#partial.missing > 0) return fail(this.#unavailable())
      const finished = await this.#partial.finish()
      if (!finished.ok) return finished
      this.#told = Number.NEGATIVE_INFINITY
      this.#news()
      return ok(this.#report())
    } finally {
      this.#signal.removeEventListener('abort', cancel)
      await this.#partial?.close()
    }
  }

  /** Nothing more is to be asked for. */
  get #over(): boolean {
    return this.#fault !== null || this.#partial?.missing === 0
  }

  /** Uses one source after the other. */
  async #lane(): Promise<void> {
    while (!this.#over) {
      const peer = this.#waiting.shift()
      if (peer === undefined) return
      const report = this.#reports.get(peer)!
      for (let attempt = 0; attempt <= REDIALS && !this.#over; attempt++) {
        if (attempt > 0) await this.#pause(REDIAL_MS * attempt)
        if (this.#over) break
        const link = await this.#context.links.take(peer, this.#signal)
        if (!link.ok) {
          report.end = 'unreachable'
          continue
        }
        this.#links.add(link.value)
        report.end = 'served'
        report.end = this.#endOf(link.value, await this.#use(link.value), report.end)
        this.#links.delete(link.value)
        this.#plan?.drop(peer)
        this.#context.links.give(link.value)
        this.#wake()
        if (report.end !== 'ended') break
      }
    }
  }

  #endOf(link: Link, end: SourceEnd, known: SourceEnd): SourceEnd {
    if (known !== 'served') return known
    if (this.#over) return 'served'
    return end === 'ended' && link.stalled ? 'stalled' : end
  }

  async #use(link: Link): Promise<SourceEnd> {
    const report = this.#reports.get(link.peer)!
    let has = await link.have(this.#id)
    if (!has.ok) return endFor(has.fault)
    if (has.value.size === 0 && chunkCount(this.#id) > 0) return 'lacking'
    const learnt = await this.#learn(link)
    if (learnt !== 'served' || this.#plan === null || this.#partial === null) return learnt
    const plan = this.#plan
    plan.offer(link.peer, has.value, now())
    let asked = now()
    let lacked = 0
    while (!this.#over) {
      const chunks = plan.take(link.peer, now())
      if (chunks.length > 0) {
        const sent = await link.ask(this.#id, chunks)
        if (!sent.ok) return endFor(sent.fault)
      }
      if (plan.owed(link.peer) === 0) {
        await this.#change(TICK_MS)
        if (this.#over) break
        if (!plan.hopeful && now() - this.#newsAt > this.#context.patienceMs) return 'lacking'
        if (now() - asked < REFRESH_MS) continue
        has = await link.have(this.#id)
        if (!has.ok) return endFor(has.fault)
        plan.offer(link.peer, has.value, now())
        asked = now()
        continue
      }
      const buffer = this.#buffers.pop() ?? Buffer.allocUnsafeSlow(CHUNK)
      const answer = await link.next(buffer)
      if (!answer.ok) return endFor(answer.fault)
      const { chunk, bytes } = answer.value
      plan.answered(link.peer, chunk, bytes !== null, now())
      if (bytes !== null && !this.#partial.has(chunk) && !this.#writing.has(chunk)) {
        this.#keep(link, report, chunk, bytes, buffer)
        while (this.#writing.size >= MAX_WRITING && !this.#over) await this.#change(TICK_MS)
        continue
      }
      this.#buffers.push(buffer)
      if (bytes !== null) this.#repeated++
      else if (++lacked > MAX_LACKED) return 'lacking'
    }
    return 'served'
  }

  /** Hashes a chunk at once, and writes it while the next ones come. */
  #keep(
    link: Link,
    report: { chunks: number; end: SourceEnd },
    chunk: number,
    bytes: Uint8Array,
    buffer: Uint8Array,
  ): void {
    const settled = (written: Result<boolean>): void => {
      this.#writing.delete(chunk)
      this.#buffers.push(buffer)
      if (!written.ok) {
        this.#plan!.again(chunk)
        if (written.fault.code === 'chunk-garbage') {
          report.end = 'garbage'
          this.#blame(link, `chunk ${chunk} of ${this.#id}`)
        } else this.#fail(written.fault)
      } else if (written.value) {
        report.chunks++
        this.#fetched++
        this.#fetchedBytes += bytes.length
        this.#newsAt = now()
        this.#news()
      } else this.#repeated++
      if (this.#over) this.#endLinks()
      this.#wake()
    }
    this.#writing.add(chunk)
    this.#partial!.write(chunk, bytes).then(settled, (error: unknown) => {
      this.#writing.delete(chunk)
      this.#bug ??= { error }
      this.#fail(cancelled(this.#id))
    })
  }

  /** The chunk digests, from the first source that gives the right ones. */
  async #learn(link: Link): Promise<SourceEnd> {
    if (this.#partial === null && this.#learning > 0) await this.#change(HEDGE_MS, () => this.#learning === 0)
    if (this.#partial !== null || this.#over) return 'served'
    this.#learning++
    try {
      const digests = await link.digests(this.#id)
      if (!digests.ok) return endFor(digests.fault)
      if (digests.value === null) return 'lacking'
      if (this.#partial !== null) return 'served'
      const begun = await this.#begin(digests.value)
      if (begun.ok) return 'served'
      if (begun.fault.code !== 'blob-digests-wrong') {
        this.#fail(begun.fault)
        return 'unused'
      }
      this.#blame(link, `chunk digests of ${this.#id}`)
      return 'garbage'
    } finally {
      this.#learning--
      this.#wake()
    }
  }

  async #begin(digests: Uint8Array): Promise<Result<void>> {
    while (this.#beginning !== null) await this.#beginning
    if (this.#partial !== null) return ok(undefined)
    const begin = async (): Promise<Result<void>> => {
      const partial = await this.#context.store.openPartial(this.#id, digests)
      if (!partial.ok) return partial
      this.#partial = partial.value
      this.#plan = new ChunkPlan(
        chunkCount(this.#id),
        (chunk) => partial.value.has(chunk) || this.#writing.has(chunk),
      )
      return ok(undefined)
    }
    this.#beginning = begin().finally(() => {
      this.#beginning = null
    })
    return this.#beginning
  }

  #blame(link: Link, what: string): void {
    this.#context.network.penalise(link.peer, 'garbage', what)
    link.abort('garbage')
  }

  #fail(fault: Fault): void {
    this.#fault ??= fault
    this.#endLinks()
    this.#wake()
  }

  /** Links that owe what nobody needs any more are not waited for. */
  #endLinks(): void {
    for (const link of this.#links) if (!link.reusable || this.#fault !== null) link.abort('no longer needed')
  }

  #news(): void {
    if (now() - this.#told < PROGRESS_MS) return
    this.#told = now()
    const missing = this.#partial?.missing ?? 0
    const length = blobLength(this.#id)
    this.#tell({
      id: this.#id,
      held: length - missing * CHUNK + this.#shortfall(),
      length,
      fetched: this.#fetchedBytes,
      sources: this.#links.size,
    })
  }

  /** What the last chunk is shorter than others, if it is one of those that are missing. */
  #shortfall(): number {
    const last = chunkCount(this.#id) - 1
    return last < 0 || this.#partial?.has(last) ? 0 : CHUNK - chunkLength(this.#id, last)
  }

  #wake(): void {
    for (const waiter of this.#waiters) waiter()
  }

  /** Waits for something to happen, or for `ms`; with `until`, for that to be so. */
  async #change(ms: number, until: () => boolean = () => true): Promise<void> {
    const end = now() + ms
    do {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiters.add(resolve)
      const timer = setTimeout(resolve, Math.max(1, end - now()))
      await promise
      clearTimeout(timer)
      this.#waiters.delete(resolve)
    } while (!until() && !this.#over && now() < end)
  }

  #pause(ms: number): Promise<void> {
    return this.#change(ms, () => false)
  }

  #report(): FetchReport {
    const sources = [...this.#reports].map(([peer, report]) => ({ peer, ...report }))
    return { id: this.#id, fetched: this.#fetched, repeated: this.#repeated, sources }
  }

  #unavailable(): Fault {
    const held = this.#partial === null ? 0 : chunkCount(this.#id) - this.#partial.missing
    const ends = [...this.#reports].map(([peer, { end }]) => `${peer}: ${end}`).join('; ')
    return {
      code: 'blob-unavailable',
      field: this.#id,
      value: `${held} of ${chunkCount(this.#id)} chunks; ${ends || 'no sources'}`.slice(0, 1000),
      limit: 'sources that together have every chunk',
      remedy: 'Find other sources and fetch again: what is here is kept.',
    }
  }
}

const endFor = (fault: Fault): SourceEnd =>
  fault.code === 'message-malformed' || fault.code === 'frame-oversize'
    ? 'malformed'
    : fault.code === 'stream-idle'
      ? 'stalled'
      : 'ended'

const cancelled = (id: BlobId): Fault => ({
  code: 'cancelled',
  field: `transfer of ${id}`,
  value: 'cancelled',
  limit: 'until the caller ends it',
  remedy: 'Fetch again to go on where it stopped.',
})
