import type { Runner, Tensor, TensorType } from '@lockstep/tensor'
import type { Digest } from './digest.ts'
import { rootsAt, type Standing, stateRootOf } from './rooting.ts'
import { checkpointCount, segmentSteps, stepItem, type Task } from './task.ts'
import { tensorsTree } from './tensor-tree.ts'
import { rootOf, treeOf } from './tree.ts'

/** A history: the items at the checkpoints. Its root is what a claimant puts on the chain. */
export type Claim = { readonly checkpoints: readonly Digest[] }

export const claimRoot = (claim: Claim): Digest => rootOf(treeOf(claim.checkpoints))

/** The item of where a runner stands. With its state's types, a state that the executor hashes itself stays there. */
export const itemOf = (runner: Standing, types?: readonly TensorType[]): Digest => {
  const tops = types && runner.roots?.()
  if (!types || !tops) return rootsAt(runner, runner.state()).item
  return stepItem(stateRootOf(types, tops), rootOf(tensorsTree(runner.outputs())))
}

/** Runs a task from its initial state and commits to it; `checkpoint` is told each state that was reached. */
export const runClaim = async (
  task: Task,
  runner: Runner,
  checkpoint?: (index: number, state: readonly Tensor[]) => Promise<void> | void,
): Promise<Claim> => {
  const checkpoints: Digest[] = []
  runner.load(task.initial)
  for (let segment = 0; segment < checkpointCount(task); segment++) {
    await runner.step(segmentSteps(task, segment))
    const state = runner.state()
    checkpoints.push(rootsAt(runner, state).item)
    await checkpoint?.(segment, state)
  }
  return { checkpoints }
}
