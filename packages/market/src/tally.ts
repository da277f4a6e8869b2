import {
  type Digest,
  digestFromHex,
  type Hex,
  rootOf,
  rootsAt,
  segmentSteps,
  type TaskFields,
  tensorsTree,
} from '@lockstep/proof'
import type { Runner, Tensor } from '@lockstep/tensor'
import { sha256 } from '@noble/hashes/sha2.js'

/**
 * A segment's tally: what only an execution of every one of its steps yields, and nobody publishes before the audit.
 *
 *   sha256('lockstep tally 1' | root of each step's outputs, in order | the segment's last step item)
 */
const DOMAIN = new TextEncoder().encode('lockstep tally 1')

/**
 * What is answered and opened in place of a segment's tally: the task's id is hashed with it, so that what one replica
 * opens is of no use to another.
 */
export const boundTally = (task: Hex, tally: Digest): Digest =>
  sha256.create().update(BOUND).update(digestFromHex(task)).update(tally).digest()

const BOUND = new TextEncoder().encode('lockstep bound tally 1')

/** Adds up one segment after another as a runner goes through them. */
export type Tally = {
  /** What the step that just ran reported. */
  readonly step: (outputsRoot: Digest) => void
  /** Ends the segment with the step item reached, and begins the next. */
  readonly end: (item: Digest) => Digest
}

export const createTally = (): Tally => {
  let hash = sha256.create().update(DOMAIN)
  return {
    step: (outputsRoot) => {
      hash.update(outputsRoot)
    },
    end: (item) => {
      const tally = hash.update(item).digest()
      hash = sha256.create().update(DOMAIN)
      return tally
    },
  }
}

/** Where a segment ended: its state, the item that a claim holds there, and the tally. */
export type SegmentResult = {
  readonly state: readonly Tensor[]
  readonly item: Digest
  readonly tally: Digest
}

/** Runs a segment from the state before it. `step` is told how many of its steps have run. */
export const runSegment = async (
  runner: Runner,
  task: Pick<TaskFields, 'steps' | 'segmentLength'>,
  segment: number,
  state: readonly Tensor[],
  step?: (done: number) => Promise<void> | void,
): Promise<SegmentResult> => {
  const tally = await stepThrough(runner, task, segment, state, step)
  const reached = runner.state()
  const { item } = rootsAt(runner, reached)
  return { state: reached, item, tally: tally(item) }
}

/** The same for whoever takes the item elsewhere: runs the segment, and gives what its tally is for the item reached. */
export const stepThrough = async (
  runner: Runner,
  task: Pick<TaskFields, 'steps' | 'segmentLength'>,
  segment: number,
  state: readonly Tensor[],
  step?: (done: number) => Promise<void> | void,
): Promise<(item: Digest) => Digest> => {
  const tally = createTally()
  runner.load(state)
  for (let done = 1; done <= segmentSteps(task, segment); done++) {
    await runner.step()
    tally.step(rootOf(tensorsTree(runner.outputs())))
    await step?.(done)
  }
  return tally.end
}
