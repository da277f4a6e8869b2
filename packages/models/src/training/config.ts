import { checkInteger, checkKeys, checkNumber } from '../check.ts'

/** How a model is trained: AdamW with decoupled weight decay, a clipped gradient, and a rate that warms up and falls. */
export type TrainConfig = {
  readonly batch: number // rows or windows a step
  readonly steps: number // where the schedule ends; later steps keep its last rate
  readonly warmup: number // steps of rising rate: step s of them uses rate * (s + 1) / warmup
  readonly rate: number // the highest learning rate
  readonly lastRate: number // where the cosine ends, as a part of rate
  readonly beta1: number
  readonly beta2: number
  readonly epsilon: number
  readonly decay: number // decoupled weight decay a step, times the rate
  readonly clip: number // the gradient's largest norm over all parameters; 0 clips nothing
}

export const DEFAULT_TRAIN: TrainConfig = {
  batch: 8,
  steps: 1000,
  warmup: 40,
  rate: 4e-3,
  lastRate: 0.1,
  beta1: 0.9,
  beta2: 0.95,
  epsilon: 1e-8,
  decay: 0.1,
  clip: 1,
}

const ADJUST = 'Choose a value within the limits.'

export const checkTrainConfig = (config: TrainConfig): void => {
  checkKeys('train', config, Object.keys(DEFAULT_TRAIN))
  checkInteger('train.batch', config.batch, 1, 65536, ADJUST)
  checkInteger('train.steps', config.steps, 1, 2 ** 24, ADJUST)
  checkInteger('train.warmup', config.warmup, 0, config.steps, ADJUST)
  checkNumber('train.rate', config.rate, 0, 10, ADJUST)
  checkNumber('train.lastRate', config.lastRate, 0, 1, ADJUST)
  checkNumber('train.beta1', config.beta1, 0, 0.9999, ADJUST)
  checkNumber('train.beta2', config.beta2, 0, 0.99999, ADJUST)
  checkNumber('train.epsilon', config.epsilon, 1e-12, 1, ADJUST)
  checkNumber('train.decay', config.decay, 0, 10, ADJUST)
  checkNumber('train.clip', config.clip, 0, 1e6, ADJUST)
}
