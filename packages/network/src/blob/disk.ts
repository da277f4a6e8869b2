import { type FileHandle, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { FaultError, fail, type Result } from '@lockstep/tensor'

const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/**
 * What the disk refused, as a fault: a full, read-only or failing disk is the world's doing. Anything else is a bug
 * and passes through.
 */
export const diskFault = (error: unknown, path: string): Result<never> => {
  if (error instanceof FaultError) return fail(error.fault)
  const code = (error as NodeJS.ErrnoException).code
  const number = (error as NodeJS.ErrnoException).errno
  if (typeof code !== 'string' || typeof number !== 'number') throw error
  const full = FULL.has(code)
  return fail({
    code: full ? 'disk-full' : 'disk-failed',
    field: path,
    value: code,
    limit: full ? 'what the disk or its quota holds' : 'a directory that can be read and written',
    remedy: full
      ? 'Make room or give the store a larger disk, then try again: what was stored is kept.'
      : 'Look at the disk and at the rights of the directory, then try again.',
  })
}

/** A name that was made, renamed or removed is on the disk only when its directory is. */
export const syncDirectory = async (path: string): Promise<void> => {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** All of `bytes` at `position`: one call may write less. */
export const writeAll = async (file: FileHandle, bytes: Uint8Array, position: number): Promise<void> => {
  let at = 0
  while (at < bytes.length) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at)
    at += bytesWritten
  }
}

/** All of these buffers, one behind the other, with one call where that is enough. */
export const writeAllOf = async (
  file: FileHandle,
  buffers: readonly Uint8Array[],
  position: number,
): Promise<void> => {
  let { bytesWritten: done } = await file.writev(buffers, position)
  let at = position
  for (const bytes of buffers) {
    const here = Math.min(done, bytes.length)
    done -= here
    if (here < bytes.length) await writeAll(file, bytes.subarray(here), at + here)
    at += bytes.length
  }
}

/** Up to `length` bytes from `position`, to the start of `into` where it is given; fewer where the file ends. */
export const readAll = async (
  file: FileHandle,
  length: number,
  position: number,
  into: Uint8Array = Buffer.allocUnsafeSlow(length),
): Promise<Uint8Array> => {
  const bytes = into.subarray(0, length)
  let at = 0
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, length - at, position + at)
    if (bytesRead === 0) break
    at += bytesRead
  }
  return bytes.subarray(0, at)
}

export const writeSynced = async (path: string, bytes: Uint8Array): Promise<void> => {
  const file = await open(path, 'w')
  try {
    await writeAll(file, bytes, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** The file at `path` is the old one or the new one whenever the machine stops. */
export const replaceFile = async (path: string, bytes: Uint8Array): Promise<void> => {
  await writeSynced(`${path}.new`, bytes)
  await rename(`${path}.new`, path)
  await syncDirectory(dirname(path))
}
