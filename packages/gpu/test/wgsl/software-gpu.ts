import type { Gpu, GpuBuffer, GpuDevice, GpuPass, GpuPipeline } from '../../src/webgpu/gpu.ts'
import { type FloatOperations, IEEE, type Translated, translateWgsl } from './translate.ts'

/** How a device that the processor plays may differ from an exact one. */
export type Software = {
  readonly float?: Partial<FloatOperations>
  /** What its compiler makes of a module's text before it runs. */
  readonly compile?: (code: string) => string
}

type Block = GpuBuffer & { readonly words: Uint32Array }
const LIMITS = {
  maxStorageBufferBindingSize: 1 << 27,
  maxBufferSize: 1 << 27,
  maxComputeWorkgroupsPerDimension: 65_535,
}

/** A WebGPU implementation without a GPU: the executor and its kernels as they are. Every work is done when submitted. */
export const softwareGpu = ({ float = {}, compile = (code) => code }: Software = {}): Gpu => {
  const operations = { ...IEEE, ...float }
  const buffer = (size: number): Block => {
    const words = new Uint32Array(Math.ceil(size / 4)).fill(0xcdcdcdcd)
    return {
      words,
      mapAsync: async () => {},
      getMappedRange: () => words.buffer as ArrayBuffer,
      unmap: () => {},
      destroy: () => {},
    }
  }
  type Group = { readonly memory: Uint32Array; readonly places: Uint32Array }
  const device: GpuDevice = {
    limits: LIMITS,
    lost: new Promise(() => {}),
    queue: {
      submit: (commands) => {
        for (const work of commands.flat() as (() => void)[]) work()
      },
      writeBuffer: (to, at, data) => {
        new Uint8Array((to as Block).words.buffer).set(
          new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
          at,
        )
      },
    },
    createBuffer: ({ size }) => buffer(size),
    createShaderModule: ({ code }) => ({ code, getCompilationInfo: async () => ({ messages: [] }) }),
    createBindGroupLayout: (d) => d,
    createPipelineLayout: (d) => d,
    createBindGroup: (d) => {
      const [memory, places] = (d as { entries: { resource: { buffer: Block } }[] }).entries
      return { memory: memory!.resource.buffer.words, places: places!.resource.buffer.words } satisfies Group
    },
    createComputePipelineAsync: async (d) => {
      const { code } = (d as { compute: { module: { code: string } } }).compute.module
      return { ...translateWgsl(compile(code), operations), getBindGroupLayout: () => undefined }
    },
    createCommandEncoder: () => {
      const work: (() => void)[] = []
      return {
        finish: () => work,
        copyBufferToBuffer: (from, fromAt, to, toAt, bytes) =>
          work.push(() => {
            const source = new Uint8Array((from as Block).words.buffer, fromAt, bytes)
            new Uint8Array((to as Block).words.buffer).set(source, toAt)
          }),
        beginComputePass: (): GpuPass => {
          let pipeline: (GpuPipeline & Translated) | undefined
          let group: Group | undefined
          let offset = 0
          return {
            end: () => {},
            setPipeline: (p) => {
              pipeline = p as GpuPipeline & Translated
            },
            setBindGroup: (_, g, offsets) => {
              group = g as Group
              offset = offsets![0]!
            },
            dispatchWorkgroups: (x, y = 1) => {
              const { group: run } = pipeline!
              const { memory, places } = group!
              const own = places.subarray(offset / 4, offset / 4 + 64)
              work.push(() => {
                for (let g = 0; g < x * y; g++) run(memory, own, g % x, Math.floor(g / x), x)
              })
            },
          }
        },
      }
    },
    pushErrorScope: () => {},
    popErrorScope: async () => null,
    destroy: () => {},
  }
  return {
    requestAdapter: async () => ({
      info: { vendor: 'the processor', architecture: 'software', description: '' },
      limits: LIMITS,
      requestDevice: async () => device,
    }),
  }
}
