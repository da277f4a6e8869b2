import { createWasmExecutor, type Program, type Tensor, type WasmOptions } from '@lockstep/tensor'
import { measureCeilings } from './ceilings.ts'
import { type ProfileReport, profileReport } from './report.ts'

/** A program at some state, to be profiled. */
export type Profiled = {
  readonly program: Program
  readonly inputs: readonly Tensor[]
  readonly state: readonly Tensor[]
}

/** Steps before the clock counts: the engine compiles what is hot in the first. */
const WARM = 2
/** Ceilings are the best of so many tries. */
const ROUNDS = 7

/** Runs a few steps with every kernel timed, beside the machine's ceilings measured just before. */
export const profileSteps = async (
  { program, inputs, state }: Profiled,
  steps: number,
  now: () => number,
  options: WasmOptions,
): Promise<ProfileReport> => {
  const ceilings = await measureCeilings(ROUNDS, { threads: options.threads ?? 1 })
  const executor = await createWasmExecutor({ ...options, profile: { now } })
  try {
    const runner = await executor.compile(program, inputs)
    runner.load(state)
    await runner.step(WARM)
    const before = runner.profile()
    const start = now()
    await runner.step(steps)
    const seconds = (now() - start) / 1000
    const times = runner.profile().map((kernel, i) => ({
      ...kernel,
      calls: kernel.calls - before[i]!.calls,
      seconds: kernel.seconds - before[i]!.seconds,
    }))
    runner.close()
    return profileReport(times, { threads: executor.threads, steps, seconds }, ceilings)
  } finally {
    await executor.close()
  }
}
