import { type Grid, gatherRows, materialise, type Program } from '@lockstep/tensor'
import { weightsOf } from '../layer/weights.ts'
import type { TrainConfig } from '../training/config.ts'
import { drawPlaces } from '../training/draw.ts'
import { trainProgram as traceTraining } from '../training/train-step.ts'
import { type ExamplesType, exampleTypes, rowsAt } from './examples.ts'
import type { ClassifierNetwork } from './network.ts'

/**
 * One training step of a classifier. Inputs: `features`, (N, D), and `labels`, (N) u8 or u32 words below `classes`.
 * Each step draws `batch` rows from (seed, step). The loss is mean nats per row.
 */
export const classifierTraining = (
  network: ClassifierNetwork,
  train: TrainConfig,
  examples: ExamplesType,
): Program =>
  traceTraining(
    network.parameters,
    train,
    exampleTypes(network, examples),
    ({ weights, input, step, seed, block, crossEntropy }) => {
      const rows = drawPlaces(train.batch, examples.rows, step, seed)
      return crossEntropy(
        network.logits(weightsOf(weights), rowsAt(input('features'), rows), block),
        materialise(gatherRows(input('labels') as Grid<'u'>, rows)),
      )
    },
  )
