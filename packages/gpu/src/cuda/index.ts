export { type CudaExecutor, type CudaOptions, type CudaRunner, executorOver } from './device-executor.ts'
