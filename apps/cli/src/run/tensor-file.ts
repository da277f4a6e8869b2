import { decodeSafetensors, encodeSafetensors } from '@lockstep/models'
import { writeAtomic } from '@lockstep/node/atomic-file'
import { type NamedType, type Tensor, tensorBytes } from '@lockstep/tensor'
import { badInput } from '../cli-error.ts'
import { readBounded } from './bounded-file.ts'

/** What a safetensors file's header may take beside its tensors. */
const HEADER_ALLOWANCE = 16 * 2 ** 20

export const writeTensors = (
  path: string,
  tensors: readonly (readonly [name: string, tensor: Tensor])[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> => writeAtomic(path, encodeSafetensors(new Map(tensors), new Map(Object.entries(metadata))))

/** A safetensors file that should hold these types and no more. Any damage is an error that names the file. */
export const readTensors = async (
  path: string,
  types: readonly NamedType[],
  remedy: string,
): Promise<ReturnType<typeof decodeSafetensors>> => {
  const expected = types.reduce((sum, type) => sum + tensorBytes(type), 0)
  const content = await readBounded(path, expected + HEADER_ALLOWANCE, remedy)
  return decodeNamed(path, content, remedy)
}

export const decodeNamed = (
  path: string,
  content: Uint8Array,
  remedy: string,
): ReturnType<typeof decodeSafetensors> => {
  try {
    return decodeSafetensors(content)
  } catch (error) {
    const { field, value, limit } = error as { field?: string; value?: string; limit?: string }
    if (field === undefined) throw error
    throw badInput('file-damaged', `${path}, ${field}`, value, limit, remedy)
  }
}
