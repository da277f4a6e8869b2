import type { Hex } from '@lockstep/proof'
import { keccakOfWords } from './words.ts'

/** What follows from a round's seed alone; the same as ScoreTasks.sol and SwarmRewards.sol. */

const TASKS = 1
const SUBJECTS = 2

/** A task of a round: which of the swarm's families it is of, and its seed, whose highest bit is zero: for training. */
export type DrawnTask = { readonly family: number; readonly seed: number }

/** @param families How many the swarm has */
export const drawnTask = (roundSeed: Hex, task: number, families: number): DrawnTask => {
  const drawn = BigInt(keccakOfWords(roundSeed, TASKS, task))
  return {
    family: Number((drawn >> 32n) % BigInt(families)),
    seed: Number(drawn & 0x7fffffffn),
  }
}

/**
 * How many seats on, in a circle, the seat is whose answer to a task a seat judges; 0 where it is alone. Nobody chooses
 * whom it judges, and nobody judges itself.
 */
export const shiftOf = (roundSeed: Hex, task: number, seats: number): number =>
  seats < 2 ? 0 : 1 + Number(BigInt(keccakOfWords(roundSeed, SUBJECTS, task)) % BigInt(seats - 1))

/** The seat whose answer to a task a seat judges; undefined where it is alone. */
export const subjectOf = (roundSeed: Hex, task: number, seats: number, seat: number): number | undefined => {
  const shift = shiftOf(roundSeed, task, seats)
  return shift === 0 ? undefined : (seat + shift) % seats
}
