import { initialParameters, type LanguageModel } from '@lockstep/models'
import { type Executor, FaultError, type Tensor } from '@lockstep/tensor'
import type { Coding } from '../learn/coding.ts'
import { draws, PURPOSE } from '../learn/draws.ts'
import { type Completion, createGenerator, type Generator } from '../learn/generate.ts'
import { type Families, onlyRight, type SwarmTask, scoredGroup } from '../learn/group.ts'
import type { TaskKind } from '../share/own-tasks.ts'
import { heldOutSeeds } from '../tasks/split.ts'

/** A kind of participant, as far as a merge has to know it. */
export type MergeBuild = {
  readonly model: LanguageModel
  readonly coding: Coding
  readonly prompt: number // tokens of a prompt at most
  readonly answer: number // tokens of an answer at most
}

/** How models are measured: all by the same tasks, with the same draws. */
export type Measure = {
  readonly kinds: readonly TaskKind[]
  readonly validation: number // tasks of each kind that decide who is taken in
  readonly heldOut: number // tasks of each kind that the report is about
  readonly reward: 'score' | 'right' // scores, or 100 for a right answer and else 0
  readonly temperature: number // of answers; 0 takes the likeliest
  readonly seed: number
}

/** Tasks of both sorts, on the held-out side; no prompt is in both, and none has been learned from. */
export type MeasuredTasks = {
  readonly validation: readonly SwarmTask[]
  readonly heldOut: readonly SwarmTask[]
}

/**
 * The tasks of a measure. The held-out ones are the first of each kind, whatever the seed is, as participants evaluate
 * themselves; those of validation follow from the seed, which nobody needs to know before the models are final. Tasks
 * that `fits` denies, and a kind's that has no other prompts, are left out. A FaultError where none is left.
 */
export const measuredTasks = (
  families: Families,
  { kinds, seed, ...counts }: Measure,
  fits: (prompt: string) => boolean,
): MeasuredTasks => {
  const promptOf = ({ family, level, seed: at }: SwarmTask): string =>
    families.get(family)!.play(at, level).prompt
  const tasksOf = ({ family, level }: TaskKind, count: number, first: number): SwarmTask[] =>
    heldOutSeeds(families.get(family)!, level, count, first)
      .map((at) => ({ family, level, seed: at }))
      .filter((task) => fits(promptOf(task)))
  const heldOut = kinds.flatMap((kind) => tasksOf(kind, counts.heldOut, 0))
  const reported = new Set(heldOut.map(promptOf))
  const validation = kinds.flatMap((kind, k) => {
    const first = draws(seed, PURPOSE.validation, k).word()
    return tasksOf(kind, counts.validation + counts.heldOut, first)
      .filter((task) => !reported.has(promptOf(task)))
      .slice(0, counts.validation)
  })
  for (const [field, tasks] of Object.entries({ heldOut, validation }))
    if (tasks.length === 0)
      throw new FaultError({
        ...{ code: 'merge-invalid', field, value: 'no task', limit: 'at least one whose prompt fits' },
        remedy: 'Measure by levels with more prompts, or with models that read longer ones.',
      })
  return { validation, heldOut }
}

/** Models of some builds at work on the same tasks. */
export type Judge = {
  /** What a model answers: one answer to each task, the same for the same parameters, tasks and seed. */
  readonly answers: (
    build: number,
    parameters: readonly Tensor[],
    tasks: readonly SwarmTask[],
    seed: number,
  ) => Promise<Completion[]>
  /** The sum of its scores, an integer of at most 100 for each task. */
  readonly points: (
    build: number,
    parameters: readonly Tensor[],
    tasks: readonly SwarmTask[],
  ) => Promise<number>
  readonly close: () => void
}

/** Texts that are generated side by side. */
const BATCH = 64

/** A judge whose programs are compiled when a build is first needed, on an executor that somebody else closes. */
export const createJudge = (
  executor: Executor,
  builds: readonly MergeBuild[],
  families: Families,
  { reward, temperature, seed }: Pick<Measure, 'reward' | 'temperature' | 'seed'>,
): Judge => {
  const generators = new Map<number, Generator>()
  const generatorOf = async (build: number): Promise<Generator> => {
    const { model, coding, prompt, answer } = builds[build]!
    const shape = { batch: BATCH, prompt, answer, temperature }
    const made =
      generators.get(build) ??
      (await createGenerator(executor, model, initialParameters(model, 0), coding, shape))
    generators.set(build, made)
    return made
  }
  const answers: Judge['answers'] = async (build, parameters, tasks, at) => {
    const generator = await generatorOf(build)
    const prompts = tasks.map((task) => families.get(task.family)!.play(task.seed, task.level).prompt)
    return generator.complete(parameters, prompts, at)
  }
  return {
    answers,
    points: async (build, parameters, tasks) => {
      const written = await answers(build, parameters, tasks, draws(seed, PURPOSE.evaluation).word())
      return tasks.reduce((sum, task, i) => {
        const group = scoredGroup(families.get(task.family)!, task, [written[i]!])
        return sum + (reward === 'right' ? onlyRight(group) : group).rollouts[0]!.score
      }, 0)
    },
    close: () => {
      for (const generator of generators.values()) generator.close()
    },
  }
}
