import { Assembler, label } from './assembler.ts'
import type { Code } from './code.ts'
import { Draws } from './draws.ts'
import { MAX_IMMEDIATE, type Operation } from './instruction.ts'
import { REQUEST_LAYOUT } from './request.ts'
import { type Block, Space } from './space.ts'
import { Answer, TEXT_WORDS, Text } from './text.ts'
import { List, type Operand, Variable, Word } from './word.ts'

/** Where a run leaves its texts. */
export const LAYOUT = {
  prompt: 0,
  solution: TEXT_WORDS,
  promptLength: 2 * TEXT_WORDS,
  solutionLength: 2 * TEXT_WORDS + 1,
} as const
const FREE = 2 * TEXT_WORDS + 2

/** A part of the code that is written once and run wherever it is called. It cannot call itself. */
export type Routine<A extends readonly Word[]> = (...args: { [K in keyof A]: Operand }) => Word

/** What a family's function is called with, once, while its code is written. */
export type FamilyOptions = {
  /** Goes into every draw, so that two families draw differently from one seed. */
  readonly salt: number
  /** Levels are 0 to below this; a run at another one has score 0. */
  readonly levels: number
}

/**
 * Writes a code out of an ordinary TypeScript function: loops and conditions that are to happen when the family runs
 * are methods that take functions; everything else of the language works while the code is written.
 *
 *   const n = m.level.add(2)
 *   const items = m.list(12)
 *   m.loop(n, (i) => items.set(i, m.draw(0, 9)))
 *   m.when(items.at(0).lt(5), () => m.prompt.write('small'), () => m.prompt.write('large'))
 */
export class Builder {
  readonly level: Word
  /** What is asked. */
  readonly prompt: Text
  /** One right answer. */
  readonly solution: Text
  /** What was answered. */
  readonly answer: Answer
  readonly #space = new Space(FREE)
  readonly #code = new Assembler(() => this.#space.reserve())
  readonly #draws: Draws
  readonly #decimals = new Map<Text, Routine<[Word]>>()
  #scores = 0

  constructor({ salt, levels }: FamilyOptions) {
    const text = (base: number, length: number): Text => {
      const { block } = this.#space
      return new Text(this, new List(this, base, TEXT_WORDS, block), new Variable(this, length, block))
    }
    this.prompt = text(LAYOUT.prompt, LAYOUT.promptLength)
    this.solution = text(LAYOUT.solution, LAYOUT.solutionLength)
    this.level = this.ask(REQUEST_LAYOUT.level)
    this.require(this.level.lt(levels))
    this.answer = new Answer(this)
    this.#draws = new Draws(this, salt)
  }

  /** The code of all that was written; the family's function is called here. */
  static code(options: FamilyOptions, write: (m: Builder) => void): Code {
    const builder = new Builder(options)
    write(builder)
    if (builder.#scores === 0) throw new Error('the family gives no score: call score')
    builder.#code.emit('halt', 0, 0, 0, true)
    return builder.#code.link()
  }

  /** A constant as a word. */
  word(value: number): Word {
    return new Word(this, this.#code.constant(value), FOR_GOOD)
  }

  /** A word that can be given other values, of the block at hand. Each time it is come by it has this value again. */
  variable(initial: Operand): Variable {
    const made = new Variable(this, this.#space.take(), this.#space.block)
    this.assign(made, initial)
    return made
  }

  /** Words of the block at hand, whatever they held before: at the start of a run all are 0. */
  list(length: number): List {
    return new List(this, this.#space.take(length), length, this.#space.block)
  }

  /** Words made in `body` are free again at its end. */
  block<T>(body: () => T): T {
    return this.#space.within('a block', body)
  }

  /** A list of constants. */
  table(values: readonly number[]): List {
    const list = this.list(values.length)
    values.forEach((value, i) => list.set(i, value))
    return list
  }

  /** A list of the codes of a text's characters. */
  letters(text: string): List {
    return this.table([...text].map((c) => c.charCodeAt(0)))
  }

  /** A word from low to high, both included, each equally likely. */
  draw(low: Operand, high: Operand): Word {
    return this.#draws.between(low, high)
  }

  /** 1 with a probability of `part` in `whole`. */
  chance(part: Operand, whole: number): Word {
    return this.draw(0, whole - 1).lt(part)
  }

  /** Puts the first `count` words of a list in an order that is drawn. */
  shuffle(list: List, count: Operand = list.length): void {
    this.loop(count, (i) => list.swap(i, this.draw(0, i)))
  }

  /** Puts the first `count` words of a list in ascending order. */
  sort(list: List, count: Operand = list.length): void {
    this.loop(count, (i) => {
      const value = list.at(i)
      const hole = this.variable(i)
      this.while(
        () => hole,
        (stop) => {
          const previous = list.at(hole.sub(1))
          this.when(value.ge(previous), stop)
          list.set(hole, previous)
          hole.decrease(1)
        },
      )
      list.set(hole, value)
    })
  }

  /** Runs `body` for i = 0, 1, ... below `count`, which is looked at once. `stop()` ends the loop. */
  loop(count: Operand, body: (i: Word, stop: () => void) => void): void {
    this.range(0, count, body)
  }

  /** The same for i from `from` to below `to`. */
  range(from: Operand, to: Operand, body: (i: Word, stop: () => void) => void): void {
    this.#space.within('a loop', () => {
      const end = to instanceof Variable ? this.variable(to) : this.#lift(to)
      const i = this.variable(from)
      const [top, test, out] = [label(), label(), label()]
      this.#code.emit('jump', 0, 0, test)
      this.#code.mark(top)
      this.#space.within('a loop', () => body(i, () => this.#code.emit('jump', 0, 0, out)))
      this.#code.emit('add', i.address, i.address, 1, true)
      this.#code.mark(test)
      this.#code.emit('below', top, i.address, end.address)
      this.#code.mark(out)
    })
  }

  /** Runs `body` as long as the condition is not 0. `stop()` ends the loop. */
  while(condition: () => Word, body: (stop: () => void) => void): void {
    const [top, out] = [label(), label()]
    this.#code.mark(top)
    this.#space.within('a loop', () => {
      this.#code.emit('zero', out, 0, this.#use(condition()))
      this.#space.within('a loop', () => body(() => this.#code.emit('jump', 0, 0, out)))
      this.#code.emit('jump', 0, 0, top)
    })
    this.#code.mark(out)
  }

  /** Runs `then` where the condition is not 0, else `otherwise`. */
  when(condition: Word, then: () => void, otherwise?: () => void): void {
    const [no, out] = [label(), label()]
    this.#code.emit('zero', no, 0, this.#use(condition))
    this.#space.within('a branch', then)
    if (otherwise) this.#code.emit('jump', 0, 0, out)
    this.#code.mark(no)
    if (otherwise) this.#space.within('a branch', otherwise)
    this.#code.mark(out)
  }

  /** Runs the case whose number the word is; none where there is none. */
  among(which: Word, cases: readonly (() => void)[]): void {
    const out = label()
    cases.forEach((run, i) => {
      const no = label()
      this.#code.emit('eq', this.#scratch(), this.#use(which), i, true)
      this.#code.emit('zero', no, 0, this.#scratch())
      this.#space.within('a branch', run)
      this.#code.emit('jump', 0, 0, out)
      this.#code.mark(no)
    })
    this.#code.mark(out)
  }

  /** a where the condition is not 0, else b; both have been computed. */
  choose(condition: Word, a: Operand, b: Operand): Word {
    const result = this.variable(a)
    const done = label()
    this.#code.emit('nonzero', done, 0, this.#use(condition))
    this.assign(result, b)
    this.#code.mark(done)
    return result
  }

  /**
   * A routine of some words that gives a word (0 where the function gives none). It can be called until the end of
   * the block that it is made in, whose words it may use.
   */
  routine<const N extends 0 | 1 | 2 | 3 | 4>(
    count: N,
    body: (...args: Words<N>) => Operand | undefined,
    block = this.#space.block,
  ): Routine<Words<N>> {
    const start = label()
    const back = this.#space.reserve()
    const result = new Variable(this, this.#space.reserve(), FOR_GOOD)
    const args = Array.from({ length: count }, () => new Variable(this, this.#space.reserve(), FOR_GOOD))
    this.#code.part(() => {
      this.#code.mark(start)
      this.#space.withinRoutine(() => {
        const given = body(...(args as Word[] as Words<N>))
        this.assign(result, given ?? 0)
      })
      this.#code.emit('jump', 0, 0, back)
    })
    return (...values) => {
      checkOpen(block)
      ;(values as readonly Operand[]).forEach((value, i) => this.assign(args[i]!, value))
      this.#code.emit('call', back, 0, start)
      return this.#copy(result)
    }
  }

  /** Ends the run with score 0 where the condition is 0. */
  require(condition: Word): void {
    this.when(condition.not(), () => this.#code.emit('halt', 0, 0, 0, true))
  }

  /** Ends the run with this score; more than 100 is 100. */
  score(value: Operand): void {
    this.#scores++
    const least = typeof value === 'number' ? this.word(Math.min(value, 100)) : value.min(100)
    this.#code.emit('halt', 0, 0, this.#use(least))
  }

  /** 100 where the answer is the solution, else how much of it agrees, at most `partial`. */
  scoreAgreement(partial = 90): void {
    this.when(this.answer.equals(this.solution), () => this.score(100))
    this.score(this.answer.agreement(this.solution).mul(partial).div(100))
  }

  // What words, lists and texts are made of.

  operation(op: Operation, a: Operand, b: Operand, into?: Word): Word {
    const x = this.#use(a)
    const small = typeof b === 'number' && b >>> 0 <= MAX_IMMEDIATE
    const y = small ? b >>> 0 : this.#use(b)
    const result = into ?? this.#fresh()
    this.#code.emit(op, result.address, x, y, small)
    return result
  }

  /** Byte `index` of the request. */
  ask(index: number): Word {
    return this.operation('ask', 0, index)
  }

  assign(to: Variable, value: Operand): void {
    checkOpen(to.block)
    const word = typeof value === 'number' ? value >>> 0 : undefined
    if (word === undefined) this.#code.emit('or', to.address, this.#use(value), 0, true)
    else this.#code.emit('set', to.address, word & 0xffff, word >>> 16)
  }

  load(list: List, index: Operand): Word {
    checkOpen(list.block)
    if (typeof index === 'number') {
      const result = this.#fresh()
      this.#code.emit('or', result.address, place(list, index), 0, true)
      return result
    }
    return this.operation('load', index, list.base)
  }

  store(list: List, index: Operand, value: Operand): void {
    checkOpen(list.block)
    if (typeof index === 'number') {
      const to = new Variable(this, place(list, index), list.block)
      this.assign(to, value)
    } else this.#code.emit('store', this.#use(value), this.#use(index), list.base, true)
  }

  /** Writes a number into a text: one routine for each text that needs it. */
  decimal(text: Text): Routine<[Word]> {
    let routine = this.#decimals.get(text)
    if (!routine) {
      routine = this.routine(
        1,
        (value) => {
          const rest = this.variable(value)
          const power = this.variable(1)
          this.while(
            () => rest.div(power).ge(10),
            () => power.set(power.mul(10)),
          )
          this.while(
            () => power,
            () => {
              text.character(rest.div(power).add(48))
              rest.set(rest.rem(power))
              power.set(power.div(10))
            },
          )
        },
        FOR_GOOD,
      )
      this.#decimals.set(text, routine)
    }
    return routine
  }

  #scratchWord: number | undefined
  #scratch(): number {
    this.#scratchWord ??= this.#space.reserve()
    return this.#scratchWord
  }

  #fresh(): Word {
    return new Word(this, this.#space.take(), this.#space.block)
  }

  #copy(value: Word): Word {
    const result = this.variable(value)
    return new Word(this, result.address, result.block)
  }

  #lift(value: Operand): Word {
    return typeof value === 'number' ? this.word(value) : value
  }

  #use(value: Operand): number {
    const word = this.#lift(value)
    checkOpen(word.block)
    return word.address
  }
}

type Words<N extends number> = N extends 0
  ? []
  : N extends 1
    ? [Word]
    : N extends 2
      ? [Word, Word]
      : N extends 3
        ? [Word, Word, Word]
        : [Word, Word, Word, Word]

/** The block of what is there until the end. */
export const FOR_GOOD: Block = { open: true, name: 'the family' }

const checkOpen = (block: Block): void => {
  if (!block.open)
    throw new Error(
      `a word of ${block.name} is used after its end, where others may have its place: declare a variable outside`,
    )
}

const place = (list: List, index: number): number => {
  if (Number.isInteger(index) && index >= 0 && index < list.length) return list.base + index
  throw new Error(`a list of ${list.length} words has none at ${index}`)
}
