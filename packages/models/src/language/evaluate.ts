import { type Grid, index, map, type Program, type TensorType, traceProgram } from '@lockstep/tensor'
import { checkInteger } from '../check.ts'
import { weightsOf } from '../layer/weights.ts'
import { parameterTypes } from '../parameter.ts'
import { type CorpusType, checkCorpus } from './corpus-type.ts'
import type { LanguageNetwork } from './network.ts'
import { languageLoss } from './train.ts'
import { windowsAt } from './window.ts'

/** How many steps of an evaluation cover a corpus once; the tokens left over are fewer than one step's. */
export const evaluationSteps = (
  { context }: { readonly context: number },
  batch: number,
  corpus: CorpusType,
): number => Math.floor((corpus.tokens - 1) / (batch * context))

/**
 * One step of evaluating a model of text. Inputs: the parameters and `corpus`, (N) tokens. State: `step`, and `total`,
 * the sum of the steps' losses. Step s predicts the tokens of windows s * batch to s * batch + batch - 1, which stand
 * one after the other at multiples of the context. Outputs: `loss`, this step's mean nats per token, and `mean`, that
 * of all steps so far; after evaluationSteps steps it is the corpus's.
 */
export const languageEvaluation = (network: LanguageNetwork, batch: number, corpus: CorpusType): Program => {
  const { context, parameters } = network
  checkCorpus(corpus, context)
  checkInteger('batch', batch, 1, 65536, 'Choose a batch within the limits.')
  const steps = evaluationSteps(network, batch, corpus)
  checkInteger('evaluation steps', steps, 1, 2 ** 24, 'Choose a batch that fits the corpus.')
  const inputs: { [name: string]: TensorType } = {
    ...parameterTypes(parameters),
    corpus: { dtype: corpus.dtype, shape: [corpus.tokens] },
  }
  const state: { [name: string]: TensorType } = {
    step: { dtype: 'u32', shape: [1] },
    total: { dtype: 'f32', shape: [1] },
  }
  return traceProgram({ state, inputs }, (found: Grids, given: Grids) => {
    const step = found.step as Grid<'u'>
    const starts = map([step], (s) => s.mul(batch).add(index(0)).mul(context), {
      shape: [batch],
      label: 'starts',
    })
    const windows = windowsAt(given.corpus as Grid<'u'>, starts, context + 1)
    const weights = weightsOf((name) => given[name] as Grid<'f'>)
    const loss = map([languageLoss(network, weights, windows)], (l) => l, { shape: [1], label: 'loss' })
    const total = map([found.total as Grid<'f'>, loss], (a, l) => a.add(l), { label: 'total' })
    const next = map([step], (s) => s.add(1), { label: 'step' })
    const mean = map([total, next], (a, s) => a.div(s.toF32()), { label: 'mean' })
    return { state: { step: next, total }, outputs: { loss, mean } }
  })
}

type Grids = { readonly [name: string]: Grid }
