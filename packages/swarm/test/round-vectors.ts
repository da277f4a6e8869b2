import type { Hex } from '@lockstep/proof'
import { type Play, pointsOf } from '../src/game/points.ts'
import type { Weights } from '../src/game/rules.ts'

/** Rounds of any shape from a number: what the golden vectors are made of. */

export type RoundVector = {
  readonly seed: Hex
  readonly weights: Weights
  readonly tasks: number
  /** null where nothing of a seat stands. */
  readonly plays: readonly (Play | null)[]
  /** Of each seat, and the winners of each task. */
  readonly points: readonly number[]
  readonly winners: readonly number[]
}

/** Numbers from a seed. */
const numbers = (seed: number) => {
  let s = seed
  return (below: number): number => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0
    return Math.floor((s / 2 ** 32) * below)
  }
}

/** What seats might do: many right answers and judgements, so that votes and critiques are often paid. */
export const drawnPlays = (seats: number, tasks: number, seed: number): (Play | undefined)[] => {
  const draw = numbers(seed)
  const list = (make: (task: number) => number) => Array.from({ length: tasks }, (_, task) => make(task))
  return Array.from({ length: seats }, (_, seat) => {
    if (draw(6) === 0) return undefined
    return {
      ...(draw(5) ? { answers: list(() => (draw(2) ? 100 : draw(101))) } : {}),
      judgements: list(() => (draw(3) ? 101 : draw(102))),
      finals: list(() => draw(101)),
      votes: list(() => {
        const vote = 1 + draw(Math.min(3, seats))
        return draw(5) === 0 || vote === seat + 1 ? 0 : vote
      }),
    }
  })
}

const SHAPES: readonly (readonly [seats: number, tasks: number])[] = [
  [1, 1],
  [2, 1],
  [2, 3],
  [3, 16],
  [5, 4],
  [8, 16],
  [16, 2],
  [33, 5],
]

/** Four seats of equal weight of which two vote for each of two: the lower one wins. */
const EVEN: readonly Play[] = [3, 3, 2, 2].map((vote) => ({ answers: [100, 50], votes: [vote, 0] }))

export const roundVectors = (): readonly RoundVector[] =>
  [...SHAPES, [4, 2] as const].map(([seats, tasks], i) => {
    const seed: Hex = `0x${(i + 1).toString(16).padStart(2, '0').repeat(32)}`
    const weights: Weights = { answer: 1 + i, critique: i % 3, prediction: (i * 5) % 7, resolve: i % 4 }
    const plays = i === SHAPES.length ? EVEN : drawnPlays(seats, tasks, 1_000 + i)
    const { points, winners } = pointsOf(seed, weights, tasks, plays)
    return {
      ...{ seed, weights, tasks, plays: plays.map((play) => play ?? null) },
      points: points.map((one) => one?.total ?? 0),
      winners,
    }
  })

/** One round a line. */
export const roundVectorsFile = (): string =>
  `{"cases": [\n${roundVectors()
    .map((one) => JSON.stringify(one))
    .join(',\n')}\n]}\n`
