import {
  DEFAULT_TRAIN,
  evaluateProgram,
  evaluationSteps,
  f32Values,
  initialParameters,
  initialState,
  type Model,
  parametersOf,
  trainProgram,
  wordTensor,
} from '@lockstep/models'
import { type Executor, fail, ok, type Result, type Tensor } from '@lockstep/tensor'
import { type PreparedTraining, prepareTraining } from '../src/federated/training.ts'

const config = { vocab: 128, context: 16, width: 16, layers: 1, heads: 2, dropout: 0 }
export const TINY: Model = { kind: 'gpt', config }
const TRAIN = { ...DEFAULT_TRAIN, batch: 8, steps: 40, warmup: 4, rate: 2e-2, decay: 0 }
const TOKENS = 512
const MOST = 4096

/** What every base of this training begins with. */
export const tinyBase = (seed = 1): Tensor[] => initialParameters(TINY, seed)

/** A language model so small that a round takes a moment; an episode is a text. */
export const tinyTraining = (executor: Executor): PreparedTraining =>
  prepareTraining({
    name: 'tiny text',
    program: trainProgram(TINY, TRAIN, { tokens: TOKENS, dtype: 'u8' }),
    steps: TRAIN.steps,
    parameters: parametersOf(TINY).map(({ name, shape }) => ({ name, dtype: 'f32' as const, shape })),
    begin: (parameters) => initialState(TINY, 7, TRAIN).map((tensor, i) => parameters[i] ?? tensor),
    inputsOf: async (_, episodes) => {
      const text = tokensOf(episodes)
      if (!text.ok) return text
      const data = Uint8Array.from({ length: TOKENS }, (_, i) => text.value[i % text.value.length]!)
      return ok([{ dtype: 'u8', shape: [TOKENS], data }])
    },
    bits: async (parameters, episodes) => {
      const text = tokensOf(episodes)
      if (!text.ok) return text
      const corpus = { tokens: text.value.length, dtype: 'u8' } as const
      const steps = evaluationSteps(config, 1, corpus)
      const data: Tensor = { dtype: 'u8', shape: [corpus.tokens], data: text.value }
      const runner = await executor.compile(evaluateProgram(TINY, 1, corpus), [...parameters, data])
      runner.load([wordTensor(0), { dtype: 'f32', shape: [1], data: new Uint8Array(4) }])
      await runner.step(steps)
      const mean = f32Values(runner.outputs()[1]!)[0]!
      runner.close()
      return ok(mean / Math.LN2)
    },
  })

const tokensOf = (episodes: readonly Uint8Array[]): Result<Uint8Array<ArrayBuffer>> => {
  const all = episodes.flatMap((episode) => [...episode])
  const isText = all.length > 16 && all.length <= MOST && all.every((byte) => byte < 128)
  if (isText) return ok(Uint8Array.from(all))
  const limit = `17 to ${MOST} bytes below 128`
  return fail({
    code: 'episode-malformed',
    field: 'episodes',
    value: 'other bytes',
    limit,
    remedy: 'Give texts.',
  })
}

export const episode = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Somebody's habit, many times. */
export const habit = (line: string, times = 12): Uint8Array => episode(`${line}\n`.repeat(times))
