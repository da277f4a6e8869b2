import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { badInput } from '../cli-error.ts'

/** Suffix of a file that is being written; a reader never looks at one. */
const PARTIAL = '.partial'

/**
 * Writes a file whole or not at all: to a name beside it, flushed to the disk, then renamed over it. What was there
 * before stays until the new content is safe; where the disk is full it stays for good.
 */
export const writeAtomic = async (path: string, content: Uint8Array | string): Promise<void> => {
  const partial = path + PARTIAL
  try {
    const file = await open(partial, 'w')
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {})
    throw Object.assign(error as Error, { path })
  }
  await syncDirectory(dirname(path))
}

/** Makes a rename durable. Systems without handles on directories make it durable by themselves. */
const syncDirectory = async (path: string): Promise<void> => {
  try {
    const directory = await open(path, constants.O_RDONLY)
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch {}
}

/** A file's content where it is at most `limit` bytes: what a stranger's file is read with. */
export const readBounded = async (
  path: string,
  limit: number,
  remedy: string,
): Promise<Uint8Array<ArrayBuffer>> => {
  // Without waiting: a pipe that nobody writes to would keep an open() for ever.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)
  const file = await open(path, flags).catch((error) => {
    throw Object.assign(error, { path })
  })
  try {
    const stat = await file.stat()
    if (stat.isDirectory()) throw Object.assign(new Error('directory'), { code: 'EISDIR', path })
    if (!stat.isFile()) throw badInput('file-special', path, 'no regular file', 'a regular file', remedy)
    if (stat.size > limit) {
      throw badInput('file-too-large', path, `${stat.size} bytes`, `at most ${limit} bytes`, remedy)
    }
    return new Uint8Array(await file.readFile())
  } catch (error) {
    throw Object.assign(error as Error, { path })
  } finally {
    await file.close()
  }
}
