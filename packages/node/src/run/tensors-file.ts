import { decodeTensors } from '@lockstep/models'
import { type NamedType, type Tensor, tensorBytes } from '@lockstep/tensor'
import { readFileOf } from './read-file.ts'
import { runFault } from './run-fault.ts'

/** What a file's header may take beside its tensors. */
const HEADER_ALLOWANCE = 16 * 2 ** 20

/** Reads a file of these tensors, as encodeTensors writes it. Anything else is a FaultError that names the file. */
export const readTensors = async (path: string, types: readonly NamedType[]): Promise<Tensor[]> => {
  const content = await readFileOf(path, bytesOf(types) + HEADER_ALLOWANCE)
  const decoded = decodeTensors(content, types)
  if (decoded.ok) return decoded.value
  const { field, value, limit, remedy } = decoded.fault
  throw runFault('run-invalid', `${field} of ${path}`, value, limit, remedy)
}

const bytesOf = (types: readonly NamedType[]): number =>
  types.reduce((sum, type) => sum + tensorBytes(type), 0)
