/** A participant of a swarm: what it owes, what it has heard, and its model, over a chain and a network. */
export { type Doubt, type Due, type OwnPart, type SwarmDuty, swarmDuties } from './duties.ts'
export { codingOf, type Learner, openLearner } from './learner.ts'
export type { SwarmMetrics } from './metrics.ts'
export {
  openParticipant,
  type Participant,
  type ParticipantEvent,
  type ParticipantOptions,
  type Turn,
} from './participant.ts'
export { openSharedLearner } from './shared-learner.ts'
export { type RoundView, rulesOf, type SwarmView, stepView } from './view.ts'
