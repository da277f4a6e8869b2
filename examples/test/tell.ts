import {
  type Claim,
  claimRoot,
  type ExecutorTrace,
  runRemembering,
  sameBytes,
  type Task,
} from '@lockstep/proof'
import type { Executor } from '@lockstep/tensor'
import { faultyExecutor } from '../faulty-executor.ts'
import { type Draw, drawLie, type Lie, type LieKind } from '../lies.ts'

/** A lie of this kind that changes a task's history, and the run of a machine that tells it. */
export const tell = async (
  task: Task,
  honest: Claim,
  executor: Executor,
  kind: LieKind,
  draw: Draw,
): Promise<{ readonly lie: Lie; readonly run: { readonly claim: Claim; readonly trace: ExecutorTrace } }> => {
  const { program } = task.committed
  for (;;) {
    const lie = drawLie(program, task.steps, draw, kind)
    const machine = faultyExecutor(executor, program, lie.program, lie.step)
    const told = { ...task, committed: { ...task.committed, program: lie.program } }
    const run = await runRemembering(told, machine)
    if (!sameBytes(claimRoot(run.claim), claimRoot(honest))) return { lie, run }
    run.trace.close()
  }
}
