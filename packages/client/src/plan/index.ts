/** Manifests and plans: what needs neither a chain nor a network, and loads neither. */

export { LOCAL_MARKET } from '../manifest/local-market.ts'
export { canonicalManifest, MAX_MANIFEST_BYTES, parseManifest, stepsPerRound } from '../manifest/parse.ts'
export type { Manifest, MarketTerms } from '../manifest/schema.ts'
export { defaultManifest, manifestTemplate } from '../manifest/template.ts'
export { estimateJob, type JobEstimate } from './estimate-job.ts'
export {
  decodeJobManifest,
  encodeJobManifest,
  type JobManifest,
  MAX_JOB_MANIFEST_BYTES,
  type SliceBlobs,
  sliceBlobs,
} from './job-manifest.ts'
export { type PostTerms, postOf } from './job-post.ts'
export { modelFromState } from './model-from-state.ts'
export { type Plan, type PlanOptions, planJob, workOf } from './plan.ts'
export { type Shape, type SliceShape, shapeOf } from './shape.ts'
export { programFrom, sliceTask } from './slice-task.ts'
export { planFrom, planOf, type Training, type TrainingPlan, trainingOf } from './training.ts'
