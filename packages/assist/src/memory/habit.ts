import { exponential } from '../offering/exponential.ts'

/** A block of a shape, from its top left corner; `part` tells its colours apart. */
export type Spot = { readonly x: number; readonly y: number; readonly part: number }

/** In which order somebody builds, learned from what they have built. It begins knowing nothing. */
export type Habit = {
  /** How likely each of the blocks left is the next one, after `last`. `whole` is the shape they are of. */
  chances(left: readonly Spot[], last: Spot | undefined, whole: Whole): Float64Array
  /** Learns from a shape that was built in this order. */
  learn(order: readonly Spot[]): void
}

/** What of a shape a habit may go by, beside its blocks. */
export type Whole = { readonly middle: number; readonly inner: ReadonlySet<number> }

export const wholeOf = (spots: readonly Spot[]): Whole => {
  const all = new Set(spots.map(({ x, y }) => placeOf(x, y)))
  const has = (x: number, y: number): boolean => x >= 0 && y >= 0 && all.has(placeOf(x, y))
  const inner = spots.filter(({ x, y }) => has(x - 1, y) && has(x + 1, y) && has(x, y - 1) && has(x, y + 1))
  return {
    middle: Math.max(0, ...spots.map(({ x }) => x)),
    inner: new Set(inner.map(({ x, y }) => placeOf(x, y))),
  }
}
const placeOf = (x: number, y: number): number => y * 16 + x

/** Which of two blocks comes first where a board is read line by line, from each corner and either way. */
const READINGS: readonly ((a: Spot, b: Spot) => number)[] = [1, -1].flatMap((right) =>
  [1, -1].flatMap((down) => [
    (a: Spot, b: Spot) => down * (a.y - b.y) || right * (a.x - b.x),
    (a: Spot, b: Spot) => right * (a.x - b.x) || down * (a.y - b.y),
  ]),
)
/** Numbers of a block that a habit may depend on. */
const COUNT = READINGS.length + 14
/** How much a move changes what is held of the habit. */
const RATE = 0.8

/**
 * The next block is drawn with chances in proportion to e^(weights . numbers of the block): where it lies, beside what, and
 * whether it is the first by one way of reading. Each move of a finished game moves the weights along the gradient
 * of its logarithm.
 */
export const createHabit = (): Habit => {
  const weights = new Float64Array(COUNT)
  const rowsOf = (left: readonly Spot[], last: Spot | undefined, { middle, inner }: Whole): Float64Array => {
    const rows = new Float64Array(left.length * COUNT)
    for (const [n, before] of READINGS.entries()) {
      let first = 0
      for (let i = 1; i < left.length; i++) if (before(left[i]!, left[first]!) < 0) first = i
      rows[first * COUNT + n] = 1
    }
    let nearest = 99
    if (last) for (const one of left) nearest = Math.min(nearest, distance(one, last))
    for (const [i, { x, y, part }] of left.entries()) {
      let at = i * COUNT + READINGS.length
      rows[at++] = x / 4
      rows[at++] = y / 4
      rows[at++] = Math.abs(2 * x - middle) / 4
      rows[at++] = Number(inner.has(placeOf(x, y)))
      if (!last) continue
      const far = distance({ x, y, part }, last)
      rows[at++] = Number(x === last.x)
      rows[at++] = Number(y === last.y)
      rows[at++] = far / 4
      rows[at++] = Number(far === nearest)
      rows[at++] = Number(far === 1)
      rows[at++] = Number(part === last.part)
      rows[at++] = Number(y === last.y && x + last.x === middle)
      rows[at++] = Number(y === last.y && x === last.x + 1)
      rows[at++] = Number(y === last.y && x > last.x)
      rows[at++] = Number(y === last.y - 1)
    }
    return rows
  }
  const chancesOf = (rows: Float64Array, count: number): Float64Array => {
    const chances = new Float64Array(count)
    let top = Number.NEGATIVE_INFINITY
    for (let i = 0; i < count; i++) {
      for (let n = 0; n < COUNT; n++) chances[i]! += rows[i * COUNT + n]! * weights[n]!
      top = Math.max(top, chances[i]!)
    }
    let sum = 0
    for (let i = 0; i < count; i++) {
      chances[i] = exponential(chances[i]! - top)
      sum += chances[i]!
    }
    for (let i = 0; i < count; i++) chances[i]! /= sum
    return chances
  }
  return {
    chances: (left, last, whole) => chancesOf(rowsOf(left, last, whole), left.length),
    learn(order) {
      const whole = wholeOf(order)
      for (let taken = 0; taken < order.length - 1; taken++) {
        const left = order.slice(taken)
        const rows = rowsOf(left, order[taken - 1], whole)
        const chances = chancesOf(rows, left.length)
        for (let n = 0; n < COUNT; n++) {
          let gradient = rows[n]!
          for (const [i, chance] of chances.entries()) gradient -= chance * rows[i * COUNT + n]!
          weights[n]! += RATE * gradient
        }
      }
    },
  }
}

const distance = (a: Spot, b: Spot): number => Math.abs(a.x - b.x) + Math.abs(a.y - b.y)
