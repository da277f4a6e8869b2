/**
 * Rounds in which several people's assistants improve a shared base. Each learns from the base on its own machine; what
 * leaves is the update alone, or with it redacted episodes, as the person has chosen; a keeper runs again what it can,
 * bounds every update, and publishes the mean with a lineage that says what of it is proved. See docs/assist-loop.md.
 */
export { adoptionOf } from './adoption.ts'
export { type AssistTrainingOptions, assistTraining } from './assist-training.ts'
export { type BaseFinding, checkBase, runAgain } from './check-base.ts'
export { clipProgram } from './clip.ts'
export { type Contribution, contribute } from './contribute.ts'
export { type EpisodeTrainingOptions, episodeTraining } from './episode-training.ts'
export { type Fetch, httpCarriage, ROUND_PATHS } from './http-carriage.ts'
export {
  createKeeper,
  type Keeper,
  type KeeperOptions,
  type KeeperSettings,
  type RoundEnd,
} from './keeper.ts'
export {
  type BaseLineage,
  type BaseMember,
  decodeBaseLineage,
  describeBase,
  encodeBaseLineage,
} from './lineage.ts'
export { boundOf, type Merged, mergeUpdates } from './merge-updates.ts'
export {
  type BaseName,
  decodeBaseName,
  decodeOffer,
  encodeBaseName,
  encodeOffer,
  ROUND_LIMITS,
  type RoundOffer,
} from './offer.ts'
export { bytesHash, decodeParameters, encodeParameters, MOST_NUMBER } from './parameters.ts'
export {
  openRound,
  type Refusal,
  type Refused,
  type Round,
  type RoundEffect,
  type RoundEvent,
  type RoundStep,
  roundStep,
  type Standing,
} from './round.ts'
export { sharedEpisode } from './shared-episode.ts'
export { createShelf, type Shelf, type ShelfStorage } from './shelf.ts'
export {
  type Arrived,
  type Carriage,
  fetchBase,
  fetchNewest,
  type Given,
  isBetter,
  type Part,
  takePart,
} from './take-part.ts'
export { textTraining } from './text-training.ts'
export {
  type Learned as LearnedUpdate,
  learnFrom,
  learningTask,
  type ModelRoots,
  type PreparedTraining,
  parameterBytes,
  prepareTraining,
  type RoundTraining,
  tensorsRoot,
  type UpdateReceipt,
} from './training.ts'
export {
  decodeUpdate,
  encodeUpdate,
  mostUpdateBytes,
  SHARES,
  type Share,
  type UpdateMessage,
} from './update-message.ts'
