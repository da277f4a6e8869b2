import { f32Tensor, u32Tensor } from '@lockstep/models'
import { draws } from '@lockstep/swarm'
import type { Tensor } from '@lockstep/tensor'
import type { Passage } from '../assistant/suggester.ts'
import type { Memory } from '../memory/memory.ts'

/** What a table's rows are like. */
export type RowShape = {
  /** L: symbols of a row. */
  readonly length: number
  readonly symbols: number
  readonly features: number
}

/** A stretch of a text of which the end is to be learned, with what a memory said of each place when it was written. */
export type Row = {
  /** At most L of them. */
  readonly tokens: Uint16Array
  /** Places `from` to the end are learned; at least 1. */
  readonly from: number
  /** Of place i + 1 what the memory said: (length - 1) x symbols, and x features. */
  readonly advice: Float32Array
  readonly sure: Float32Array
}

/** Symbols that a row learns at most; the others are what it reads before. */
const LEARNED = 2 / 3

const stepOf = ({ length }: RowShape): number => Math.max(1, Math.floor(LEARNED * length))

/** How many rows passages come to. */
export const rowCount = (passages: readonly Passage[], shape: RowShape): number =>
  passages.reduce((sum, { symbols }) => sum + Math.ceil(symbols.length / stepOf(shape)), 0)

/**
 * Passages as rows, in order. Before each row the memory has seen all that came before it, and it takes in every passage: so what
 * it says in training is what it says in use. `isWanted` says of a row's number whether it is made at all.
 */
export function* rowsOf(
  passages: Iterable<Passage>,
  memory: Memory,
  shape: RowShape,
  isWanted: (row: number) => boolean = () => true,
): Generator<Row, void, void> {
  const step = stepOf(shape)
  let row = 0
  for (const { context, symbols, at } of passages) {
    for (let done = 0; done < symbols.length; done += step) {
      if (!isWanted(row++)) continue
      const learned = symbols.subarray(done, done + step)
      const before = joined(context, symbols.subarray(0, done))
      yield rowOf(before, learned, memory, shape)
    }
    memory.learn(context, symbols, at)
  }
}

/** One row: as much of what came before as fits, then what is learned. */
export const rowOf = (
  before: Uint16Array,
  learned: Uint16Array,
  memory: Memory,
  { length, symbols, features }: RowShape,
): Row => {
  const kept = before.subarray(Math.max(0, before.length - (length - learned.length)))
  const tokens = joined(kept, learned)
  const from = Math.max(1, kept.length)
  const places = length - 1
  // Places that are not learned are given even chances: nothing is made of them.
  const advice = new Float32Array(places * symbols).fill(1 / symbols)
  const sure = new Float32Array(places * features)
  for (let place = from; place < tokens.length; place++) {
    const view = memory.view(tokens.subarray(0, place))
    advice.set(view.p, (place - 1) * symbols)
    sure.set(view.features, (place - 1) * features)
  }
  return { tokens, from, advice, sure }
}

/** Rows as a program's inputs, in the order of `rowTypes`: tokens, from, until, advice, features. Rows that are missing count for nothing. */
export const tensorsOf = (rows: readonly Row[], count: number, shape: RowShape): Tensor[] => {
  const { length, symbols, features } = shape
  const tokens = new Uint32Array(count * length)
  const [from, until] = [new Uint32Array(count).fill(1), new Uint32Array(count)]
  const advice = new Float32Array(count * (length - 1) * symbols).fill(1 / symbols)
  const sure = new Float32Array(count * (length - 1) * features)
  for (const [r, row] of rows.entries()) {
    tokens.set(row.tokens, r * length)
    from[r] = row.from
    until[r] = row.tokens.length
    advice.set(row.advice, r * (length - 1) * symbols)
    sure.set(row.sure, r * (length - 1) * features)
  }
  return [
    u32Tensor([count, length], tokens),
    u32Tensor([count], from),
    u32Tensor([count], until),
    f32Tensor([count, length - 1, symbols], advice),
    f32Tensor([count, length - 1, features], sure),
  ]
}

const PURPOSE = 0x726f7773

/**
 * Which of so many rows, oldest first, an update learns from: half of them the newest, half drawn from all that is older, so that what was
 * learned long ago is met again (experience replay; Lin, 1992). Their numbers, in an order that is drawn too.
 */
export const chosenRows = (rows: number, count: number, seed: number): number[] => {
  if (rows === 0) return []
  const lot = draws(seed, PURPOSE)
  const newest = Math.min(rows, Math.ceil(count / 2))
  const chosen = Array.from({ length: newest }, (_, i) => rows - newest + i)
  const older = rows > newest ? rows - newest : rows
  while (chosen.length < count) chosen.push(lot.below(older))
  for (let i = chosen.length - 1; i > 0; i--) {
    const j = lot.below(i + 1)
    ;[chosen[i], chosen[j]] = [chosen[j]!, chosen[i]!]
  }
  return chosen
}

export const joined = (a: Uint16Array, b: Uint16Array): Uint16Array => {
  const whole = new Uint16Array(a.length + b.length)
  whole.set(a)
  whole.set(b, a.length)
  return whole
}
