import { createWasmExecutor, type Executor } from '@lockstep/tensor'
import type { ExecutorModuleOptions } from '../../src/run/open-executor.ts'

/** An executor that takes its process along at a step, as a driver may. */
export const createExecutor = async ({ at = 1 }: ExecutorModuleOptions): Promise<Executor> => {
  const executor = await createWasmExecutor()
  let steps = 0
  return {
    ...executor,
    compile: async (program, inputs) => {
      const runner = await executor.compile(program, inputs)
      const step = runner.step.bind(runner)
      runner.step = async (count = 1) => {
        steps += count
        if (steps >= Number(at)) process.kill(process.pid, 'SIGKILL')
        await step(count)
      }
      return runner
    },
  }
}
