import { readBounded as read } from '@lockstep/node/bounded-file'
import { badInput } from '../cli-error.ts'

/** A file's content where it is a regular file of at most `limit` bytes; anything else is an error that names it. */
export const readBounded = async (
  path: string,
  limit: number,
  remedy: string,
): Promise<Uint8Array<ArrayBuffer>> => {
  const found = await read(path, limit, remedy).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    throw badInput('ENOENT', path, 'missing', 'a file that is there', remedy)
  })
  if (found.ok) return found.value
  const { code, field, value, limit: allowed } = found.fault
  throw badInput(code, field, value, allowed, remedy)
}
