import {
  argmax,
  crossEntropy,
  type Grid,
  index,
  map,
  type Program,
  sumWords,
  type TensorType,
  traceProgram,
} from '@lockstep/tensor'
import { checkInteger } from '../check.ts'
import { checkMlpConfig, type MlpConfig } from './config.ts'
import { mlpParameters } from './parameters.ts'
import { type ExamplesType, mlpLogits, rowsAt } from './train.ts'

/**
 * One step of evaluating an MLP: all rows at once. Inputs: the parameters, `features` and `labels` as in training.
 * State: `step`. Outputs: `loss`, mean nats per row, (); `right`, how many rows are classified as labelled, ().
 */
export const mlpEvaluateProgram = (model: MlpConfig, examples: ExamplesType): Program => {
  checkMlpConfig(model)
  checkInteger('examples.rows', examples.rows, 1, 2 ** 31 - 1, 'Give another table.')
  const parameters = mlpParameters(model)
  const inputs: { [name: string]: TensorType } = {
    ...Object.fromEntries(parameters.map((p) => [p.name, { dtype: 'f32', shape: p.shape }])),
    features: { dtype: examples.dtype, shape: [examples.rows, model.features] },
    labels: { dtype: model.classes <= 256 ? 'u8' : 'u32', shape: [examples.rows] },
  }
  const state = { step: { dtype: 'u32', shape: [1] } } as const
  return traceProgram({ state, inputs }, ({ step }, given: { readonly [name: string]: Grid }) => {
    const all = map([], () => index(0), { shape: [examples.rows], label: 'all' })
    const labels = given.labels as Grid<'u'>
    const logits = mlpLogits(model, (name) => given[name] as Grid<'f'>, rowsAt(given.features!, all))
    const right = map([argmax(logits), labels], (guess, label) => guess.eq(label), { label: 'right' })
    return {
      state: { step: map([step], (s) => s.add(1)) },
      outputs: { loss: crossEntropy(logits, labels), right: sumWords(right) },
    }
  })
}
