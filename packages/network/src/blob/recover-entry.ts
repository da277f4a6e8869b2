import { open, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Entry, HELD } from './blob-entry.ts'
import { areDigestsOf, isChunkOf } from './blob-hash.ts'
import { type BlobId, blobLength, CHUNK, chunkCount, chunkLength } from './blob-id.ts'
import { readAll, replaceFile, syncDirectory, writeAll } from './disk.ts'

export type RecoveredEntry = {
  readonly entry: Entry
  /** Chunks that were thought to be here and are not. */
  readonly torn: number
  /** The blob was complete, and its file has another length now. */
  readonly shortened: boolean
}

/** What a blob's directory holds after the process or the machine stopped at any point; null if it is of no use. */
export const recoverEntry = async (
  directory: string,
  id: BlobId,
  used: number,
): Promise<RecoveredEntry | null> => {
  const entry: Entry = { id, directory, held: null, missing: 0, used, writer: null }
  const length = await stat(join(directory, 'data')).then(
    (s) => (s.isFile() ? s.size : null),
    () => null,
  )
  if (length === null) return null
  const have = await readFile(join(directory, 'have')).catch(() => null)
  if (have === null && length === blobLength(id)) return { entry, torn: 0, shortened: false }
  const held = have?.length === chunkCount(id) ? have : Buffer.alloc(chunkCount(id), HELD.written)
  const digests = await readFile(join(directory, 'digests')).catch(() => Buffer.alloc(0))
  if (!areDigestsOf(id, digests)) return null
  const data = await open(join(directory, 'data'), 'r+')
  let torn = 0
  try {
    for (const [chunk, state] of held.entries()) {
      const whole = chunk * CHUNK + chunkLength(id, chunk) <= length
      if (state === HELD.missing || (state === HELD.synced && whole)) continue
      // Its writing was cut off, or the machine stopped before it was on the disk: only its hash can tell.
      const bytes = whole ? await readAll(data, chunkLength(id, chunk), chunk * CHUNK) : null
      const good = bytes !== null && isChunkOf(digests, chunk, bytes)
      if (!good) torn++
      held[chunk] = good ? HELD.synced : HELD.missing
    }
    if (length > blobLength(id)) await data.truncate(blobLength(id))
    await data.sync()
  } finally {
    await data.close()
  }
  entry.missing = held.filter((state) => state === HELD.missing).length
  if (entry.missing > 0) {
    entry.held = held
    await saveHeld(directory, held)
  } else {
    await rm(join(directory, 'have'), { force: true })
    await syncDirectory(directory)
  }
  return { entry, torn, shortened: have === null }
}

/**
 * Every byte of it stands for itself, so it is written in place, which needs no room on a full disk. A file of another
 * length is replaced.
 */
const saveHeld = async (directory: string, held: Uint8Array): Promise<void> => {
  const path = join(directory, 'have')
  const length = await stat(path).then(
    (s) => s.size,
    () => -1,
  )
  if (length !== held.length) return replaceFile(path, held)
  const file = await open(path, 'r+')
  try {
    await writeAll(file, held, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}
