import { parametersOf, saveModel } from '@lockstep/models'
import type { Tensor } from '@lockstep/tensor'
import type { Plan } from './plan.ts'

/** The model that a result slice's final state holds, as a safetensors file with its tokenizer. */
export const modelFromState = (
  { model, tokenizer }: Pick<Plan, 'model' | 'tokenizer'>,
  state: readonly Tensor[],
): Uint8Array<ArrayBuffer> =>
  saveModel({ model, parameters: state.slice(0, parametersOf(model).length), tokenizer })
