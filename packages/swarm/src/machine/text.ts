import { FaultError } from '@lockstep/tensor'
import { type Builder, FOR_GOOD, type Routine } from './builder.ts'
import { MAX_TEXT, REQUEST_LAYOUT } from './request.ts'
import { type List, type Operand, type Variable, Word } from './word.ts'

/** Words that a text has room for: more than it may have, and a power of two, so that a place is cheaply kept inside. */
export const TEXT_WORDS = 128

/** A text that the family writes, a word for each character. It may have MAX_TEXT of them. */
export class Text {
  readonly characters: List
  readonly length: Variable
  readonly #builder: Builder

  constructor(builder: Builder, characters: List, length: Variable) {
    this.#builder = builder
    this.characters = characters
    this.length = length
  }

  /** Strings as they are, words as decimal numbers. */
  write(...parts: readonly (string | Operand)[]): void {
    for (const part of parts) {
      if (typeof part === 'string') for (const code of codesOf(part)) this.character(code)
      else this.#builder.decimal(this)(part instanceof Word ? part : this.#builder.word(part))
    }
  }

  /** A two's complement number, with a minus where it is negative. */
  writeSigned(value: Word): void {
    const m = this.#builder
    m.when(
      value.signedLt(0),
      () => this.write('-', m.word(0).sub(value)),
      () => this.write(value),
    )
  }

  /** One character by its code. */
  character(code: Operand): void {
    this.#builder.block(() => {
      this.characters.set(this.length.and(TEXT_WORDS - 1), code)
      this.length.increase(1)
    })
  }

  /** The code of the character at a place that has been written. */
  at(place: Operand): Word {
    return this.characters.at(place)
  }

  /** All of another text. */
  append(other: Text): void {
    this.#builder.loop(other.length, (i) => this.character(other.at(i)))
  }
}

/**
 * The answer: characters by place, and a reader that takes one thing after another. What does not have the form that
 * is asked for makes `wellFormed` 0 for good.
 */
export class Answer {
  readonly length: Word
  readonly #builder: Builder
  readonly #place: Variable
  readonly #faults: Variable
  #number: Routine<[]> | undefined

  constructor(builder: Builder) {
    this.#builder = builder
    this.length = builder.ask(REQUEST_LAYOUT.length)
    this.#place = builder.variable(0)
    this.#faults = builder.variable(0)
  }

  /** The code of the character at a place; 0 past the end. */
  at(place: Operand): Word {
    return typeof place === 'number'
      ? this.#builder.ask(REQUEST_LAYOUT.answer + place)
      : this.#builder.operation('ask', place, REQUEST_LAYOUT.answer)
  }

  /** 1 where the answer is this text, else 0. */
  equals(text: Text): Word {
    const m = this.#builder
    const same = m.variable(this.length.eq(text.length))
    m.when(same, () => {
      m.loop(text.length, (i, stop) => {
        m.when(this.at(i).ne(text.at(i)), () => {
          same.set(0)
          stop()
        })
      })
    })
    return same
  }

  /**
   * How much of this text the answer has right: places with the same character, in hundredths of the places of the
   * longer of the two. 100 only where they are equal.
   */
  agreement(text: Text): Word {
    const m = this.#builder
    const same = m.variable(0)
    m.loop(this.length.min(text.length), (i) => same.increase(this.at(i).eq(text.at(i))))
    const longer = this.length.max(text.length)
    return m.choose(longer, same.mul(100).div(longer), 100)
  }

  /** The code of the character that the reader stands at; 0 at the end. */
  next(): Word {
    return this.at(this.#place)
  }

  /** Where the reader stands. */
  get place(): Word {
    return this.#place
  }

  /** Takes any one character and gives its code. */
  character(): Word {
    const m = this.#builder
    const code = this.next()
    m.when(
      this.#place.lt(this.length),
      () => this.#place.increase(1),
      () => this.#faults.set(1),
    )
    return code
  }

  /** Takes exactly this. */
  expect(what: string | Word): void {
    const m = this.#builder
    for (const code of typeof what === 'string' ? codesOf(what) : [what])
      m.when(
        this.next().eq(code),
        () => this.#place.increase(1),
        () => this.#faults.set(1),
      )
  }

  /** Takes this where it comes next: 1, else 0 and nothing is taken. */
  accept(code: string | Word): Word {
    const one = typeof code === 'string' ? codesOf(code) : [code]
    if (one.length !== 1) throw new Error(`accept takes one character, not ${one.length}`)
    const here = this.next().eq(one[0]!)
    this.#place.increase(here)
    return here
  }

  /** Takes a decimal number of one to nine digits, without a zero in front. */
  number(): Word {
    const m = this.#builder
    this.#number ??= m.routine(0, () => this.#readNumber(), FOR_GOOD)
    return this.#number()
  }

  #readNumber(): Word {
    const m = this.#builder
    const value = m.variable(0)
    const digits = m.variable(0)
    const first = this.next()
    m.while(
      () => this.next().sub(ZERO_CODE).lt(10),
      () => {
        value.set(value.mul(10).add(this.next()).sub(ZERO_CODE))
        digits.increase(1)
        this.#place.increase(1)
      },
    )
    const leading = first.eq(ZERO_CODE).and(digits.gt(1))
    m.when(digits.sub(1).ge(9).or(leading), () => {
      this.#faults.set(1)
      value.set(0)
    })
    return value
  }

  /** Takes a number that may have a minus in front, as a two's complement word. Minus zero has not the form. */
  signed(): Word {
    const m = this.#builder
    const minus = this.accept('-')
    const value = this.number()
    this.#faults.set(this.#faults.or(minus.and(value.not())))
    return m.choose(minus, m.word(0).sub(value), value)
  }

  /** Says that the answer has not the right form. */
  refuse(): void {
    this.#faults.set(1)
  }

  /** 1 where all that was taken had the form that was asked for. */
  get wellFormed(): Word {
    return this.#faults.not()
  }

  /** 1 where that is so and nothing is left. */
  get ended(): Word {
    return this.wellFormed.and(this.#place.eq(this.length))
  }
}

const ZERO_CODE = 48

/** Codes of a text's characters: printable ASCII. */
const codesOf = (text: string): number[] => {
  const codes = [...text].map((c) => c.codePointAt(0)!)
  const wrong = codes.find((code) => code < 32 || code > 126)
  if (wrong !== undefined || codes.length > MAX_TEXT)
    throw new FaultError({
      code: 'text-unprintable',
      field: 'text',
      value: wrong === undefined ? codes.length : wrong,
      limit: `${MAX_TEXT} characters, of the codes 32 to 126`,
      remedy: 'Write short texts in ASCII.',
    })
  return codes
}
