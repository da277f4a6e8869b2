import type { Tensor } from '@lockstep/tensor'
import { type Digest, type Hex, toHex, ZERO } from './digest.ts'
import { parentDigest } from './hash.ts'
import type { CommittedProgram } from './program-id.ts'
import { tensorsTree } from './tensor-tree.ts'
import { rootOf } from './tree.ts'

/** What a contract holds of a task: all that a dispute may use which no party says. */
export type TaskFields = {
  readonly program: Hex
  readonly initialItem: Hex
  readonly inputsRoot: Hex
  /** How many steps the task has. */
  readonly steps: number
  /** Steps from one checkpoint to the next. */
  readonly segmentLength: number
}

/** A task in full: what an executor runs. */
export type Task = {
  readonly committed: CommittedProgram
  readonly initial: readonly Tensor[]
  /**
   * The root of what the step before the first reported, where the task begins at a checkpoint of another one; left out
   * where nothing has been reported yet.
   */
  readonly initialOutputs?: Digest
  readonly inputs: readonly Tensor[]
  readonly steps: number
  readonly segmentLength: number
}

/** The item of a state and what the step that led to it reported. */
export const stepItem = (stateRoot: Digest, outputsRoot: Digest): Digest =>
  parentDigest(stateRoot, outputsRoot)

/** The item before the first step; nothing has been reported yet, unless it is a checkpoint of another task. */
export const initialItem = (initial: readonly Tensor[], outputsRoot: Digest = ZERO): Digest =>
  stepItem(rootOf(tensorsTree(initial)), outputsRoot)

export const taskFields = (task: Task): TaskFields => ({
  program: toHex(task.committed.id),
  initialItem: toHex(initialItem(task.initial, task.initialOutputs)),
  inputsRoot: toHex(rootOf(tensorsTree(task.inputs))),
  steps: task.steps,
  segmentLength: task.segmentLength,
})

/** How many checkpoints a claim about a task has: one behind every segment, the last one being the end. */
export const checkpointCount = (task: Pick<TaskFields, 'steps' | 'segmentLength'>): number =>
  Math.ceil(task.steps / task.segmentLength)

/** How many steps segment `segment` has: all have the same, the last one what is left. */
export const segmentSteps = (task: Pick<TaskFields, 'steps' | 'segmentLength'>, segment: number): number =>
  Math.min(task.segmentLength, task.steps - segment * task.segmentLength)
