import type { Tensor } from '@lockstep/tensor'
import { castTensor } from '../cast-tensor.ts'
import { checkInteger } from '../check.ts'
import { type Model, parametersOf } from '../model.ts'
import { elementsOf, type Parameter } from '../parameter.ts'
import { SALT } from '../salt.ts'
import { checkTrainConfig, DEFAULT_TRAIN, type TrainConfig } from '../training/config.ts'
import { trainState } from '../training/train-state.ts'
import { f32Tensor, wordTensor } from '../word.ts'
import { normalValues } from './normal.ts'

/** A model's parameters before training: the same bits from the same seed, everywhere. */
export const initialParameters = (model: Model, seed: number): Tensor[] => {
  checkInteger('seed', seed, 0, 2 ** 32 - 1, 'Give a seed of 32 bits.')
  return parametersOf(model).map((p, place) => f32Tensor(p.shape, initialValues(p, seed, SALT.init + place)))
}

/**
 * The state that a training program of this configuration starts from: the parameters, rounded to the nearest
 * where they are stored narrow, averages of weights equal to them, all moments zero, step 0, and the seed.
 */
export const initialState = (model: Model, seed: number, train: TrainConfig = DEFAULT_TRAIN): Tensor[] => {
  checkTrainConfig(train)
  const parameters = initialParameters(model, seed)
  const places = new Map(parametersOf(model).map((p, place) => [p.name, place]))
  const numbers = trainState(parametersOf(model), train).map(({ parameter, role, dtype }): Tensor => {
    const start = castTensor(parameters[places.get(parameter.name)!]!, dtype)
    return role === 'value' || role === 'average'
      ? start
      : { ...start, data: new Uint8Array(start.data.length) }
  })
  return [...numbers, wordTensor(0), wordTensor(seed)]
}

const initialValues = ({ shape, init }: Parameter, seed: number, salt: number): Float32Array =>
  'normal' in init
    ? normalValues(elementsOf(shape), init.normal, seed, salt)
    : new Float32Array(elementsOf(shape)).fill(init.constant)
