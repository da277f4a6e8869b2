import { checkFlag, checkInteger, checkKeys, checkNumber } from '../check.ts'
import { ModelError } from '../model-error.ts'
import { PARAMETER_KINDS, type ParameterKind } from '../parameter.ts'
import { checkOptimiser, type Optimiser } from './optimiser.ts'
import { checkPrecision, type Precision } from './precision.ts'
import { checkSchedule, type Schedule } from './schedule.ts'

/**
 * How a model is trained. What is absent is as it was before there was a choice: AdamW, a rate that warms up and falls
 * along a cosine, one pass a step. A configuration is the program's identity: a field that is given with the value of
 * its absence gives the same program.
 */
export type TrainConfig = {
  readonly batch: number // rows or windows a pass
  readonly steps: number // where the schedule ends; later steps keep its last rate
  readonly warmup: number // steps of rising rate: step s of them uses rate * (s + 1) / warmup
  readonly rate: number // the highest learning rate
  readonly lastRate: number // where a falling schedule ends, as a part of rate
  readonly beta1: number // of Adam
  readonly beta2: number // of Adam
  readonly epsilon: number // of Adam
  readonly decay: number // weight decay a step, times the rate
  readonly clip: number // the gradient's largest norm over all parameters; 0 clips nothing
  readonly clipValue?: number | undefined // each number of the gradient is first kept within this of 0; 0 clips nothing
  readonly optimiser?: Optimiser | undefined // AdamW if absent
  readonly schedule?: Schedule | undefined // a cosine if absent
  readonly groups?: Groups | undefined // rates and decays of kinds of parameters
  readonly accumulate?: number | undefined // passes a step, each over a batch of its own; 1 if absent
  readonly recompute?: boolean | undefined // inner values of blocks are computed again in the backward pass, not kept
  readonly precision?: Precision | undefined // what is stored in 16 bits; nothing if absent
  readonly smoothing?: number | undefined // part of a target's weight that is spread over all classes; 0 spreads none
  readonly zLoss?: number | undefined // times the mean square of ln(sum of exp(logits)), added to the loss; 0 adds none
  readonly average?: number | undefined // keeps a mean of the weights: how much of it stays each step; 0 keeps none
}

/** What a kind of parameters has otherwise: factors of the rate and of the decay. */
export type Group = { readonly rate?: number | undefined; readonly decay?: number | undefined }
export type Groups = { readonly [K in ParameterKind]?: Group | undefined }

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

const CHOICES = [
  'clipValue',
  'optimiser',
  'schedule',
  'groups',
  'accumulate',
  'recompute',
  'precision',
  'smoothing',
  'zLoss',
  'average',
]
const ADJUST = 'Choose a value within the limits.'

export const checkTrainConfig = (config: TrainConfig): void => {
  checkKeys('train', config, [...Object.keys(DEFAULT_TRAIN), ...CHOICES])
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
  checkNumber('train.clipValue', config.clipValue ?? 0, 0, 1e6, ADJUST)
  checkInteger('train.accumulate', config.accumulate ?? 1, 1, 256, ADJUST)
  checkFlag('train.recompute', config.recompute ?? false)
  checkNumber('train.average', config.average ?? 0, 0, 0.99999, ADJUST)
  checkNumber('train.smoothing', config.smoothing ?? 0, 0, 0.99, ADJUST)
  checkNumber('train.zLoss', config.zLoss ?? 0, 0, 1, ADJUST)
  if (config.precision !== undefined) checkPrecision(config.precision)
  if (config.optimiser !== undefined) checkOptimiser(config.optimiser)
  if (config.schedule !== undefined) checkSchedule(config.schedule, config)
  checkKeys('train.groups', config.groups ?? {}, PARAMETER_KINDS)
  for (const [kind, group] of Object.entries(config.groups ?? {})) {
    if (group === undefined) continue
    if (typeof group !== 'object' || group === null) throw noGroup(kind, group)
    checkKeys(`train.groups.${kind}`, group, ['rate', 'decay'])
    checkNumber(`train.groups.${kind}.rate`, group.rate ?? 1, 0, 1000, ADJUST)
    checkNumber(`train.groups.${kind}.decay`, group.decay ?? 1, 0, 1000, ADJUST)
  }
}

const noGroup = (kind: string, value: unknown): ModelError =>
  new ModelError('config-invalid', `train.groups.${kind}`, value, 'factors {rate, decay}', ADJUST)
