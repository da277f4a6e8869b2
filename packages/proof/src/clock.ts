import type { Side } from './moves.ts'

/** Seconds that a task grants its disputes; fixed by the task in proportion to its declared work. */
export type Timing = {
  /** What each side's clock shows at the start. */
  readonly clock: number
  readonly segmentTime: number
  readonly stepTime: number
  readonly moveTime: number
}

/** A chess clock: what each side has left, and when the present turn ends. */
export type Clock = { readonly claimant: number; readonly challenger: number; readonly deadline: number }

export const startClock = ({ clock }: Timing): Clock => ({ claimant: clock, challenger: clock, deadline: 0 })

/** Begins a turn at time `now`: it lasts as long as the side's clock, and at least the extension. */
export const beginTurn = (clock: Clock, side: Side, extension: number, now: number): Clock => ({
  ...clock,
  deadline: now + Math.max(clock[side], extension),
})

/** Ends a turn in time: what is left of it is what the clock shows. */
export const endTurn = (clock: Clock, side: Side, now: number): Clock => ({
  ...clock,
  [side]: clock.deadline - now,
})

export const isOver = (clock: Clock, now: number): boolean => now > clock.deadline
