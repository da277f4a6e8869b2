import {
  catchFault,
  FaultError,
  fail,
  type NamedType,
  type Result,
  sameShape,
  type Tensor,
} from '@lockstep/tensor'
import { ModelError } from './model-error.ts'
import { decodeSafetensors } from './safetensors/decode.ts'
import { encodeSafetensors } from './safetensors/encode.ts'

/** Tensors in order under the names of their types; `prefix` keeps two groups in one file apart. */
export const namedTensors = (
  types: readonly { readonly name: string }[],
  tensors: readonly Tensor[],
  prefix = '',
): [name: string, tensor: Tensor][] => types.map(({ name }, i) => [prefix + name, tensors[i]!])

/**
 * The tensors that these types name, each of the right dtype and shape, in the order of the types. `where` is what the
 * file is called in a fault, which is thrown.
 */
export const pickTensors = (
  where: string,
  file: ReadonlyMap<string, Tensor>,
  types: readonly NamedType[],
  remedy: string,
  prefix = '',
): Tensor[] =>
  types.map(({ name, dtype, shape }) => {
    const tensor = file.get(prefix + name)
    const limit = `${dtype} [${shape}]`
    const field = `${prefix}${name} in ${where}`
    if (!tensor) throw new FaultError({ code: 'tensor-missing', field, value: 'missing', limit, remedy })
    if (tensor.dtype !== dtype || !sameShape(tensor.shape, shape)) {
      const code = tensor.dtype !== dtype ? 'wrong-dtype' : 'wrong-shape'
      throw new FaultError({ code, field, value: `${tensor.dtype} [${tensor.shape}]`, limit, remedy })
    }
    return tensor
  })

const FORMAT = 'lockstep-tensors-1'
const REMEDY = 'The bytes are damaged or of another program: fetch them again from somebody else.'

/**
 * A state or the inputs of a task as bytes: a safetensors file with tensor i under the name `i/NAME`, where NAME is
 * what the program calls it, and the format as metadata. The same tensors have the same bytes.
 */
export const encodeTensors = (
  types: readonly { readonly name: string }[],
  tensors: readonly Tensor[],
): Uint8Array<ArrayBuffer> =>
  encodeSafetensors(new Map(namedTensors(placed(types), tensors)), new Map([['format', FORMAT]]))

/** Reads what encodeTensors wrote of tensors of these types. Any other bytes are a fault; NaNs come back canonical. */
export const decodeTensors = (
  bytes: Uint8Array<ArrayBufferLike>,
  types: readonly NamedType[],
): Result<Tensor[]> => {
  const fault = (field: string, value: string | number, limit: string | number): Result<never> =>
    fail({ code: 'tensors-malformed', field, value, limit, remedy: REMEDY })
  try {
    const { tensors, metadata } = decodeSafetensors(bytes)
    if (metadata.get('format') !== FORMAT)
      return fault('format', (metadata.get('format') ?? 'missing').slice(0, 80), FORMAT)
    if (tensors.size !== types.length) return fault('tensors', tensors.size, types.length)
    return catchFault(() => pickTensors('the file', tensors, placed(types), REMEDY))
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    return fault(error.field, error.value, error.limit)
  }
}

const placed = <T extends { readonly name: string }>(types: readonly T[]): T[] =>
  types.map((type, i) => ({ ...type, name: `${i}/${type.name}` }))
