import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { FaultError, fail, ok, type Result } from '@lockstep/tensor'
import { type BlobId, parseBlobId } from './blob-id.ts'

/**
 * What a store knows besides its files: why blobs are pinned, and in which order they were used. The database's lock is
 * the store's lock too: the operating system drops it when the process ends, however it ends.
 */
export type BlobIndex = {
  readonly pins: ReadonlyMap<BlobId, ReadonlySet<string>>
  /** Pins of all blobs together. */
  readonly pinCount: number
  readonly used: ReadonlyMap<BlobId, number>
  /** The index could not be read and was begun anew, so nobody knows what was pinned. */
  readonly lost: boolean
  pin(id: BlobId, reason: string): void
  unpin(id: BlobId, reason: string): void
  /** Places in the order of use; kept by the next `flush`. */
  saveUsed(used: ReadonlyMap<BlobId, number>): void
  forgetUsed(id: BlobId): void
  close(): void
}

const BUSY = 5
const FULL = 13
/** Read-only, input or output failed, full. */
const REFUSED: ReadonlySet<number> = new Set([8, 10, FULL])
const DAMAGED: ReadonlySet<number> = new Set([11, 26])
const errcode = (error: unknown): number => ((error as { errcode?: number }).errcode ?? 0) & 0xff

export const openBlobIndex = (directory: string): Result<BlobIndex> => {
  const file = join(directory, 'index.sqlite')
  const owner = join(directory, 'owner')
  const existed = existsSync(file)
  let opened: Tables
  let lost = false
  try {
    opened = openTables(file)
  } catch (error) {
    if (errcode(error) === BUSY) {
      const pid = existsSync(owner) ? readFileSync(owner, 'utf8').slice(0, 20) : 'unknown'
      return fail({
        code: 'blob-store-locked',
        field: directory,
        value: `in use by process ${pid}`,
        limit: 'one process at a time',
        remedy: 'Stop the other process, or give this one a directory of its own.',
      })
    }
    if (!DAMAGED.has(errcode(error))) throw error
    renameSync(file, `${file}.damaged`)
    rmSync(`${file}-wal`, { force: true })
    opened = openTables(file)
    lost = existed
  }
  try {
    writeFileSync(owner, `${process.pid}`)
  } catch {
    // Only for the message above; a full disk must not keep a store from being opened and emptied.
  }
  return ok(indexOver(opened, lost))
}

type Tables = {
  readonly db: DatabaseSync
  readonly pinRows: readonly Record<string, unknown>[]
  readonly usedRows: readonly Record<string, unknown>[]
}

const openTables = (file: string): Tables => {
  const db = new DatabaseSync(file, { timeout: 0 })
  try {
    db.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      BEGIN EXCLUSIVE;
      CREATE TABLE IF NOT EXISTS pin (blob TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (blob, reason)) STRICT;
      CREATE TABLE IF NOT EXISTS used (blob TEXT PRIMARY KEY, place INTEGER NOT NULL) STRICT;
      COMMIT;
    `)
    const pinRows = db.prepare('SELECT blob, reason FROM pin').all()
    const usedRows = db.prepare('SELECT blob, place FROM used').all()
    return { db, pinRows, usedRows }
  } catch (error) {
    db.close()
    throw error
  }
}

const indexOver = ({ db, pinRows, usedRows }: Tables, lost: boolean): BlobIndex => {
  const guarded = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK')
      db.exec('PRAGMA synchronous = FULL')
      if (!REFUSED.has(errcode(error))) throw error
      const full = errcode(error) === FULL
      throw new FaultError({
        code: full ? 'disk-full' : 'disk-failed',
        field: 'index of the blob store',
        value: (error as Error).message,
        limit: 'a disk with room that can be written',
        remedy: full ? 'Make room on the disk and try again.' : 'Look at the disk and try again.',
      })
    }
  }
  const insertPin = db.prepare('INSERT OR IGNORE INTO pin VALUES (?, ?)')
  const deletePin = db.prepare('DELETE FROM pin WHERE blob = ? AND reason = ?')
  const insertUsed = db.prepare('INSERT OR REPLACE INTO used VALUES (?, ?)')
  const deleteUsed = db.prepare('DELETE FROM used WHERE blob = ?')
  const pins = new Map<BlobId, Set<string>>()
  let pinCount = 0
  const note = (id: BlobId, reason: string): void => {
    const reasons = pins.get(id) ?? new Set()
    if (!reasons.has(reason)) pinCount++
    pins.set(id, reasons.add(reason))
  }
  for (const { blob, reason } of pinRows) {
    const id = parseBlobId(String(blob))
    if (id.ok) note(id.value, String(reason))
  }
  const used = new Map<BlobId, number>()
  for (const { blob, place } of usedRows) {
    const id = parseBlobId(String(blob))
    if (id.ok) used.set(id.value, Number(place))
  }
  return {
    pins,
    get pinCount() {
      return pinCount
    },
    used,
    lost,
    pin: (id, reason) => {
      guarded(() => insertPin.run(id, reason))
      note(id, reason)
    },
    unpin: (id, reason) => {
      guarded(() => deletePin.run(id, reason))
      const reasons = pins.get(id)
      if (reasons?.delete(reason)) pinCount--
      if (reasons?.size === 0) pins.delete(id)
    },
    saveUsed: (places) => {
      if (places.size === 0) return
      guarded(() => {
        // Only a preference: no wait for the disk.
        db.exec('PRAGMA synchronous = NORMAL; BEGIN')
        for (const [id, place] of places) insertUsed.run(id, place)
        db.exec('COMMIT; PRAGMA synchronous = FULL')
      })
    },
    forgetUsed: (id) => guarded(() => deleteUsed.run(id)),
    close: () => db.close(),
  }
}
