/**
 * Models that learn together. Everything here is pure: time, bytes, peers and executors are handed in, so a whole
 * swarm also runs inside one process, or in a browser.
 */
export { chanceOf, fitScale, type Sample, type Scale } from './critique/calibrate.ts'
export * from './critique/judge.ts'
export * from './critique/judgement.ts'
export { createReader, type Reader, type Reading } from './critique/read.ts'
export * from './critique/resolve.ts'
export { type Judged, trustOf } from './critique/trust.ts'
export * from './critique/verdict.ts'
export {
  answerLeaf,
  answerPath,
  answersRoot,
  climb,
  commitmentOf,
  type Part,
  type Place as SubmissionPlace,
} from './game/commitment.ts'
export * from './game/drawn.ts'
export * from './game/explain.ts'
export * from './game/leaderboard.ts'
export * from './game/offer.ts'
export * from './game/points.ts'
export * from './game/round.ts'
export * from './game/rules.ts'
export * from './game/votes.ts'
export { packBytes, unpackBytes } from './game/words.ts'
export * from './learn/check-receipt.ts'
export { type Coding, characterCoding, isPrintable, tokenizerCoding } from './learn/coding.ts'
export { type Draws, draws, PURPOSE } from './learn/draws.ts'
export {
  type Completion,
  createGenerator,
  type GenerateShape,
  type Generator,
} from './learn/generate.ts'
export * from './learn/group.ts'
export {
  type Lesson,
  lessonsOf,
  type OthersAnswers,
  ofOthers,
  policyInputs,
  rowTensors,
} from './learn/lesson.ts'
export * from './learn/old-task.ts'
export * from './learn/receipt.ts'
export { type Refill, refill } from './learn/refill.ts'
export { type Choosing, choose } from './learn/select.ts'
export * from './learn/update.ts'
export { solvedExamples, type WarmStart, warmStart, withOthersAnswers } from './learn/warm-start.ts'
export * from './local/checkpoint.ts'
export * from './local/plan.ts'
export * from './local/swarm.ts'
export { Builder, type FamilyOptions, LAYOUT, type Routine } from './machine/builder.ts'
export { type Code, codeOf, codeTensor } from './machine/code.ts'
export * from './machine/instruction.ts'
export { type Interpreter, interpreter, type Standing } from './machine/interpret.ts'
export * from './machine/request.ts'
export { scoreTensor, wordStart, wordState, wordStep } from './machine/step-program.ts'
export type { Answer, Text } from './machine/text.ts'
export { List, type Operand, Variable, Word } from './machine/word.ts'
export { checkLineage, type LineageEvidence } from './merge/check-lineage.ts'
export type { Measure, MergeBuild } from './merge/judge.ts'
export * from './merge/lineage.ts'
export { type LineageDifference, memberReceipts, receiptDigest, receiptsTo } from './merge/member-receipts.ts'
export { MERGE_LIMITS } from './merge/member-table.ts'
export * from './merge/meta-model.ts'
export type { ResolvedAnswer } from './merge/resolve.ts'
export * from './share/arrival.ts'
export * from './share/own-tasks.ts'
export * from './share/shared-group.ts'
export { families } from './tasks/families.ts'
export * from './tasks/family.ts'
export { firstLevel, LEVEL_RULE, type LevelRule, type LevelState, observe } from './tasks/level.ts'
export * from './tasks/score-task.ts'
export * from './tasks/split.ts'
