import type { EpisodeEvent, Seen } from '../episode/episode.ts'
import { PASSAGE_CONTEXT } from '../episode/passages.ts'
import type { Passage } from './suggester.ts'

/** Overlap by which a shorter stretch is taken for what was seen before, in symbols. */
const OVERLAP = 16
/** The most symbols taken back that are told as such and not by a new context. */
const MOST_BACK = 64

/** An event but for its time. */
export type NewEvent = EpisodeEvent extends infer E ? (E extends EpisodeEvent ? Omit<E, 'at'> : never) : never

/** An episode under way: its events, what it has come to, and what the memory was taught of it. */
export class OpenEpisode {
  readonly began: number
  readonly events: EpisodeEvent[] = []
  offers = 0
  /** Exactly what the memory was taught, so that exactly that can be taken out again. */
  readonly taught: Passage[] = []
  #stream: number[] = []
  #isFresh = true
  /** From here on `taught` follows without a break on what was done. */
  #unbroken = 0
  #last = 0

  constructor(began: number) {
    this.began = began
  }

  /** When its last thing happened, in milliseconds since 1970. */
  get ended(): number {
    return this.began + this.#last
  }

  push(event: NewEvent, now: number): void {
    this.#last = Math.max(this.#last, Math.round(now - this.began))
    this.events.push({ ...event, at: this.#last } as EpisodeEvent)
  }

  /**
   * What has to be said so that the context is this one; nothing where it goes on from what came before. The episode
   * stands there afterwards.
   */
  moveTo(context: Uint16Array): Seen {
    const back = this.#isFresh ? undefined : this.#backTo(context)
    if (back === undefined) {
      this.#isFresh = false
      this.#unbroken = this.taught.length
      this.#stream = [...context]
      return { context }
    }
    if (back === 0) return {}
    this.#stream.length -= back
    return { back }
  }

  /** Appends what was done, and gives it as a passage. */
  add(symbols: Uint16Array, at: number): Passage {
    const context = Uint16Array.from(this.#stream.slice(-PASSAGE_CONTEXT))
    this.#stream.push(...symbols)
    return { context, symbols, at }
  }

  /** What the memory has to forget, and then to learn, because so many symbols were taken back. */
  takeBack(symbols: number): { readonly forget: readonly Passage[]; readonly learn: readonly Passage[] } {
    const forget: Passage[] = []
    const learn: Passage[] = []
    for (let left = symbols; left > 0 && this.taught.length > this.#unbroken; ) {
      const passage = this.taught.pop()!
      forget.push(passage)
      const kept = Math.max(0, passage.symbols.length - left)
      left -= passage.symbols.length
      if (kept > 0) learn.push({ ...passage, symbols: passage.symbols.slice(0, kept) })
    }
    this.taught.push(...learn)
    return { forget, learn }
  }

  #backTo(context: Uint16Array): number | undefined {
    for (let back = 0; back <= Math.min(MOST_BACK, this.#stream.length); back++)
      if (this.#endsWith(context, this.#stream.length - back)) return back
    return undefined
  }

  /** Whether the first `length` symbols so far end as the context does, as far as both reach. */
  #endsWith(context: Uint16Array, length: number): boolean {
    const overlap = Math.min(context.length, length)
    if (overlap < context.length && overlap < OVERLAP) return false
    for (let i = 1; i <= overlap; i++)
      if (this.#stream[length - i] !== context[context.length - i]) return false
    return context.length > 0 || length === 0
  }
}
