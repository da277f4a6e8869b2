import { crossEntropy, type Grid, type Program, reshape, slice } from '@lockstep/tensor'
import { type Weights, weightsOf } from '../layer/weights.ts'
import type { TrainConfig } from '../training/config.ts'
import { drawPlaces } from '../training/draw.ts'
import { type LossParts, trainProgram as traceTraining } from '../training/train-step.ts'
import { type CorpusType, checkCorpus } from './corpus-type.ts'
import { type Dropping, type LanguageNetwork, windowPass } from './network.ts'
import { windowsAt } from './window.ts'

/**
 * One training step of a model of text. Input: `corpus`, (N) tokens. Each step draws `batch` windows of context + 1
 * tokens from (seed, step), so that the order of the data is part of the program. The loss is mean nats per token.
 */
export const languageTraining = (
  network: LanguageNetwork,
  train: TrainConfig,
  corpus: CorpusType,
): Program => {
  const { context } = network
  checkCorpus(corpus, context)
  const inputs = { corpus: { dtype: corpus.dtype, shape: [corpus.tokens] } }
  return traceTraining(network.parameters, train, inputs, ({ weights, input, step, seed, ...how }) => {
    const starts = drawPlaces(train.batch, corpus.tokens - context, step, seed)
    const windows = windowsAt(input('corpus') as Grid<'u'>, starts, context + 1)
    return languageLoss(network, weightsOf(weights), windows, { part: network.dropout, step, seed }, how)
  })
}

/** Mean nats per token of predicting each token of some windows, (B, T + 1), but the first. A scalar, (). */
export const languageLoss = (
  network: LanguageNetwork,
  weights: Weights,
  windows: Grid<'u'>,
  dropping?: Dropping,
  { block, crossEntropy: lossOf = crossEntropy }: Partial<Pick<LossParts, 'block' | 'crossEntropy'>> = {},
): Grid<'f'> => {
  const hidden = network.hidden(weights, slice(windows, { axis: 1, to: -1 }), windowPass(dropping, block))
  const logits = network.logits(weights, reshape(hidden, [-1, network.width]))
  return lossOf(logits, reshape(slice(windows, { axis: 1, from: 1 }), [-1]))
}
