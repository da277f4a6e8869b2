import {
  cast,
  crossEntropy,
  type Grid,
  gatherRows,
  map,
  materialise,
  type Program,
  relu,
} from '@lockstep/tensor'
import { checkInteger } from '../check.ts'
import { denseLayer } from '../layer/dense.ts'
import type { TrainConfig } from '../training/config.ts'
import { drawPlaces } from '../training/draw.ts'
import { trainProgram, type Weights } from '../training/train-step.ts'
import { checkMlpConfig, type MlpConfig } from './config.ts'
import { mlpParameters } from './parameters.ts'

/** A table of examples as a program sees it. u8 features are pixels: they count as value / 255. */
export type ExamplesType = { readonly rows: number; readonly dtype: 'f32' | 'u8' }

/**
 * One training step of an MLP classifier. Inputs: `features`, (N, D), and `labels`, (N) u8 or u32 words below
 * `classes`. Each step draws `batch` rows from (seed, step). The loss is mean nats per row.
 */
export const mlpTrainProgram = (model: MlpConfig, train: TrainConfig, examples: ExamplesType): Program => {
  checkMlpConfig(model)
  checkInteger('examples.rows', examples.rows, 1, 2 ** 31 - 1, 'Give another table.')
  const inputs = {
    features: { dtype: examples.dtype, shape: [examples.rows, model.features] },
    labels: { dtype: model.classes <= 256 ? 'u8' : 'u32', shape: [examples.rows] },
  } as const
  return trainProgram(mlpParameters(model), train, inputs, ({ weights, input, step, seed }) => {
    const rows = drawPlaces(train.batch, examples.rows, step, seed)
    return crossEntropy(
      mlpLogits(model, weights, rowsAt(input('features'), rows)),
      materialise(gatherRows(input('labels') as Grid<'u'>, rows)),
    )
  })
}

/** Rows of a table, (N, D), as numbers, (B, D). */
export const rowsAt = (features: Grid, rows: Grid<'u'>): Grid<'f'> => {
  const chosen = gatherRows(features, rows)
  return features.dtype === 'u8'
    ? map([cast(chosen, 'f32')], (x) => x.mul(1 / 255), { label: 'pixels' })
    : map([chosen as Grid<'f'>], (x) => x, { label: 'rows' })
}

/** Scores of the classes: (B, D) gives (B, classes). */
export const mlpLogits = (model: MlpConfig, weights: Weights, rows: Grid<'f'>): Grid<'f'> => {
  let x = rows
  for (let l = 0; l <= model.hidden.length; l++) {
    x = denseLayer(x, weights(`layer.${l}.weight`), weights(`layer.${l}.bias`))
    if (l < model.hidden.length) x = relu(x)
  }
  return x
}
