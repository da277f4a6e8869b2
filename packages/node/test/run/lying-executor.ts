import { createWasmExecutor, type Executor } from '@lockstep/tensor'
import { faultyExecutor } from '../../../../examples/faulty-executor.ts'
import { drawLie } from '../../../../examples/lies.ts'
import { seeded } from '../../../../examples/seeded.ts'
import type { ExecutorModuleOptions } from '../../src/run/index.ts'

/** An executor that tells the lie number `seed` in a step before step `steps`, always the same one. */
export const createExecutor = async (options: ExecutorModuleOptions): Promise<Executor> => {
  const { threads, relaxed, memory, seed, steps } = options
  const honest = await createWasmExecutor({ threads, relaxed, memory })
  return {
    ...honest,
    compile: (program, inputs) => {
      const lie = drawLie(program, Number(steps), seeded(Number(seed)))
      return faultyExecutor(honest, program, lie.program, lie.step).compile(lie.program, inputs)
    },
  }
}
