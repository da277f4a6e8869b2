import { createFastestExecutor, findNative } from '@lockstep/native'
import { createWasmExecutor, type Executor, FaultError, type Runner } from '@lockstep/tensor'
import { type ExecutorId, isDevice, kindOf, numberOf } from './id.ts'

export type OpenByIdOptions = {
  readonly threads: number
  readonly relaxed?: 'auto' | 'on' | 'off'
  /** Bytes of the processor's memory; a device's programs have the device's. */
  readonly memory?: number
}

/** The code of whatever a device fails with: it says nothing about the program. */
export const DEVICE_FAILED = 'run-device'

/** The executor of this name. A device proves itself while it is opened; what goes wrong on it is a fault of the device. */
export const openById = async (id: ExecutorId, options: OpenByIdOptions): Promise<Executor> => {
  switch (kindOf(id)) {
    case 'wasm':
      return createWasmExecutor(options)
    case 'native': {
      const found = findNative()
      if ('why' in found) throw deviceFault(id, found.why)
      return createFastestExecutor(options, found)
    }
    case 'cuda':
      return onDevice(id, async () =>
        (await import('@lockstep/gpu/cuda')).createCudaExecutor({ device: numberOf(id) }),
      )
    case 'webgpu':
      return onDevice(id, async () => {
        const [{ webGpuAdapters }, { createWebGpuExecutor }] = await Promise.all([
          import('./adapters.ts'),
          import('@lockstep/gpu/webgpu'),
        ])
        const found = await webGpuAdapters()
        if ('why' in found) throw new Error(found.why)
        const adapter = found.adapters[numberOf(id)]
        if (!adapter) throw new Error(`Dawn finds ${found.adapters.length} adapters on this machine`)
        return createWebGpuExecutor({ gpu: adapter.gpu })
      })
  }
}

/** Says of every error of a device's executor which device it is, so that the work can go on elsewhere. */
export const onDevice = async (id: ExecutorId, open: () => Promise<Executor>): Promise<Executor> => {
  const attempt = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw deviceFault(id, wordsOf(error))
    }
  }
  const at = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw deviceFault(id, wordsOf(error))
    }
  }
  const executor = await attempt(open)
  return {
    name: executor.name,
    compile: async (program, inputs) => {
      const runner = await attempt(() => executor.compile(program, inputs))
      const { roots } = runner
      const guarded: Runner = {
        load: (state) => at(() => runner.load(state)),
        give: (given) => at(() => runner.give(given)),
        step: (count) => attempt(() => runner.step(count)),
        trace: () => attempt(() => runner.trace()),
        state: (into) => at(() => runner.state(into)),
        outputs: () => at(() => runner.outputs()),
        ...(roots && { roots: () => at(() => roots.call(runner)) }),
        // A device that is gone has nothing to be given back to.
        close: () => quietly(() => runner.close()),
      }
      return guarded
    },
    close: async () => {
      await executor.close().catch(() => {})
    },
  }
}

const quietly = (work: () => void): void => {
  try {
    work()
  } catch {
    // the work on it has ended, well or not
  }
}

const wordsOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]!.slice(0, 500)

export const deviceFault = (id: ExecutorId, why: string): FaultError =>
  new FaultError({
    code: DEVICE_FAILED,
    field: `executor ${id}`,
    value: why,
    limit: isDevice(id) ? 'a device that computes' : 'an executor that is here',
    remedy: 'The work goes on with another executor; `lockstep devices` shows what this one is worth.',
  })
