/** What a memory says of the next symbol. */
export type MemoryView = {
  /** Chance of each symbol; sums to 1, each above 0. */
  readonly p: Float32Array
  /** How sure it is: numbers of about 0 to 1, as many as the memory says. */
  readonly features: Float32Array
  /** How long a context it has met before, in symbols. */
  readonly matched: number
}

/** What a person did before, as chances of what they do next. The same passages, in the same order, give the same bits. */
export type Memory = {
  readonly features: number
  /** Takes in a passage: what came before it, and its symbols. `at` orders passages in time. */
  learn(context: Uint16Array, symbols: Uint16Array, at: number): void
  /** Takes a passage out again, as though it had never been. */
  forget(context: Uint16Array, symbols: Uint16Array, at: number): void
  view(context: ArrayLike<number>): MemoryView
}
