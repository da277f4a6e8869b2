import { readBounded } from '../bounded-file.ts'
import { runFault } from './run-fault.ts'

/** A regular file's content where it is at most `limit` bytes; anything else is a FaultError. */
export const readFileOf = async (path: string, limit: number): Promise<Uint8Array<ArrayBuffer>> => {
  const read = await readBounded(path, limit, 'Name the right file.')
  if (read.ok) return read.value
  const { field, value, limit: allowed, remedy } = read.fault
  throw runFault('run-invalid', field, value, allowed, remedy)
}
