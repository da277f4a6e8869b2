import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { fail, ok, type Result } from '@lockstep/tensor'

/**
 * A file's content where it is a regular file of at most `limit` bytes: what a stranger's file is read with. Errors of
 * the system (missing, not permitted) are thrown as it says them, with the path.
 */
export const readBounded = async (
  path: string,
  limit: number,
  remedy: string,
): Promise<Result<Uint8Array<ArrayBuffer>>> => {
  // Without waiting: a pipe that nobody writes to would keep an open() for ever.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error) => {
    throw Object.assign(error, { path })
  })
  try {
    return await readOpen(file, path, limit, remedy)
  } catch (error) {
    throw Object.assign(error as Error, { path })
  } finally {
    await file.close()
  }
}

/** The same of a file that is open already, so that what was checked of it is what is read. */
export const readOpen = async (
  file: FileHandle,
  path: string,
  limit: number,
  remedy: string,
): Promise<Result<Uint8Array<ArrayBuffer>>> => {
  const stat = await file.stat()
  if (!stat.isFile())
    return fail({
      code: 'file-special',
      field: path,
      value: stat.isDirectory() ? 'a directory' : 'no regular file',
      limit: 'a regular file',
      remedy,
    })
  // A file may grow between the look at its size and the reading: one byte more than it had is read at most.
  const content = new Uint8Array(Math.min(stat.size, limit) + 1)
  let length = 0
  while (length < content.length) {
    const { bytesRead } = await file.read(content, length, content.length - length, null)
    if (bytesRead === 0) break
    length += bytesRead
  }
  if (length === content.length) {
    const value = stat.size < length ? 'growing' : `${stat.size} bytes`
    return fail({ code: 'file-too-large', field: path, value, limit: `at most ${limit} bytes`, remedy })
  }
  return ok(content.subarray(0, length))
}
