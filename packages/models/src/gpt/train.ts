import { crossEntropy, type Grid, type Program, reshape, slice } from '@lockstep/tensor'
import { ModelError } from '../model-error.ts'
import type { TrainConfig } from '../training/config.ts'
import { drawPlaces } from '../training/draw.ts'
import { trainProgram, type Weights } from '../training/train-step.ts'
import { checkGptConfig, type GptConfig } from './config.ts'
import { type Dropping, gptHidden, gptLogits } from './network.ts'
import { gptParameters } from './parameters.ts'
import { windowsAt } from './window.ts'

/** A corpus as a program sees it: how many tokens, and how they are stored. */
export type CorpusType = { readonly tokens: number; readonly dtype: 'u8' | 'u32' }

/** A corpus must fill one window: a context and the token after it. */
export const checkCorpus = (corpus: CorpusType, { context }: GptConfig): void => {
  if (corpus.tokens <= context || corpus.tokens > 2 ** 31 - 1) {
    const limit = `${context + 1} to ${2 ** 31 - 1} tokens`
    throw new ModelError('corpus-invalid', 'corpus.tokens', corpus.tokens, limit, 'Give another text.')
  }
}

/**
 * One training step of a GPT. Input: `corpus`, (N) tokens. Each step draws `batch` windows of context + 1 tokens
 * from (seed, step), so that the order of the data is part of the program. The loss is mean nats per token.
 */
export const gptTrainProgram = (model: GptConfig, train: TrainConfig, corpus: CorpusType): Program => {
  checkGptConfig(model)
  checkCorpus(corpus, model)
  const inputs = { corpus: { dtype: corpus.dtype, shape: [corpus.tokens] } }
  return trainProgram(gptParameters(model), train, inputs, ({ weights, input, step, seed }) => {
    const starts = drawPlaces(train.batch, corpus.tokens - model.context, step, seed)
    const windows = windowsAt(input('corpus') as Grid<'u'>, starts, model.context + 1)
    return gptLoss(model, weights, windows, { part: model.dropout, step, seed })
  })
}

/** Mean nats per token of predicting each token of some windows, (B, T + 1), but the first. A scalar, (). */
export const gptLoss = (
  model: GptConfig,
  weights: Weights,
  windows: Grid<'u'>,
  dropping?: Dropping,
): Grid<'f'> => {
  const hidden = gptHidden(model, weights, slice(windows, { axis: 1, to: -1 }), dropping)
  const logits = gptLogits(weights, reshape(hidden, [-1, model.width]))
  return crossEntropy(logits, reshape(slice(windows, { axis: 1, from: 1 }), [-1]))
}
