import {
  evaluateProgram,
  evaluationSteps,
  f32Values,
  initialState,
  type LanguageModel,
  parametersOf,
  type TrainConfig,
  trainProgram,
  u32Tensor,
  wordTensor,
} from '@lockstep/models'
import { type Executor, fail, ok, type Result, type Tensor } from '@lockstep/tensor'
import { decodeEpisode } from '../episode/episode.ts'
import { passagesOf } from '../episode/passages.ts'
import { type PreparedTraining, prepareTraining } from './training.ts'

export type EpisodeTrainingOptions = {
  readonly executor: Executor
  /** Name of the environment whose episodes it learns from. */
  readonly environment: string
  /** A symbol is a token: `vocab` is the environment's `symbols`. */
  readonly model: LanguageModel
  /** `train.steps` are the steps of a round. */
  readonly train: TrainConfig
  /** Symbols that a round learns from. */
  readonly symbols: number
  /** The symbol that stands between two passages. */
  readonly between: number
  /** Decides what is drawn. */
  readonly seed: number
}

/**
 * The training of a shared network on episodes: cross-entropy of what people did, in the order in which they did it. The
 * input is `symbols` long: of more symbols the newest are learned from, fewer are repeated. The same episodes in the same
 * order are the same input, whatever else is in them.
 */
export const episodeTraining = (options: EpisodeTrainingOptions): PreparedTraining => {
  const { executor, environment, model, train, symbols: count, seed } = options
  const { context } = model.config
  const corpusOf = (episodes: readonly Uint8Array[]): Result<Uint16Array> => {
    const all = doneIn(episodes, options)
    if (!all.ok || all.value.length > context) return all
    const limit = `at least ${context + 1} symbols`
    return no('episodes', `${all.value.length} symbols`, limit, 'Go on using the application.')
  }
  return prepareTraining({
    name: environment,
    program: trainProgram(model, train, { tokens: count, dtype: 'u32' }),
    steps: train.steps,
    parameters: parametersOf(model).map(({ name, shape }) => ({ name, dtype: 'f32' as const, shape })),
    begin: (parameters) => initialState(model, seed, train).map((tensor, i) => parameters[i] ?? tensor),
    inputsOf: async (_, episodes) => {
      const all = corpusOf(episodes)
      if (!all.ok) return all
      const newest = all.value.slice(-count)
      const words = Uint32Array.from({ length: count }, (_, i) => newest[i % newest.length]!)
      return ok([u32Tensor([count], words)])
    },
    bits: async (parameters, episodes) => {
      const all = corpusOf(episodes)
      if (!all.ok) return all
      const newest = all.value.slice(-count)
      const corpus = { tokens: newest.length, dtype: 'u32' } as const
      const inputs = [...parameters, u32Tensor([newest.length], newest)]
      const runner = await executor.compile(evaluateProgram(model, 1, corpus), inputs)
      try {
        runner.load([wordTensor(0), ZERO])
        await runner.step(evaluationSteps({ context }, 1, corpus))
        return ok(f32Values(runner.outputs()[1]!)[0]! / Math.LN2)
      } finally {
        runner.close()
      }
    },
  })
}

const ZERO: Tensor = { dtype: 'f32', shape: [1], data: new Uint8Array(4) }

/** What people did in some episodes, passage after passage. */
const doneIn = (
  episodes: readonly Uint8Array[],
  { environment, model, between }: EpisodeTrainingOptions,
): Result<Uint16Array> => {
  const all: number[] = []
  for (const [i, bytes] of episodes.entries()) {
    const read = decodeEpisode(bytes)
    if (!read.ok) return read
    const episode = read.value
    if (episode.environment !== environment)
      return no(
        `episodes[${i}].environment`,
        episode.environment,
        environment,
        'Give episodes of that application.',
      )
    for (const { symbols } of passagesOf(episode)) {
      const strange = symbols.find((symbol) => symbol >= model.config.vocab)
      if (strange !== undefined)
        return no(
          `episodes[${i}].symbols`,
          strange,
          `below ${model.config.vocab}`,
          'Give episodes of that application.',
        )
      if (all.length > 0) all.push(between)
      for (const symbol of symbols) all.push(symbol)
    }
  }
  return ok(Uint16Array.from(all))
}

const no = (field: string, value: string | number, limit: string, remedy: string): Result<never> =>
  fail({ code: 'episodes-unsuited', field, value, limit, remedy })
