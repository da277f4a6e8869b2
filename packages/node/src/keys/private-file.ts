import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, link, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { fail, type Result } from '@lockstep/tensor'
import { syncDirectory } from '../atomic-file.ts'
import { readOpen } from '../bounded-file.ts'

/** A directory that only its owner may look into; those above it are made as they come. */
export const makePrivateDirectory = async (path: string): Promise<void> => {
  await mkdir(path, { recursive: true, mode: 0o700 })
  if (process.platform !== 'win32') await chmod(path, 0o700)
}

/**
 * Writes a file whole or not at all, readable by its owner only: to a name beside it, flushed to the disk, then put in
 * its place. Without `replace`, one that is there stays, and the answer is false.
 */
export const writePrivate = async (
  path: string,
  content: Uint8Array | string,
  { replace = false }: { readonly replace?: boolean } = {},
): Promise<boolean> => {
  const partial = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.partial`)
  try {
    const file = await open(partial, 'wx', 0o600)
    try {
      await file.writeFile(content)
      await file.sync()
    } finally {
      await file.close()
    }
    if (replace) await rename(partial, path)
    else await link(partial, path) // rename would take the place of a file that came meanwhile
  } catch (error) {
    if (!replace && (error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw Object.assign(error as Error, { path })
  } finally {
    await rm(partial, { force: true })
  }
  await syncDirectory(dirname(path))
  return true
}

/** Reads a file that holds a secret; one that others may read holds none any more, and is refused. */
export const readPrivate = async (
  path: string,
  limit: number,
  remedy: string,
): Promise<Result<Uint8Array<ArrayBuffer>>> => {
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch((error) => {
    throw Object.assign(error, { path })
  })
  try {
    const found = await file.stat()
    const { mode } = found
    if (!found.isFile()) return await readOpen(file, path, limit, remedy) // which says what it is
    if (process.platform !== 'win32' && (mode & 0o077) !== 0)
      return fail({
        code: 'file-exposed',
        field: path,
        value: `mode ${(mode & 0o777).toString(8).padStart(4, '0')}`,
        limit: 'readable by you only (0600)',
        remedy: `Run chmod 600 on it, and take what it held as known to every user of this machine.`,
      })
    return await readOpen(file, path, limit, remedy)
  } catch (error) {
    throw Object.assign(error as Error, { path })
  } finally {
    await file.close()
  }
}
