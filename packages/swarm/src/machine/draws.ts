import { type Builder, FOR_GOOD, type Routine } from './builder.ts'
import { REQUEST_LAYOUT } from './request.ts'
import type { Operand, Variable, Word } from './word.ts'

/**
 * A family's random words. Two words of state come of the salt, the seed and the level; each draw adds a constant to
 * the first and mixes both. The mixing function is lowbias32 of Chris Wellons' hash-prospector (public domain,
 * https://github.com/skeeto/hash-prospector). A number below a bound is the high word of a product, and what would
 * make some likelier is drawn again (Lemire, arXiv 1805.10941).
 */
export class Draws {
  readonly #builder: Builder
  readonly #counter: Variable
  readonly #key: Variable
  #below: Routine<[Word]> | undefined

  constructor(m: Builder, salt: number) {
    this.#builder = m
    const half = (at: number): Word => {
      const word = m.variable(0)
      for (let i = 3; i >= 0; i--) word.set(word.shl(8).or(m.ask(REQUEST_LAYOUT.seed + at + i)))
      return word
    }
    this.#counter = m.variable(0)
    this.#key = m.variable(0)
    m.block(() => {
      this.#counter.set(this.#mix(this.#mix(this.#mix(half(0)).xor(salt)).add(m.level)))
      this.#key.set(this.#mix(half(4).add(this.#counter)))
    })
  }

  between(low: Operand, high: Operand): Word {
    const m = this.#builder
    if (typeof low === 'number' && typeof high === 'number') {
      if (!(Number.isInteger(low) && Number.isInteger(high) && low >= 0 && low <= high && high < 2 ** 32))
        throw new Error(`a word cannot be drawn from ${low} to ${high}`)
      return low === high ? m.word(low) : this.#drawBelow(high - low + 1, low)
    }
    const top = typeof high === 'number' ? m.word(high) : high
    return this.#drawBelow(low === 0 ? top.add(1) : top.sub(low).add(1), low)
  }

  #drawBelow(count: Operand, low: Operand): Word {
    const m = this.#builder
    this.#below ??= m.routine(1, (bound) => this.#drawn(bound), FOR_GOOD)
    const drawn = this.#below(count)
    return low === 0 ? drawn : drawn.add(low)
  }

  #drawn(bound: Word): Word {
    const m = this.#builder
    const word = m.variable(this.#next())
    const product = m.variable(word.mul(bound))
    m.when(product.lt(bound), () => {
      const excess = m.word(0).sub(bound).rem(bound)
      m.while(
        () => product.lt(excess),
        () => {
          word.set(this.#next())
          product.set(word.mul(bound))
        },
      )
    })
    return word.mulHigh(bound)
  }

  #next(): Word {
    this.#counter.increase(0x9e3779b9)
    return this.#mix(this.#mix(this.#counter).xor(this.#key))
  }

  #mix(word: Word): Word {
    const a = word.xor(word.shr(16)).mul(0x7feb352d)
    const b = a.xor(a.shr(15)).mul(0x846ca68b)
    return b.xor(b.shr(16))
  }
}
