/**
 * Plays disputes on a chain.
 *
 * - `openClaimant`, `openChallenger`: a side of all disputes about a claim, out of a run directory, in a process of
 *   its own. `play(dispute)` plays one to its end.
 * - `openChallenge`: opens a dispute, or takes up one that was opened before.
 * - `playFromTrace`, `playDispute`: the same in this process, for tools.
 */
export { type ChallengeOptions, openChallenge } from './open-challenge.ts'
export {
  openChallenger,
  openClaimant,
  type Player,
  type PlayerOptions,
  type PlayOptions,
} from './open-player.ts'
export {
  type DisputePlayed,
  type MoveMade,
  type Mover,
  playDispute,
  playFromTrace,
  type TableOptions,
  type TraceOptions,
  traceMover,
} from './play-dispute.ts'
export type { History } from './process-mover.ts'
