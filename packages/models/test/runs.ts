import type { Executor, Program, Tensor } from '@lockstep/tensor'
import {
  DEFAULT_RESNET,
  DEFAULT_TRAIN,
  evaluateProgram,
  f32Tensor,
  generateProgram,
  generationState,
  initialParameters,
  initialState,
  type Model,
  trainProgram,
  wordTensor,
} from '../src/index.ts'

/** A program with all that it runs on. */
export type Run = {
  readonly name: string
  readonly program: Program
  readonly state: readonly Tensor[]
  readonly inputs: readonly Tensor[]
}

const gpt = {
  kind: 'gpt',
  config: { vocab: 31, context: 12, width: 16, layers: 2, heads: 2, dropout: 0.1 },
} as const
const llama = {
  kind: 'llama',
  config: {
    ...{ vocab: 31, context: 12, width: 16, layers: 2, heads: 4, keyHeads: 2, inner: 40 },
    ...{ theta: 10_000, epsilon: 1e-5, tied: false },
  },
} as const
const mlp = { kind: 'mlp', config: { features: 64, hidden: [128, 9], classes: 4 } } as const
const stages = [
  { width: 4, blocks: 1 },
  { width: 8, blocks: 1 },
]
const resnet = { kind: 'resnet', config: { ...DEFAULT_RESNET, stages, groups: 2, classes: 4 } } as const

const text = { tokens: 99, dtype: 'u8' } as const
const corpus: Tensor = {
  ...{ dtype: 'u8', shape: [99] },
  data: Uint8Array.from({ length: 99 }, (_, i) => (i * i) % 31),
}
const rows = { rows: 40, dtype: 'u8' } as const
const table: Tensor[] = [
  { dtype: 'u8', shape: [40, 64], data: Uint8Array.from({ length: 2560 }, (_, i) => i * 97) },
  { dtype: 'u8', shape: [40], data: Uint8Array.from({ length: 40 }, (_, i) => i % 4) },
]

/** A training run of each architecture, so small that the reference keeps up. */
export const trainingRuns = (steps: number): readonly Run[] => {
  const train = { ...DEFAULT_TRAIN, batch: 3, steps, warmup: 3 }
  const run = (model: Model, seed: number, program: Program, inputs: readonly Tensor[]): Run => ({
    ...{ name: `${steps} training steps of a ${model.kind}`, program, inputs },
    state: initialState(model, seed),
  })
  return [
    run(mlp, 1, trainProgram(mlp, { ...train, batch: 48 }, rows), table),
    run(gpt, 2, trainProgram(gpt, train, text), [corpus]),
    run(llama, 3, trainProgram(llama, train, text), [corpus]),
    run(resnet, 4, trainProgram(resnet, { ...train, batch: 4 }, rows), table),
  ]
}

/** What is done with a trained model. */
export const useRuns = (): readonly Run[] => {
  const parameters = initialParameters(gpt, 2)
  return [
    {
      name: 'generated tokens',
      program: generateProgram(gpt, { capacity: 15, temperature: 0.9, top: 5 }),
      state: generationState([3, 1, 4, 1, 5], 15, 9),
      inputs: parameters,
    },
    {
      name: 'an evaluation',
      program: evaluateProgram(gpt, 2, text),
      state: [wordTensor(0), f32Tensor([1], new Float32Array(1))],
      inputs: [...parameters, corpus],
    },
  ]
}

/** Outputs of every step, then the last state. */
export const record = async (
  executor: Executor,
  { program, state, inputs }: Omit<Run, 'name'>,
  steps: number,
): Promise<Tensor[]> => {
  const runner = await executor.compile(program, inputs)
  runner.load(state)
  const seen: Tensor[] = []
  for (let step = 0; step < steps; step++) {
    await runner.step()
    seen.push(...runner.outputs())
  }
  seen.push(...runner.state())
  runner.close()
  return seen
}
