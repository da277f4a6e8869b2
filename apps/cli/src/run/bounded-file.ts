import { readBounded as read } from '@lockstep/node/bounded-file'
import { unwrap } from '@lockstep/tensor'

/** A file's content where it is a regular file of at most `limit` bytes; anything else is an error that names it. */
export const readBounded = async (
  path: string,
  limit: number,
  remedy: string,
): Promise<Uint8Array<ArrayBuffer>> => unwrap(await read(path, limit, remedy))
