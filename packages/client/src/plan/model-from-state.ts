import { saveModel, trainedParameters } from '@lockstep/models'
import type { Tensor } from '@lockstep/tensor'
import type { Plan } from './plan.ts'

/** The model that a result slice's final state holds, as a safetensors file with its tokenizer. */
export const modelFromState = (
  { model, train, tokenizer }: Pick<Plan, 'model' | 'train' | 'tokenizer'>,
  state: readonly Tensor[],
): Uint8Array<ArrayBuffer> =>
  saveModel({ model, parameters: trainedParameters(model, train, state), tokenizer })
