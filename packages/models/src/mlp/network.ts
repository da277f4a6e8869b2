import { type Grid, relu } from '@lockstep/tensor'
import type { ClassifierNetwork } from '../classify/network.ts'
import { denseLayer } from '../layer/dense.ts'
import type { Weights } from '../layer/weights.ts'
import { checkMlpConfig, type MlpConfig } from './config.ts'
import { mlpParameters } from './parameters.ts'

/** Dense layers with ReLU between them. */
export const mlpNetwork = (config: MlpConfig): ClassifierNetwork => {
  checkMlpConfig(config)
  const { features, hidden, classes } = config
  return {
    family: 'classifier',
    features,
    classes,
    parameters: mlpParameters(config),
    logits: (weights, rows) => mlpLogits(hidden.length, weights, rows),
  }
}

const mlpLogits = (hidden: number, weights: Weights, rows: Grid<'f'>): Grid<'f'> => {
  let x = rows
  for (let l = 0; l <= hidden; l++) {
    x = denseLayer(weights, x, `layer.${l}`)
    if (l < hidden) x = relu(x)
  }
  return x
}
