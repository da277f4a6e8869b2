import { estimateProgram } from '@lockstep/tensor'
import type { ChildContext } from './child.ts'
import { loadTask } from './load-task.ts'
import type { Job, MeasureResult } from './messages.ts'
import { openExecutor } from './open-executor.ts'
import { openMachine } from './run-segments.ts'

/** What steps are timed for, and how many at most. */
const LASTING_MS = 1_000
const MOST_STEPS = 64

/** Times the first steps of a task on its executor; nothing of what they compute is kept. */
export const measureInChild = async (
  { spec }: Extract<Job, { readonly kind: 'measure' }>,
  { memory, between }: ChildContext,
): Promise<MeasureResult> => {
  const task = await loadTask(spec, memory)
  const { runner, close } = await openMachine(task, () => openExecutor(spec.executor, memory))
  try {
    runner.load(task.initial)
    await runner.step()
    await between()
    const began = performance.now()
    let [steps, lasted] = [0, 0]
    while (steps < MOST_STEPS && lasted < LASTING_MS) {
      await runner.step()
      steps++
      await between()
      lasted = performance.now() - began
    }
    const { work } = estimateProgram(task.committed.program)
    return { unitsPerSecond: (work * steps) / 1000 / Math.max(lasted, 1e-3) }
  } finally {
    await close()
  }
}
