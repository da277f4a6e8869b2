import type { Result } from '@lockstep/tensor'
import type { Hex } from './digest.ts'
import type { Outcome, SegmentNamed, Terms } from './game.ts'
import type { Move } from './moves.ts'

/** A dispute as the chain recorded it: enough to play it again from the start. Times are the chain's, in seconds. */
export type DisputeRecord = {
  readonly terms: Terms
  /** The running hash before the first position: see `seedHash`. */
  readonly seed: Hex
  readonly openedAt: number
  /** The segment that the challenger named; absent where the whole history is disputed. */
  readonly named?: SegmentNamed
  /** The accepted moves, in order, as they were sent. */
  readonly moves: readonly { readonly move: Move; readonly time: number }[]
  /** Whether the dispute ended because a side let its turn pass, and when. */
  readonly timedOutAt?: number
  /** How it ended, where the chain says only that: a judged move need not be among the moves then. */
  readonly decided?: Exclude<Outcome, 'open'>
}

/** All that a player needs of a chain. A refused move is a fault, not an exception; a lost connection is an exception. */
export type Chain = {
  readonly record: (dispute: number) => Promise<DisputeRecord>
  readonly submit: (dispute: number, move: Move) => Promise<Result<void>>
  readonly timeout: (dispute: number) => Promise<Result<void>>
}
