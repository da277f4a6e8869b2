/**
 * Assistants: small models inside applications that learn from use. See docs/assist.md.
 *
 * - An application describes itself as an `Environment`; `textEnvironment` is the one for writing.
 * - `createAssistant` joins an environment with a model (a `Suggester`) and an `Acceptance`, a storage and consent.
 * - Episodes: `encodeEpisode`, `decodeEpisode`, `exportEpisodes`, `importEpisodes`; `passagesOf` and `comparisonsOf` say
 *   what there is to learn from one.
 *
 * Nothing here has a clock, a disk or randomness of its own. Errors are AssistError: code, field, value, limit, remedy.
 */
export { AssistError, type AssistErrorCode } from './assist-error.ts'
export type {
  Assistant,
  EpisodeRoom,
  EpisodeSummary,
  Explanation,
  LearnOutcome,
  Metrics,
  Offer,
  VersionRoom,
} from './assistant/assistant.ts'
export { type AssistantOptions, createAssistant } from './assistant/create-assistant.ts'
export { checkedSettings, DEFAULT_SETTINGS, SETTINGS_BOUNDS, type Settings } from './assistant/settings.ts'
export type {
  Ask,
  Exam,
  Learned,
  Lessons,
  Passage,
  Suggester,
  Suggestion,
} from './assistant/suggester.ts'
export {
  CONSENT_LIMITS,
  type Consent,
  type Given,
  type Leaving,
  type Left,
  openConsent,
} from './consent/consent.ts'
export type { Environment } from './environment/environment.ts'
export {
  type GridAction,
  type GridReading,
  type GridSymbols,
  gridEnvironment,
  gridSymbols,
  MOST_BLOCKS,
} from './environment/grid.ts'
export { type ShellAction, type ShellState, shellEnvironment } from './environment/shell.ts'
export {
  CODE,
  DOCUMENT_END,
  PROSE,
  REDACTED,
  TEXT_SYMBOLS,
  type TextAction,
  type TextKind,
  type TextOptions,
  type TextState,
  textEnvironment,
  textOf,
  textSymbols,
} from './environment/text.ts'
export {
  type Acted,
  decodeEpisode,
  EPISODE_LIMITS,
  type Episode,
  type EpisodeEvent,
  encodeEpisode,
  exportEpisodes,
  importEpisodes,
  type Offered,
  type Seen,
  SIGNALS,
  type Signal,
  type Signalled,
  withId,
} from './episode/episode.ts'
export { type DatabaseFactory, indexedDbStorage } from './episode/indexed-db-storage.ts'
export { type Comparison, comparisonsOf, PASSAGE_CONTEXT, passagesOf } from './episode/passages.ts'
export { REDACTION_LIMITS, type RedactionRule, redact } from './episode/redact.ts'
export { splitEpisodes, symbolsIn } from './episode/split.ts'
export { type AssistStorage, memoryStorage, STORAGE_LIMITS } from './episode/storage.ts'
export * from './grid/board.ts'
export { type Asked, type GridForecaster, goalsForecaster } from './grid/forecaster.ts'
export { gameRows } from './grid/game-rows.ts'
export * from './grid/goal.ts'
export { decodeGridBase, encodeGridBase } from './grid/grid-base.ts'
export * from './grid/grid-model.ts'
export * from './grid/person.ts'
export * from './grid/play.ts'
export { type GridParts, openGridModel } from './grid/suggester.ts'
export { type Row, type RowShape, rowOf, rowsOf, tensorsOf } from './learning/rows.ts'
export {
  bitsOf,
  checkUpdate,
  type Pause,
  rowLogs,
  shapeOf,
  UPDATE,
  type Update,
  update,
  updateInputs,
  updateProgram,
} from './learning/update.ts'
export { type Belief, type GoalsMemory, goalsMemory, type Hypothesis } from './memory/goals.ts'
export type { Memory, MemoryView } from './memory/memory.ts'
export {
  decodePublicCounts,
  encodePublicCounts,
  type PublicCounts,
  publicCounts,
} from './memory/public-counts.ts'
export { type PublicTexts, type TextMemory, textMemory, weightsFor } from './memory/text-memory.ts'
export { type AssistModel, programsOf, TEXT_MODEL } from './model/assist-model.ts'
export { openSuggester, type SuggesterOptions } from './model/open-suggester.ts'
export { createReader, type Reader } from './model/reader.ts'
export {
  baseMemory,
  openTextSuggester,
  readTextBase,
  type TextBase,
  writeTextBase,
} from './model/text-base.ts'
export {
  type Acceptance,
  OFFER_FEATURES,
  type OfferFeature,
  type OfferFeatures,
  type Outcome,
} from './offering/acceptance.ts'
export {
  acceptanceProgram,
  acceptanceTraining,
  learnedAcceptance,
  OUTCOMES,
} from './offering/learned-acceptance.ts'
export { naturalLog } from './offering/natural-log.ts'
export { createPatience, PATIENCE_WINDOW, type Patience, SETTLE } from './offering/patience.ts'
export type { Receipt } from './versions/receipt.ts'
export { type NewVersion, openVersions, type Version, type Versions } from './versions/versions.ts'
export { type Apart, learnApart } from './worker/learn-apart.ts'
export type { Port } from './worker/port.ts'
export { createBreath, type Model, serveModel } from './worker/serve-model.ts'
export { workerModel } from './worker/worker-model.ts'
