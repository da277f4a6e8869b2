import {
  argmax,
  crossEntropies,
  type Grid,
  gatherRows,
  index,
  map,
  materialise,
  type Program,
  sum,
  sumWords,
  type TensorType,
  traceProgram,
} from '@lockstep/tensor'
import { checkInteger } from '../check.ts'
import { weightsOf } from '../layer/weights.ts'
import { parameterTypes } from '../parameter.ts'
import { type ExamplesType, exampleTypes, rowsAt } from './examples.ts'
import type { ClassifierNetwork } from './network.ts'

/**
 * One step of evaluating a classifier: rows step * batch to step * batch + batch - 1 of a table, of which `batch` is a
 * divisor. Inputs: the parameters, `features` and `labels` as in training. State: `step`; `total`, the sum of the rows'
 * losses; `right`, how many rows were classified as labelled. Outputs: `loss`, the mean nats per row of all rows so
 * far, (1), and `right`, (1).
 */
export const classifierEvaluation = (
  network: ClassifierNetwork,
  batch: number,
  examples: ExamplesType,
): Program => {
  const table = exampleTypes(network, examples)
  checkInteger('batch', batch, 1, examples.rows, 'Choose a batch that fits the table.')
  const inputs: { [name: string]: TensorType } = { ...parameterTypes(network.parameters), ...table }
  const word = { dtype: 'u32', shape: [1] } as const
  const state = { step: word, total: { dtype: 'f32', shape: [1] }, right: word } as const
  return traceProgram(
    { state, inputs },
    ({ step, total, right }, given: { readonly [name: string]: Grid }) => {
      const rows = map([step], (s) => s.mul(batch).add(index(0)), { shape: [batch], label: 'rows' })
      const labels = materialise(gatherRows(given.labels as Grid<'u'>, rows))
      const weights = weightsOf((name) => given[name] as Grid<'f'>)
      const logits = network.logits(weights, rowsAt(given.features!, rows))
      const hits = map([argmax(logits), labels], (guess, label) => guess.eq(label), { label: 'right' })
      const losses = map([total, sum(crossEntropies(logits, labels))], (a, l) => a.add(l), { label: 'total' })
      const count = map([right, sumWords(hits)], (a, n) => a.add(n), { label: 'right' })
      const next = map([step], (s) => s.add(1), { label: 'step' })
      const loss = map([losses, next], (a, s) => a.div(s.mul(batch).toF32()), { label: 'loss' })
      return { state: { step: next, total: losses, right: count }, outputs: { loss, right: count } }
    },
  )
}
