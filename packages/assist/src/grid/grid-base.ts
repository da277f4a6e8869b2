import { advisedPrograms, decodeSafetensors, encodeSafetensors } from '@lockstep/models'
import { DTYPES, type Dtype, loadElement, storeElement, type Tensor } from '@lockstep/tensor'
import { AssistError } from '../assist-error.ts'
import { GRID_ADVICE, GRID_MODEL } from './grid-model.ts'

/** A base of the building game as a safetensors file: every parameter in bf16, under its name. */
export const encodeGridBase = (parameters: readonly Tensor[]): Uint8Array<ArrayBuffer> => {
  const named = advisedPrograms(GRID_MODEL, GRID_ADVICE).parameters
  return encodeSafetensors(
    new Map(named.map(({ name }, i) => [name, recast(parameters[i]!, 'bf16')])),
    new Map([['format', 'lockstep-assist-grid-1']]),
  )
}

/** The parameters in such a file, in f32, in the order of `advisedPrograms`. Any other bytes throw AssistError or ModelError. */
export const decodeGridBase = (bytes: Uint8Array): Tensor[] => {
  const { tensors } = decodeSafetensors(bytes)
  return advisedPrograms(GRID_MODEL, GRID_ADVICE).parameters.map(({ name, shape }) => {
    const found = tensors.get(name)
    if (found?.dtype === 'bf16' && `${found.shape}` === `${shape}`) return recast(found, 'f32')
    const shown = found ? `${found.dtype} [${found.shape}]` : 'absent'
    throw new AssistError(
      'version-malformed',
      `base.${name}`,
      shown,
      `bf16 [${shape}]`,
      'Give a base of this game.',
    )
  })
}

const recast = ({ dtype, shape, data }: Tensor, to: Dtype): Tensor => {
  const count = data.length / DTYPES[dtype].bytes
  const cast = new Uint8Array(count * DTYPES[to].bytes)
  for (let i = 0; i < count; i++) storeElement(to, cast, i, loadElement(dtype, data, i))
  return { dtype: to, shape, data: cast }
}
