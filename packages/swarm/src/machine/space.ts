import { FaultError } from '@lockstep/tensor'
import { MEMORY } from './instruction.ts'

/** How long the words of a block may be used: until it ends. */
export type Block = { open: boolean; readonly name: string }

/**
 * Where a family's words lie. Blocks take words from below and give them back when they end; what must be there in
 * whatever block (constants, and all words of routines) is taken from above for good.
 */
export class Space {
  #low: number
  #top: number // the highest that #low has been: a loop may come by its words again
  #high = MEMORY
  #routines = 0
  #block: Block = { open: true, name: 'the family' }

  /** The words below `low` are taken. */
  constructor(low: number) {
    this.#low = low
    this.#top = low
  }

  get block(): Block {
    return this.#block
  }

  /** Words of the block at hand. */
  take(count = 1): number {
    if (this.#routines > 0) return this.reserve(count)
    const address = this.#low
    this.#low += count
    this.#top = Math.max(this.#top, this.#low)
    this.#check(count)
    return address
  }

  /** Words for good. */
  reserve(count = 1): number {
    this.#high -= count
    this.#check(count)
    return this.#high
  }

  within<T>(name: string, write: () => T): T {
    const outer = this.#block
    const low = this.#low
    const block: Block = { open: true, name }
    this.#block = block
    try {
      return write()
    } finally {
      block.open = false
      this.#block = outer
      this.#low = low
    }
  }

  /** What is taken in a routine is nobody else's: callers have words in use when it runs. */
  withinRoutine<T>(write: () => T): T {
    this.#routines++
    try {
      return this.within('a routine', write)
    } finally {
      this.#routines--
    }
  }

  #check(count: number): void {
    if (this.#top <= this.#high) return
    throw new FaultError({
      code: 'memory-too-small',
      field: 'words',
      value: this.#top + MEMORY - this.#high,
      limit: MEMORY,
      remedy: `${count} more do not fit. Use smaller lists, and blocks, whose words are free again at their end.`,
    })
  }
}
