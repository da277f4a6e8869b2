/** The machine on GPUs: programs as WGSL and as PTX, and the executors that run them. */
export * from './kernel/index.ts'
export * from './webgpu/index.ts'
