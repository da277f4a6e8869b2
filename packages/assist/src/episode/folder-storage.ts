import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { type AssistStorage, checkedKey, checkedValue } from './storage.ts'

/** What is being written carries this mark, which no key has, until it is whole. */
const HALF = '~'

/**
 * A storage in a folder of Node, which nobody else may read: a file for each key. Files are written beside their place,
 * flushed and renamed, so a value is whole or as it was. One process at a time.
 */
export const folderStorage = async (folder: string): Promise<AssistStorage> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const pathOf = (key: string): string => join(folder, ...checkedKey(key).split('/'))
  let serial = 0
  const isMissing = (error: unknown): boolean => {
    const { code } = error as { readonly code?: string }
    return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR'
  }
  return {
    get: async (key) => {
      try {
        return new Uint8Array(await readFile(pathOf(key)))
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    put: async (key, value) => {
      const [path, bytes] = [pathOf(key), checkedValue(value)]
      await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      const half = `${path}${HALF}${serial++}`
      try {
        const file = await open(half, 'w', 0o600)
        try {
          await file.writeFile(bytes)
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(half, path)
      } catch (error) {
        await rm(half, { force: true })
        throw error
      }
    },
    delete: async (key) => {
      await rm(pathOf(key), { force: true })
    },
    list: async (prefix) => {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      return entries
        .filter((entry) => entry.isFile() && !entry.name.includes(HALF))
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .filter((key) => key.startsWith(prefix))
        .sort()
    },
    close: async () => {},
  }
}
