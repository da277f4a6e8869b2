export { canonicalManifest, MAX_MANIFEST_BYTES, parseManifest, stepsPerRound } from './manifest/parse.ts'
export type { Manifest, MarketTerms } from './manifest/schema.ts'
export { defaultManifest, manifestTemplate } from './manifest/template.ts'
export { planFrom, planOf, type Training, type TrainingPlan, trainingOf } from './plan/training.ts'
