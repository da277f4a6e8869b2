/** The part of the WebGPU API that is used here; the language's own libraries declare it for browsers only. */
export type GpuBuffer = {
  mapAsync(mode: number): Promise<void>
  getMappedRange(): ArrayBuffer
  unmap(): void
  destroy(): void
}
export type GpuPipeline = { getBindGroupLayout(index: number): unknown }
export type GpuPass = {
  setPipeline(pipeline: GpuPipeline): void
  setBindGroup(index: number, group: unknown, offsets?: readonly number[]): void
  dispatchWorkgroups(x: number, y?: number): void
  end(): void
}
export type GpuEncoder = {
  beginComputePass(): GpuPass
  copyBufferToBuffer(from: GpuBuffer, fromAt: number, to: GpuBuffer, toAt: number, bytes: number): void
  finish(): unknown
}
export type GpuLimits = {
  readonly maxStorageBufferBindingSize: number
  readonly maxBufferSize: number
  readonly maxComputeWorkgroupsPerDimension: number
}
export type GpuDevice = {
  readonly limits: GpuLimits
  readonly queue: {
    submit(commands: readonly unknown[]): void
    writeBuffer(buffer: GpuBuffer, at: number, data: Uint8Array<ArrayBufferLike> | Uint32Array): void
  }
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>
  createBuffer(descriptor: { readonly size: number; readonly usage: number }): GpuBuffer
  createShaderModule(descriptor: { readonly code: string }): {
    getCompilationInfo(): Promise<{
      readonly messages: readonly {
        readonly type: string
        readonly message: string
        readonly lineNum: number
      }[]
    }>
  }
  createBindGroupLayout(descriptor: object): unknown
  createPipelineLayout(descriptor: object): unknown
  createBindGroup(descriptor: object): unknown
  createComputePipelineAsync(descriptor: object): Promise<GpuPipeline>
  createCommandEncoder(): GpuEncoder
  pushErrorScope(filter: string): void
  popErrorScope(): Promise<{ readonly message: string } | null>
  destroy(): void
}
export type GpuAdapter = {
  readonly info: {
    readonly vendor: string
    readonly architecture: string
    readonly description: string
    readonly isFallbackAdapter?: boolean
  }
  readonly limits: GpuLimits
  requestDevice(descriptor?: object): Promise<GpuDevice>
}
/** What `navigator.gpu` is, and what Dawn's package for Node gives. */
export type Gpu = { requestAdapter(options?: object): Promise<GpuAdapter | null> }

// GPUBufferUsage, GPUMapMode and GPUShaderStage of the standard
export const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 0x40, storage: 0x80 } as const
export const MAP_READ = 1
export const COMPUTE = 4

/** What this platform offers by itself: a browser's `navigator.gpu`, or nothing. */
export const gpuHere = (): Gpu | undefined =>
  (globalThis as unknown as { readonly navigator?: { readonly gpu?: Gpu } }).navigator?.gpu
