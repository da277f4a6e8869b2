export { readHistory } from './history/read-history.ts'
export {
  type Mailbox,
  type MailboxChecks,
  type MailboxKeep,
  type MailboxOptions,
  openMailbox,
} from './mailbox/mailbox.ts'
export { canonicalManifest, MAX_MANIFEST_BYTES, parseManifest, stepsPerRound } from './manifest/parse.ts'
export type { Manifest, MarketTerms } from './manifest/schema.ts'
export { defaultManifest, manifestTemplate } from './manifest/template.ts'
export { estimateJob, type JobEstimate } from './plan/estimate-job.ts'
export {
  decodeJobManifest,
  encodeJobManifest,
  type JobManifest,
  MAX_JOB_MANIFEST_BYTES,
  type SliceBlobs,
  sliceBlobs,
} from './plan/job-manifest.ts'
export { type PostTerms, postOf } from './plan/job-post.ts'
export { modelFromState } from './plan/model-from-state.ts'
export { type Plan, type PlanOptions, planJob, workOf } from './plan/plan.ts'
export { type Shape, type SliceShape, shapeOf } from './plan/shape.ts'
export { programFrom, sliceTask } from './plan/slice-task.ts'
export { planFrom, planOf, type Training, type TrainingPlan, trainingOf } from './plan/training.ts'
export * from './wire/index.ts'
