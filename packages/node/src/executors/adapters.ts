import { dawnGpu, type Gpu, isSoftware } from '@lockstep/gpu/webgpu'

type Adapter = NonNullable<Awaited<ReturnType<Gpu['requestAdapter']>>>

/** An adapter of Dawn's, which makes one device and is used up by that. */
export type WebGpuAdapter = {
  readonly name: string
  readonly driver: string
  /** Bytes of its largest block. */
  readonly memory: number
  readonly software: boolean
  readonly gpu: Gpu
}

/** WebGPU tells its adapters by what they are preferred for: a machine with two cards shows both so. */
const PREFERENCES = ['high-performance', 'low-power']

/** The adapters that Dawn shows, each once; or one line that says why there is none. */
export const webGpuAdapters = async (): Promise<
  { readonly adapters: readonly WebGpuAdapter[] } | { readonly why: string }
> => {
  const gpu = await dawnGpu()
  if (!gpu) return { why: 'the package webgpu (Dawn) is not installed' }
  const adapters = new Map<string, WebGpuAdapter>()
  for (const powerPreference of PREFERENCES) {
    const adapter = await gpu.requestAdapter({ powerPreference })
    if (!adapter) continue
    const known = describe(adapter)
    const key = JSON.stringify(known)
    if (!adapters.has(key)) adapters.set(key, { ...known, gpu: { requestAdapter: async () => adapter } })
  }
  if (adapters.size === 0) return { why: 'Dawn finds no adapter on this machine' }
  return { adapters: [...adapters.values()] }
}

const describe = (adapter: Adapter): Omit<WebGpuAdapter, 'gpu'> => {
  const { vendor, architecture, description } = adapter.info
  const words = (...parts: string[]): string => parts.filter((part) => part !== '').join(' ') || 'unnamed'
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits
  return {
    name: words(vendor, architecture),
    driver: words(description),
    memory: Math.min(maxBufferSize, maxStorageBufferBindingSize),
    software: isSoftware(adapter),
  }
}
