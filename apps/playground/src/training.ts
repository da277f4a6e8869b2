import {
  byteTokenizer,
  DEFAULT_GPT,
  DEFAULT_TRAIN,
  f32Values,
  initialState,
  type Model,
  type SampleOptions,
  sampleText,
  splitCorpus,
  type TrainConfig,
  trainedParameters,
  trainProgram,
} from '@lockstep/models'
import { commitProgram, rootsOf, toHex } from '@lockstep/proof'
import type { Executor, Tensor } from '@lockstep/tensor'
import { type Choice, SIZES } from './choice.ts'

/** A training on some executor. The page and Node both run this module, so only what computes differs. */
export type Training = {
  /** The program's id. */
  readonly program: string
  /** Steps that are done. */
  readonly at: () => number
  /** One step; its loss, in nats per byte. */
  readonly step: () => Promise<number>
  /** The root of the state as it stands. */
  readonly root: () => string
  /** A text that the model, as it stands, writes. */
  readonly sample: (options: SampleOptions) => Promise<string>
  readonly close: () => void
}

/** How often a training is rooted, in steps. */
export const ROOT_EVERY = 10

export const modelOf = ({ size }: Choice): Model & { kind: 'gpt' } => ({
  kind: 'gpt',
  config: { ...DEFAULT_GPT, ...SIZES[size].config },
})

const trainOf = ({ size }: Choice): TrainConfig => ({ ...DEFAULT_TRAIN, steps: SIZES[size].steps })

/** A training at its first step: the text's first nine tenths are what it learns from. */
export const openTraining = async (
  choice: Choice,
  text: Uint8Array,
  executor: Executor,
): Promise<Training> => {
  const [model, train] = [modelOf(choice), trainOf(choice)]
  const { train: corpus } = splitCorpus(text, byteTokenizer, model.config.context + 1)
  const program = trainProgram(model, train, { tokens: corpus.shape[0]!, dtype: 'u8' })
  const runner = await executor.compile(program, [corpus])
  const start = initialState(model, choice.seed, train)
  runner.load(start)
  let done = 0
  let state: Tensor[] | undefined
  const stateNow = (): Tensor[] => {
    state = runner.state(state)
    return state
  }
  return {
    program: toHex(commitProgram(program).id),
    at: () => done,
    step: async () => {
      await runner.step()
      done++
      return f32Values(runner.outputs()[0]!)[0]!
    },
    root: () => toHex(rootsOf(stateNow(), runner.outputs()).stateRoot),
    sample: (options) => {
      const parameters = trainedParameters(model, train, stateNow())
      return sampleText({ model, parameters, tokenizer: byteTokenizer }, executor, options)
    },
    close: () => runner.close(),
  }
}
