import { FaultError } from '@lockstep/tensor'
import {
  COMPUTE,
  type Gpu,
  type GpuAdapter,
  type GpuDevice,
  type GpuPipeline,
  gpuHere,
  USAGE,
} from './gpu.ts'
import { PLACES } from './node-text.ts'

/** A device with the layout that all kernels share. Adapter and pipelines are kept: some implementations free them otherwise. */
export class Device {
  readonly name: string
  readonly device: GpuDevice
  /** The most bytes of one block of memory. */
  readonly most: number
  readonly #adapter: GpuAdapter
  readonly #layout: unknown
  readonly #pipelineLayout: unknown
  readonly #pipelines = new Map<string, Promise<GpuPipeline>>()
  #lost: string | undefined

  private constructor(adapter: GpuAdapter, device: GpuDevice) {
    const { vendor, architecture } = adapter.info
    this.name = `webgpu ${[vendor, architecture].filter((w) => w !== '').join(' ') || 'unnamed'}`
    this.#adapter = adapter
    this.device = device
    this.most = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize)
    this.#layout = device.createBindGroupLayout({
      entries: [
        { binding: 0, visibility: COMPUTE, buffer: { type: 'storage' } },
        {
          binding: 1,
          visibility: COMPUTE,
          buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: PLACES * 4 },
        },
      ],
    })
    this.#pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [this.#layout] })
    void device.lost.then(({ reason, message }) => {
      this.#lost = `${reason}${message === '' ? '' : `: ${message}`}`
    })
  }

  /** The platform's first adapter, with as much memory in one block as it has; a fault where there is none. */
  static async open(gpu: Gpu | undefined = gpuHere()): Promise<Device> {
    const adapter = await gpu?.requestAdapter({ powerPreference: 'high-performance' })
    if (!adapter)
      throw new FaultError({
        code: 'no-adapter',
        field: 'gpu',
        value: gpu ? 'without an adapter' : 'absent',
        limit: 'a WebGPU implementation with an adapter',
        remedy: 'Use createWasmExecutor, or hand in a GPU of another implementation.',
      })
    const { maxStorageBufferBindingSize, maxBufferSize } = adapter.limits
    const device = await adapter.requestDevice({
      requiredLimits: { maxStorageBufferBindingSize, maxBufferSize },
    })
    return new Device(adapter, device)
  }

  /** Whether the processor does the device's work, as in SwiftShader and lavapipe. */
  get software(): boolean {
    return isSoftware(this.#adapter)
  }

  /** Throws where the device is gone. */
  check(): void {
    if (this.#lost !== undefined)
      throw new Error(`${this.name} was lost (${this.#lost}); create another executor`)
  }

  /** The pipeline of a module, compiled once. */
  pipeline(code: string): Promise<GpuPipeline> {
    let made = this.#pipelines.get(code)
    if (!made) {
      made = this.#compile(code)
      this.#pipelines.set(code, made)
    }
    return made
  }

  async #compile(code: string): Promise<GpuPipeline> {
    this.check()
    const module = this.device.createShaderModule({ code })
    try {
      return await this.device.createComputePipelineAsync({
        layout: this.#pipelineLayout,
        compute: { module, entryPoint: 'main' },
      })
    } catch (error) {
      const { messages } = await module.getCompilationInfo()
      const wrong = messages.find(({ type }) => type === 'error')
      const line = wrong && code.split('\n')[wrong.lineNum - 1]
      throw new Error(
        `${this.name} refuses a kernel: ${wrong ? `${wrong.message} in "${line}"` : String(error)}`,
      )
    }
  }

  /** Binds a block of memory and the places of all launches. */
  bind(memory: unknown, places: unknown): unknown {
    return this.device.createBindGroup({
      layout: this.#layout,
      entries: [
        { binding: 0, resource: { buffer: memory } },
        { binding: 1, resource: { buffer: places, size: PLACES * 4 } },
      ],
    })
  }

  /** How many workgroups along x and y make at least so many. */
  grid(groups: number): [number, number] {
    const most = this.device.limits.maxComputeWorkgroupsPerDimension
    const x = Math.min(groups, most)
    return [x, Math.ceil(groups / x)]
  }

  /** Runs `work`; what the device objects to is thrown. */
  async guarded<T>(work: () => T): Promise<T> {
    this.check()
    this.device.pushErrorScope('validation')
    this.device.pushErrorScope('out-of-memory')
    let value: T
    let faults: readonly ({ readonly message: string } | null)[] = []
    try {
      value = work()
    } finally {
      faults = await Promise.all([this.device.popErrorScope(), this.device.popErrorScope()])
    }
    const wrong = faults.find((f) => f !== null)
    if (wrong) throw new Error(`${this.name}: ${wrong.message}`)
    return value
  }

  close(): void {
    this.device.destroy()
  }
}

/** Whether an adapter is a program that plays one. */
export const isSoftware = ({ info }: GpuAdapter): boolean =>
  info.isFallbackAdapter === true ||
  /swiftshader|llvmpipe|lavapipe/i.test(`${info.architecture} ${info.description}`)

/** Usage of a block that kernels work in. */
export const BLOCK_USAGE: number = USAGE.storage | USAGE.copySource | USAGE.copyTarget
