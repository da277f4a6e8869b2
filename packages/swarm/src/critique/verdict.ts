import { examplesProgram, f32Values, type LanguageModel, type TrainConfig } from '@lockstep/models'
import type { Executor, Tensor } from '@lockstep/tensor'
import type { Coding } from '../learn/coding.ts'
import { draws, PURPOSE } from '../learn/draws.ts'
import { promptTokens } from '../learn/generate.ts'
import type { Group } from '../learn/group.ts'
import { type Lesson, rowTensors } from '../learn/lesson.ts'
import { parametersIn, stateFrom } from '../learn/update.ts'

/** An answer to a prompt, which a judge reads. */
export type Asked = { readonly prompt: string; readonly answer: string }

/** What a judge is: a model of its own, how it writes, and how much of a prompt and an answer it can read. */
export type JudgePlan = {
  readonly model: LanguageModel // of a context of at least `prompt` + `answer` tokens
  readonly coding: Coding
  readonly prompt: number // tokens of a prompt at most, its end included
  readonly answer: number // tokens of an answer at most, its end included
  readonly train: TrainConfig // by which verdicts are learned: `steps` of them
}

/** Right and wrong, as one token each. */
export const VERDICTS = { right: 'y', wrong: 'n' } as const
export type Verdict = keyof typeof VERDICTS

/**
 * A line of a judge: prompt, end, answer, end, and a verdict, which alone is learned. Undefined where the prompt or the answer is
 * too long to be read.
 */
export const verdictLesson = (
  { coding, prompt: most, answer: longest }: Pick<JudgePlan, 'coding' | 'prompt' | 'answer'>,
  { prompt, answer }: Asked,
  verdict: Verdict,
): Lesson | undefined => {
  const tokens = coding.encode(answer)
  if (coding.encode(prompt).length + 1 > most || tokens.length + 1 > longest) return undefined
  return {
    prompt: Uint32Array.of(...promptTokens(coding, prompt, most), ...tokens, coding.end),
    answer: coding.encode(VERDICTS[verdict]),
    advantage: 1,
  }
}

/**
 * What a judge learns from: each answer of the groups once, as right where it scores 100, and of right and wrong as many,
 * the rarer ones repeated. Empty where all are right or none is: there is nothing to tell apart.
 */
export const verdictLessons = (
  plan: Pick<JudgePlan, 'coding' | 'prompt' | 'answer'>,
  groups: readonly Group[],
): Lesson[] => {
  const known = new Map<string, readonly [verdict: Verdict, lesson: Lesson]>()
  for (const { prompt, rollouts } of groups)
    for (const { text, ended, score } of rollouts) {
      const verdict = score === 100 ? 'right' : 'wrong'
      const lesson = ended ? verdictLesson(plan, { prompt, answer: text }, verdict) : undefined
      if (lesson !== undefined) known.set(`${prompt}\n${text}`, [verdict, lesson])
    }
  const of = (side: Verdict): Lesson[] =>
    [...known.values()].flatMap(([verdict, lesson]) => (verdict === side ? [lesson] : []))
  const [right, wrong] = [of('right'), of('wrong')]
  if (right.length === 0 || wrong.length === 0) return []
  return Array.from({ length: Math.max(right.length, wrong.length) }, (_, i) => [
    right[i % right.length]!,
    wrong[i % wrong.length]!,
  ]).flat()
}

export type VerdictTrainer = {
  /** Parameters that have learned verdicts, beginning with a policy's; the policy's own where there is nothing to learn. */
  readonly train: (
    policy: readonly Tensor[],
    lessons: readonly Lesson[],
    seed: number,
  ) => Promise<{ readonly parameters: readonly Tensor[]; readonly loss: number }>
  readonly close: () => void
}

/**
 * Judges are trained by one program that is compiled once, on a table of `rows` lines, which are drawn from the lessons with
 * replacement.
 */
export const createVerdictTrainer = async (
  executor: Executor,
  { model, prompt, answer, train }: JudgePlan,
  rows: number,
): Promise<VerdictTrainer> => {
  const type = { rows, length: prompt + answer + 1, dtype: 'u32' } as const
  const runner = await executor.compile(examplesProgram(model, train, type), rowTensors([], type))
  return {
    train: async (policy, lessons, seed) => {
      if (lessons.length === 0) return { parameters: policy, loss: 0 }
      const drawn = draws(seed, PURPOSE.verdicts)
      const table = Array.from({ length: rows }, () => lessons[drawn.below(lessons.length)]!)
      runner.give(rowTensors(table, type))
      runner.load(stateFrom(model, train, policy, seed))
      await runner.step(train.steps)
      return { parameters: parametersIn(model, runner.state()), loss: f32Values(runner.outputs()[0]!)[0]! }
    },
    close: () => runner.close(),
  }
}
