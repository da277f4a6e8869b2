import type { ChunkSet } from './chunk-set.ts'

/** Time for which a source should have work ahead of it, so that its line is never empty. */
const AHEAD_MS = 500
const MIN_WINDOW = 2
const MAX_WINDOW = 32
const FIRST_WINDOW = 4
/** How much a new interval counts against those before it. */
const NEWS = 0.2
/** A chunk that another source was asked for is asked for again where that should be so many times as fast. */
const STEAL_GAIN = 2

type Source = {
  has: ChunkSet
  /** Chunks it was asked for, in order. */
  readonly asked: number[]
  /** No free chunk of its is below. */
  from: number
  /** Milliseconds between its chunks; null before the first. */
  interval: number | null
  /** When it last gave a chunk, or was asked while it had nothing to do. */
  since: number
}

/**
 * Who is asked for which chunk. Every source gets as much ahead as its rate is worth; when nothing is free any more, a
 * source that is done takes over what a much slower one still owes. Pure: times come in.
 */
export class ChunkPlan {
  readonly #chunks: number
  /** How many sources are asked for a chunk at the moment. */
  readonly #asked: Uint8Array
  readonly #done: (chunk: number) => boolean
  readonly #sources = new Map<string, Source>()

  /** `done` says which chunks are here; it may become true by other ways too. */
  constructor(chunks: number, done: (chunk: number) => boolean) {
    this.#chunks = chunks
    this.#asked = new Uint8Array(chunks)
    this.#done = done
  }

  /** A source, or what it has now. */
  offer(name: string, has: ChunkSet, now: number): void {
    const source = this.#sources.get(name)
    if (source === undefined) this.#sources.set(name, { has, asked: [], from: 0, interval: null, since: now })
    else {
      source.has = has
      source.from = 0
    }
  }

  /** Chunks that a source still owes. */
  owed(name: string): number {
    return this.#sources.get(name)?.asked.length ?? 0
  }

  /** Chunks to ask a source for now; they are its own until they arrive or it is dropped. */
  take(name: string, now: number): number[] {
    const source = this.#sources.get(name)!
    const room = windowOf(source) - source.asked.length
    // Half a window at a time: few questions, and never an empty line.
    if (source.asked.length > 0 && room < windowOf(source) / 2) return []
    const taken: number[] = []
    while (taken.length < room) {
      const chunk = this.#free(source)
      if (chunk === null) break
      this.#give(source, chunk, now)
      taken.push(chunk)
    }
    if (taken.length === 0 && source.asked.length === 0) {
      const chunk = this.#steal(source, now)
      if (chunk !== null) {
        this.#give(source, chunk, now)
        taken.push(chunk)
      }
    }
    return taken
  }

  /** The next chunk that a source owes has come, or it says that it lacks it. */
  answered(name: string, chunk: number, came: boolean, now: number): void {
    const source = this.#sources.get(name)!
    if (source.asked[0] !== chunk)
      throw new Error(`Source ${name} owes chunk ${source.asked[0]}, not ${chunk}.`)
    source.asked.shift()
    this.#asked[chunk]!--
    if (came) {
      const interval = now - source.since
      source.interval = source.interval === null ? interval : source.interval * (1 - NEWS) + interval * NEWS
    } else {
      source.has.delete(chunk)
      this.#release(chunk)
    }
    source.since = now
  }

  /** A chunk that came was not the right one, or could not be kept. */
  again(chunk: number): void {
    this.#release(chunk)
  }

  /** A source is gone; what it owed is free. */
  drop(name: string): void {
    const source = this.#sources.get(name)
    if (source === undefined) return
    this.#sources.delete(name)
    for (const chunk of source.asked) {
      this.#asked[chunk]!--
      this.#release(chunk)
    }
  }

  /** Whether any source has a chunk that is not here. */
  get hopeful(): boolean {
    for (const source of this.#sources.values()) {
      if (source.asked.length > 0) return true
      for (let chunk = 0; chunk < this.#chunks; chunk++)
        if (!this.#done(chunk) && source.has.has(chunk)) return true
    }
    return false
  }

  #give(source: Source, chunk: number, now: number): void {
    if (source.asked.length === 0) source.since = now
    source.asked.push(chunk)
    this.#asked[chunk]!++
  }

  #release(chunk: number): void {
    for (const source of this.#sources.values()) source.from = Math.min(source.from, chunk)
  }

  #free(source: Source): number | null {
    for (; source.from < this.#chunks; source.from++) {
      const chunk = source.from
      if (this.#asked[chunk] === 0 && !this.#done(chunk) && source.has.has(chunk)) return chunk
    }
    return null
  }

  /** The last chunk of the source that will be done the latest, if this one should be much faster. */
  #steal(thief: Source, now: number): number | null {
    let best: { chunk: number; end: number } | null = null
    for (const victim of this.#sources.values()) {
      if (victim === thief) continue
      // A source that has been silent is as slow as its silence.
      const interval = Math.max(victim.interval ?? 0, now - victim.since)
      for (let i = victim.asked.length - 1; i >= 0; i--) {
        const chunk = victim.asked[i]!
        if (this.#asked[chunk] !== 1 || this.#done(chunk) || !thief.has.has(chunk)) continue
        const end = (i + 1) * interval
        if (best === null || end > best.end) best = { chunk, end }
        break
      }
    }
    return best !== null && best.end > STEAL_GAIN * (thief.interval ?? 0) ? best.chunk : null
  }
}

const windowOf = ({ interval }: Source): number =>
  interval === null
    ? FIRST_WINDOW
    : Math.min(MAX_WINDOW, Math.max(MIN_WINDOW, Math.ceil(AHEAD_MS / Math.max(interval, 1))))
