export {
  type ChainKernel,
  type ChainLaunch,
  type DevicePlan,
  isNarrow,
  type Kernel,
  type Launch,
  placeOf,
  planDevice,
} from './device-plan.ts'
export { isLocal } from './row-chain.ts'
