export { type Arithmetic, everywhere, type Floating, INTEGERS, type Way } from './arithmetic.ts'
export { createWebGpuExecutor, type WebGpuExecutor, type WebGpuOptions } from './executor.ts'
export { type Gpu, gpuHere } from './gpu.ts'
export type { Proof } from './prove.ts'
