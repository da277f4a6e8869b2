export { type DevicePlan, isNarrow, type Kernel, type Launch, placeOf, planDevice } from './device-plan.ts'
