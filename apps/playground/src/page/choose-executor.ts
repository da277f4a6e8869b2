import { createWebGpuExecutor, gpuHere, isSoftware, type WebGpuExecutor } from '@lockstep/gpu/webgpu'
import { createWasmExecutor, type Executor, whyOneThread } from '@lockstep/tensor'
import type { Engine } from './messages.ts'

export type Chosen = {
  readonly executor: Executor
  /** What computes, in rows of a name and words. */
  readonly rows: readonly (readonly [string, string])[]
}

/** The executor of this page: whichever it is, the bits are the same. `gpu` fails where no GPU proves itself. */
export const chooseExecutor = async (engine: Engine, threads: number): Promise<Chosen> => {
  if (engine === 'gpu') return withGpu(await createWebGpuExecutor())
  const why = engine === 'wasm' ? 'not asked for' : await whyNoGpu()
  if (why === undefined) {
    try {
      return withGpu(await createWebGpuExecutor())
    } catch (error) {
      return withThreads(threads, `not used: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return withThreads(threads, why)
}

/** A software adapter would only be slower than WebAssembly, which has the processor's own vectors. */
const whyNoGpu = async (): Promise<string | undefined> => {
  const adapter = await gpuHere()?.requestAdapter()
  if (!adapter) return 'none that this browser offers'
  return isSoftware(adapter) ? 'only one in software, which is slower' : undefined
}

const withGpu = (executor: WebGpuExecutor): Chosen => {
  const { arithmetic, cases } = executor.proof
  const ways = Object.entries(arithmetic).map(([op, way]) => `${op.replace(/^f(?!ma)/, '')} ${way}`)
  return {
    executor,
    rows: [
      ['GPU', executor.name.replace(/^webgpu /, '')],
      ['Arithmetic', `${ways.join(', ')}; proved on ${cases} cases when it was opened`],
    ],
  }
}

const withThreads = async (asked: number, why: string): Promise<Chosen> => {
  const one = asked > 1 ? whyOneThread() : undefined
  const executor = await createWasmExecutor({ threads: one === undefined ? asked : 1 })
  return {
    executor,
    rows: [
      ['GPU', why],
      ['Threads', `${executor.threads}${one === undefined ? '' : `: ${one}. The bits are the same.`}`],
      [
        'Multiply-add',
        executor.fused ? 'fused, of the machine' : 'emulated exactly: this browser has none that rounds once',
      ],
    ],
  }
}
