import { DEFAULT_TRAIN, f32Tensor, type TrainConfig, wordTensor } from '@lockstep/models'
import { crossEntropy, type Grid, map, type Program, type Tensor } from '@lockstep/tensor'
import { gptNetwork } from '../../packages/models/src/gpt/network.ts'
import { languageLoss } from '../../packages/models/src/language/train.ts'
import { weightsOf } from '../../packages/models/src/layer/weights.ts'
import { mlpNetwork } from '../../packages/models/src/mlp/network.ts'
import type { Parameter } from '../../packages/models/src/parameter.ts'
import { trainProgram } from '../../packages/models/src/training/train-step.ts'
import { type GptCase, gptWeights, type MlpCase, mlpWeights, type Weight } from './order.ts'
import { pattern, patternWords } from './pattern.ts'

/** A training step with the state it starts from and its inputs, as every peer builds it too. */
export type Case = {
  readonly program: Program
  readonly inputs: readonly Tensor[]
  readonly state: readonly Tensor[]
}

export const MLP: MlpCase = { widths: [784, 512, 512, 10], batch: 128, rate: 1e-3 }
export const GPT: GptCase = {
  ...{ vocab: 256, context: 128, width: 256, layers: 4, heads: 4 },
  ...{ batch: 8, rate: 1e-3 },
}

export const mlpCase = (mlp: MlpCase): Case => {
  const { widths, batch } = mlp
  const [features, classes] = [widths[0]!, widths.at(-1)!]
  const weights = mlpWeights(mlp)
  const inputs = {
    rows: { dtype: 'f32', shape: [batch, features] },
    labels: { dtype: 'u32', shape: [batch] },
  } as const
  const network = mlpNetwork({ features, classes, hidden: widths.slice(1, -1) })
  const train = trainAt(mlp.rate, batch, { decay: 0, clip: 0 })
  const program = trainProgram(parameters(weights), train, inputs, ({ weights: of, input }) =>
    crossEntropy(
      network.logits(
        weightsOf(of),
        map([input('rows') as Grid<'f'>], (x) => x),
      ),
      input('labels') as Grid<'u'>,
    ),
  )
  return {
    program,
    inputs: [
      f32Tensor([batch, features], pattern(1, batch * features)),
      words([batch], patternWords(2, batch, classes)),
    ],
    state: stateOf(weights),
  }
}

export const gptCase = (gpt: GptCase): Case => {
  const weights = gptWeights(gpt)
  return { ...gptProgram(gpt, weights), state: stateOf(weights) }
}

/** The program and its inputs alone: what is traced. */
export const gptProgram = (
  gpt: GptCase,
  weights: readonly Weight[] = gptWeights(gpt),
): Omit<Case, 'state'> => {
  const { vocab, context, width, layers, heads, batch } = gpt
  const shape = [batch, context + 1]
  const inputs = { windows: { dtype: 'u32', shape } } as const
  const network = gptNetwork({ vocab, context, width, layers, heads, dropout: 0 })
  const train = trainAt(gpt.rate, batch, { decay: 0.1, clip: 1 })
  const program = trainProgram(parameters(weights), train, inputs, ({ weights: of, input }) =>
    languageLoss(network, weightsOf(of), input('windows') as Grid<'u'>),
  )
  const windows = words(shape, patternWords(2, batch * (context + 1), vocab))
  return { program, inputs: [windows] }
}

/** A constant rate from the first step on. */
const trainAt = (rate: number, batch: number, rest: { decay: number; clip: number }): TrainConfig => ({
  ...DEFAULT_TRAIN,
  ...{ batch, rate, warmup: 0, lastRate: 1, beta1: 0.9, beta2: 0.95, epsilon: 1e-8 },
  ...rest,
})

const parameters = (weights: readonly Weight[]): Parameter[] =>
  weights.map(({ name, shape, decay }) => ({ name, shape, decay, init: { constant: 0 } }))

const stateOf = (weights: readonly Weight[]): Tensor[] => {
  const values = weights.map(({ shape, scale, base }, i) =>
    f32Tensor(
      shape,
      pattern(10 + i, elements(shape), scale).map((x) => x + base),
    ),
  )
  const zeros = (): Tensor[] =>
    weights.map(({ shape }) => f32Tensor(shape, new Float32Array(elements(shape))))
  return [...values, ...zeros(), ...zeros(), wordTensor(0), wordTensor(0)]
}

const elements = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1)

const words = (shape: readonly number[], values: Uint32Array<ArrayBuffer>): Tensor => ({
  dtype: 'u32',
  shape,
  data: new Uint8Array(values.buffer),
})
