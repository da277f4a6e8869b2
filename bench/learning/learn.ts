import {
  type ClassifierModel,
  evaluateProgram,
  evaluationSteps,
  f32Tensor,
  f32Values,
  initialState,
  type LanguageModel,
  parametersOf,
  type TrainConfig,
  trainProgram,
  u32Values,
  wordTensor,
} from '@lockstep/models'
import type { Executor, Program, Tensor } from '@lockstep/tensor'

/** What training came to: mean nats on data that was not trained on, and, of a classifier, the part classified rightly. */
export type Learned = { readonly loss: number; readonly accuracy?: number; readonly seconds: number }

export type TextCase = {
  readonly model: LanguageModel
  readonly train: TrainConfig
  readonly seed: number
  readonly corpus: Tensor
  readonly heldOut: Tensor
}
export type PictureCase = {
  readonly model: ClassifierModel
  readonly train: TrainConfig
  readonly seed: number
  readonly examples: readonly [features: Tensor, labels: Tensor]
  readonly heldOut: readonly [features: Tensor, labels: Tensor]
}
export const EVALUATED = 64 // windows or rows at once

const run = async (
  executor: Executor,
  program: Program,
  inputs: readonly Tensor[],
  state: readonly Tensor[],
  steps: number,
): Promise<{ state: Tensor[]; outputs: Tensor[] }> => {
  const runner = await executor.compile(program, inputs)
  try {
    runner.load(state)
    await runner.step(steps)
    return { state: runner.state(), outputs: runner.outputs() }
  } finally {
    runner.close()
  }
}
const zero = (): Tensor => f32Tensor([1], new Float32Array(1))

/** Trains a model of text from its seed, and evaluates it on all whole windows of the held-out text. */
export const learnText = async (
  executor: Executor,
  { model, train, seed, corpus, heldOut }: TextCase,
): Promise<Learned> => {
  const typeOf = ({ shape, dtype }: Tensor) => ({ tokens: shape[0]!, dtype: dtype as 'u8' | 'u32' })
  const start = performance.now()
  const program = trainProgram(model, train, typeOf(corpus))
  const { state } = await run(executor, program, [corpus], initialState(model, seed, train), train.steps)
  const seconds = (performance.now() - start) / 1000
  const evaluation = evaluateProgram(model, EVALUATED, typeOf(heldOut))
  const inputs = [...state.slice(0, parametersOf(model).length), heldOut]
  const steps = evaluationSteps(model.config, EVALUATED, typeOf(heldOut))
  const { outputs } = await run(executor, evaluation, inputs, [wordTensor(0), zero()], steps)
  return { loss: f32Values(outputs[1]!)[0]!, seconds }
}

/** Trains a classifier from its seed, and evaluates it on the held-out rows. */
export const learnPictures = async (
  executor: Executor,
  { model, train, seed, examples, heldOut }: PictureCase,
): Promise<Learned> => {
  const typeOf = ([{ shape, dtype }]: PictureCase['examples']) => ({
    rows: shape[0]!,
    dtype: dtype as 'u8' | 'f32',
  })
  const start = performance.now()
  const program = trainProgram(model, train, typeOf(examples))
  const { state } = await run(executor, program, examples, initialState(model, seed, train), train.steps)
  const seconds = (performance.now() - start) / 1000
  const evaluation = evaluateProgram(model, EVALUATED, typeOf(heldOut))
  const inputs = [...state.slice(0, parametersOf(model).length), ...heldOut]
  const { rows } = typeOf(heldOut)
  const steps = Math.floor(rows / EVALUATED)
  const { outputs } = await run(executor, evaluation, inputs, [wordTensor(0), zero(), wordTensor(0)], steps)
  return {
    loss: f32Values(outputs[0]!)[0]!,
    accuracy: u32Values(outputs[1]!)[0]! / (steps * EVALUATED),
    seconds,
  }
}
