import type { Builder } from './builder.ts'
import type { Operation } from './instruction.ts'
import type { Block } from './space.ts'

/** A word, or a number, which is taken modulo 2^32. */
export type Operand = Word | number

/**
 * A 32-bit unsigned word that the family will have when it runs. Operations write instructions and give new words;
 * comparisons give 1 or 0. A word belongs to the block that made it and cannot be used after its end.
 */
export class Word {
  readonly address: number
  readonly builder: Builder
  readonly block: Block

  constructor(builder: Builder, address: number, block: Block) {
    this.builder = builder
    this.address = address
    this.block = block
  }

  #give(op: Operation, b: Operand): Word {
    return this.builder.operation(op, this, b)
  }

  add(b: Operand): Word {
    return this.#give('add', b)
  }
  sub(b: Operand): Word {
    return this.#give('sub', b)
  }
  mul(b: Operand): Word {
    return this.#give('mul', b)
  }
  /** The high word of the product. */
  mulHigh(b: Operand): Word {
    return this.#give('mulhi', b)
  }
  /** Rounded down; 0 where b is 0. */
  div(b: Operand): Word {
    return this.#give('div', b)
  }
  /** What is left of a division; 0 where b is 0. */
  rem(b: Operand): Word {
    return this.#give('rem', b)
  }
  and(b: Operand): Word {
    return this.#give('and', b)
  }
  or(b: Operand): Word {
    return this.#give('or', b)
  }
  xor(b: Operand): Word {
    return this.#give('xor', b)
  }
  /** By b modulo 32, as the next one. */
  shl(b: Operand): Word {
    return this.#give('shl', b)
  }
  shr(b: Operand): Word {
    return this.#give('shr', b)
  }
  lt(b: Operand): Word {
    return this.#give('lt', b)
  }
  gt(b: Operand): Word {
    return typeof b === 'number' ? this.builder.word(b).lt(this) : b.lt(this)
  }
  le(b: Operand): Word {
    return this.gt(b).not()
  }
  ge(b: Operand): Word {
    return this.lt(b).not()
  }
  /** Less than, of two's complement numbers. */
  signedLt(b: Operand): Word {
    return this.#give('slt', b)
  }
  eq(b: Operand): Word {
    return this.#give('eq', b)
  }
  ne(b: Operand): Word {
    return this.eq(b).not()
  }
  /** 1 where this is 0, else 0. */
  not(): Word {
    return this.eq(0)
  }
  min(b: Operand): Word {
    return this.builder.choose(this.lt(b), this, b)
  }
  max(b: Operand): Word {
    return this.builder.choose(this.lt(b), b, this)
  }
}

/** A word that can be given another value. Used as an operand it is the value at that moment. */
export class Variable extends Word {
  set(value: Operand): void {
    this.builder.assign(this, value)
  }
  /** Adds to it. */
  increase(by: Operand): void {
    this.builder.operation('add', this, by, this)
  }
  decrease(by: Operand): void {
    this.builder.operation('sub', this, by, this)
  }
}

/** Words one after another. An index past the end reaches other words: families keep theirs in bounds. */
export class List {
  readonly length: number
  readonly base: number
  readonly builder: Builder
  readonly block: Block

  constructor(builder: Builder, base: number, length: number, block: Block) {
    this.builder = builder
    this.base = base
    this.length = length
    this.block = block
  }

  /** The word at an index, as it is now. */
  at(index: Operand): Word {
    return this.builder.load(this, index)
  }

  set(index: Operand, value: Operand): void {
    this.builder.store(this, index, value)
  }

  swap(i: Operand, j: Operand): void {
    const a = this.at(i)
    this.set(i, this.at(j))
    this.set(j, a)
  }

  fill(value: Operand, count: Operand = this.length): void {
    this.builder.loop(count, (i) => this.set(i, value))
  }
}
