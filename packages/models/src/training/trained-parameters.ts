import type { Tensor } from '@lockstep/tensor'
import { castTensor } from '../cast-tensor.ts'
import { type Model, parametersOf } from '../model.ts'
import type { TrainConfig } from './config.ts'
import { trainState } from './train-state.ts'

/**
 * What a training's state has learned, in the order of `parametersOf`: the averages of the weights where the
 * configuration keeps them, else the weights. Always f32.
 */
export const trainedParameters = (model: Model, train: TrainConfig, state: readonly Tensor[]): Tensor[] => {
  const wanted = (train.average ?? 0) > 0 ? 'average' : 'value'
  return trainState(parametersOf(model), train).flatMap(({ role }, i) =>
    role === wanted ? [castTensor(state[i]!, 'f32')] : [],
  )
}
