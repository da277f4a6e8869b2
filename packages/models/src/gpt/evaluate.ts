import { type Grid, index, map, type Program, type TensorType, traceProgram } from '@lockstep/tensor'
import { checkInteger } from '../check.ts'
import { checkGptConfig, type GptConfig } from './config.ts'
import { gptParameters } from './parameters.ts'
import { type CorpusType, checkCorpus, gptLoss } from './train.ts'
import { windowsAt } from './window.ts'

/** How many steps of an evaluation cover a corpus once; the tokens left over are fewer than one step's. */
export const evaluationSteps = (model: GptConfig, batch: number, corpus: CorpusType): number =>
  Math.floor((corpus.tokens - 1) / (batch * model.context))

/**
 * One step of evaluating a GPT. Inputs: the parameters and `corpus`, (N) tokens. State: `step`, and `total`, the sum
 * of the steps' losses. Step s predicts the tokens of windows s * batch to s * batch + batch - 1, which stand one
 * after the other at multiples of the context. Outputs: `loss`, this step's mean nats per token, and `mean`, that of
 * all steps so far; after evaluationSteps steps it is the corpus's.
 */
export const gptEvaluateProgram = (model: GptConfig, batch: number, corpus: CorpusType): Program => {
  checkGptConfig(model)
  checkCorpus(corpus, model)
  checkInteger('batch', batch, 1, 65536, 'Choose a batch within the limits.')
  const steps = evaluationSteps(model, batch, corpus)
  checkInteger('evaluation steps', steps, 1, 2 ** 24, 'Choose a batch that fits the corpus.')
  const parameters = gptParameters(model)
  const inputs: { [name: string]: TensorType } = {
    ...Object.fromEntries(parameters.map((p) => [p.name, { dtype: 'f32', shape: p.shape }])),
    corpus: { dtype: corpus.dtype, shape: [corpus.tokens] },
  }
  const state: { [name: string]: TensorType } = {
    step: { dtype: 'u32', shape: [1] },
    total: { dtype: 'f32', shape: [1] },
  }
  return traceProgram({ state, inputs }, (found: Grids, given: Grids) => {
    const step = found.step as Grid<'u'>
    const starts = map([step], (s) => s.mul(batch).add(index(0)).mul(model.context), {
      shape: [batch],
      label: 'starts',
    })
    const windows = windowsAt(given.corpus as Grid<'u'>, starts, model.context + 1)
    const loss = map([gptLoss(model, (name) => given[name] as Grid<'f'>, windows)], (l) => l, {
      shape: [1],
      label: 'loss',
    })
    const total = map([found.total as Grid<'f'>, loss], (a, l) => a.add(l), { label: 'total' })
    const next = map([step], (s) => s.add(1), { label: 'step' })
    const mean = map([total, next], (a, s) => a.div(s.toF32()), { label: 'mean' })
    return { state: { step: next, total }, outputs: { loss, mean } }
  })
}

type Grids = { readonly [name: string]: Grid }
