import { examplesProgram, f32Values, type LanguageModel, type TrainConfig } from '@lockstep/models'
import type { Executor, Tensor } from '@lockstep/tensor'
import type { Coding } from './coding.ts'
import { type Draws, draws, PURPOSE } from './draws.ts'
import { promptTokens } from './generate.ts'
import type { Families, SwarmTask } from './group.ts'
import { type Lesson, rowTensors } from './lesson.ts'
import { parametersIn, stateFrom } from './update.ts'

/** Where a model begins before it learns from rewards: it reads right answers at low levels. */
export type WarmStart = {
  readonly model: LanguageModel
  readonly coding: Coding
  readonly train: TrainConfig // `steps` of them
  readonly examples: number // right answers that it sees
  readonly prompt: number // tokens of a prompt at most
  readonly answer: number // tokens of an answer at most
  readonly seed: number
  readonly from?: readonly Tensor[] // parameters to go on from; those of an untrained model if absent
}

/** Right answers to tasks, drawn by `task`; tasks whose prompt or answer is too long are drawn again. */
export const solvedExamples = (
  families: Families,
  task: (draws: Draws) => SwarmTask,
  { coding, examples, prompt, answer, seed }: Omit<WarmStart, 'model' | 'train'>,
): Lesson[] => {
  const drawn = draws(seed, PURPOSE.examples)
  const lessons: Lesson[] = []
  for (let tries = 0; lessons.length < examples; tries++) {
    if (tries > 20 * examples)
      throw new RangeError(
        `prompt ${prompt} and answer ${answer} tokens: hardly a task fits; allow longer ones`,
      )
    const { family, seed, level } = task(drawn)
    const instance = families.get(family)!.play(seed, level)
    const right = Uint32Array.of(...coding.encode(instance.solution), coding.end)
    if (coding.encode(instance.prompt).length + 1 > prompt || right.length > answer) continue
    lessons.push({ prompt: promptTokens(coding, instance.prompt, prompt), answer: right, advantage: 1 })
  }
  return lessons
}

/**
 * The same lessons, of which about `right` in a thousand keep their answers and the others have another lesson's: what a
 * model has read that knows how to answer, and was not told that it should.
 */
export const withOthersAnswers = (lessons: readonly Lesson[], right: number, seed: number): Lesson[] => {
  const drawn = draws(seed, PURPOSE.examples, 1)
  return lessons.map((lesson) => {
    const other = lessons[drawn.below(lessons.length)]!
    return drawn.below(1000) < right ? lesson : { ...lesson, answer: other.answer }
  })
}

/** Parameters that have learned right answers from scratch, and the last loss: one seed gives one model. */
export const warmStart = async (
  executor: Executor,
  { model, train, prompt, answer, seed, from = [] }: WarmStart,
  lessons: readonly Lesson[],
): Promise<{ readonly parameters: Tensor[]; readonly loss: number }> => {
  const rows = { rows: lessons.length, length: prompt + answer, dtype: 'u32' } as const
  const runner = await executor.compile(examplesProgram(model, train, rows), rowTensors(lessons, rows))
  try {
    runner.load(stateFrom(model, train, from, seed))
    await runner.step(train.steps)
    return {
      parameters: [...parametersIn(model, runner.state())],
      loss: f32Values(runner.outputs()[0]!)[0]!,
    }
  } finally {
    runner.close()
  }
}
