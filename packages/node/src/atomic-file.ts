import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

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
export const syncDirectory = async (path: string): Promise<void> => {
  try {
    const directory = await open(path, constants.O_RDONLY)
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  } catch {}
}
