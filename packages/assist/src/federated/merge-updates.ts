import { averageProgram, f32Tensor, f32Values } from '@lockstep/models'
import { commitProgram, type TaskFields, taskFields } from '@lockstep/proof'
import type { Executor, NamedType, Tensor } from '@lockstep/tensor'
import { clipProgram } from './clip.ts'

/** What some updates come to together, and the proof tasks that say so: one for each update, and one for their mean. */
export type Merged = {
  readonly parameters: readonly Tensor[]
  /** How far each update went from the base; in the order of the updates. */
  readonly norms: readonly number[]
  /** How far each may go at most. */
  readonly bound: number
  readonly clips: readonly TaskFields[]
  /** Of a single update there is no mean. */
  readonly average: TaskFields | null
}

/**
 * The mean of some updates of a base, each kept within a bound: the median of the updates' own norms (of an even number
 * the lower of the two in the middle), and `most` at most. Fewer than half of the updates cannot lift the bound above
 * every honest norm, nor push it below every one.
 *
 * Averaging is that of McMahan et al., 2017 (arXiv 1602.05629), with equal weights, because how much somebody learned from
 * is not known; bounding norms is that of Sun et al., 2019 (arXiv 1911.07963); that the bound follows a quantile of the
 * norms is from Andrew et al., 2021 (arXiv 1905.03871).
 * @param updates At least one, each with tensors of these types
 */
export const mergeUpdates = async (
  executor: Executor,
  types: readonly NamedType[],
  base: readonly Tensor[],
  updates: readonly (readonly Tensor[])[],
  most: number,
): Promise<Merged> => {
  const clip = clipProgram(types)
  const committed = commitProgram(clip)
  const inputsFor = (bound: number): Tensor[] => [...base, f32Tensor([1], Float32Array.of(bound))]
  const runner = await executor.compile(clip, inputsFor(most))
  const norms: number[] = []
  const clipped: Tensor[][] = []
  let bound = most
  try {
    const step = async (update: readonly Tensor[]): Promise<void> => {
      runner.load(update)
      await runner.step()
    }
    for (const update of updates) {
      await step(update)
      norms.push(f32Values(runner.outputs()[0]!)[0]!)
    }
    bound = boundOf(norms, most)
    runner.give(inputsFor(bound))
    for (const update of updates) {
      await step(update)
      clipped.push(runner.state())
    }
  } finally {
    runner.close()
  }
  const clips = updates.map((update) =>
    taskFields({ committed, initial: update, inputs: inputsFor(bound), steps: 1, segmentLength: 1 }),
  )
  const rest = { norms, bound, clips }
  if (clipped.length === 1) return { parameters: clipped[0]!, average: null, ...rest }
  const average = averageProgram(types, clipped.length)
  const inputs = clipped.flat()
  const mean = await executor.compile(average, inputs)
  try {
    mean.load(base)
    await mean.step()
    const task = { committed: commitProgram(average), initial: base, inputs, steps: 1, segmentLength: 1 }
    return { parameters: mean.state(), average: taskFields(task), ...rest }
  } finally {
    mean.close()
  }
}

/** The lower median of some norms, `most` at most. */
export const boundOf = (norms: readonly number[], most: number): number => {
  const ascending = [...norms].sort((a, b) => a - b)
  return Math.min(ascending[(norms.length - 1) >> 1]!, Math.fround(most))
}
