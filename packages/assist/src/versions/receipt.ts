import type { Hex } from '@lockstep/proof'

/**
 * What an update says of itself, so that whoever has the episodes and the state before it can run it again: as any
 * task in the network, a program, the roots of its data, and the state's root before and after.
 */
export type Receipt = {
  /** Id of the program whose step was run. */
  readonly program: Hex
  readonly steps: number
  /** Roots of the program's inputs, in its order: the data. */
  readonly inputs: readonly Hex[]
  /** Root of the state before the first step, and after the last. */
  readonly before: Hex
  readonly after: Hex
  /** Ids of the episodes that the data was made of, oldest first. */
  readonly episodes: readonly string[]
}
