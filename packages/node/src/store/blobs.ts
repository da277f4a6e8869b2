import type { Query } from './open-store.ts'

/** How much of a blob is on the disk. */
export type BlobHeld = 'none' | 'part' | 'whole'

/** A blob and one reason to keep it; a blob that several jobs need has a row for each. */
export type BlobReason = {
  readonly id: string
  readonly length: number
  readonly held: BlobHeld
  /** Such as `job:7` or `run:7/0/0`. */
  readonly reason: string
  /** When the reason ends, in the chain's seconds; left out, it stands until it is dropped. */
  readonly keepUntil?: number
}

export const keepBlob = async (q: Query, blob: BlobReason): Promise<void> => {
  const { id, length, held, reason, keepUntil = null } = blob
  await q
    .insertInto('blobs')
    .values({ id, length, held, reason, keep_until: keepUntil })
    .onConflict((c) => c.columns(['id', 'reason']).doUpdateSet({ length, held, keep_until: keepUntil }))
    .execute()
}

export const markBlob = async (q: Query, id: string, held: BlobHeld): Promise<void> => {
  await q.updateTable('blobs').set({ held }).where('id', '=', id).execute()
}

export const blobsFor = async (q: Query, reason: string, limit = 10_000): Promise<readonly BlobReason[]> => {
  const rows = await q
    .selectFrom('blobs')
    .selectAll()
    .where('reason', '=', reason)
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map(({ keep_until, held, ...row }) => ({
    ...row,
    held: held as BlobHeld,
    ...(keep_until === null ? {} : { keepUntil: keep_until }),
  }))
}

export const dropReason = async (q: Query, reason: string): Promise<void> => {
  await q.deleteFrom('blobs').where('reason', '=', reason).execute()
}

/** Forgets the reasons that have ended, and gives the blobs for which none is left: they can be deleted. */
export const endedBlobs = async (q: Query, now: number, limit = 1_000): Promise<readonly string[]> => {
  const ended = await q
    .selectFrom('blobs')
    .select(['id', 'reason'])
    .where('keep_until', '<', now)
    .orderBy('id')
    .limit(limit)
    .execute()
  for (const { id, reason } of ended)
    await q.deleteFrom('blobs').where('id', '=', id).where('reason', '=', reason).execute()
  const ids = [...new Set(ended.map(({ id }) => id))]
  if (ids.length === 0) return []
  const kept = new Set(
    (await q.selectFrom('blobs').select('id').where('id', 'in', ids).execute()).map(({ id }) => id),
  )
  return ids.filter((id) => !kept.has(id))
}

/** Bytes of all blobs that are held in whole or in part, each counted once. */
export const bytesKept = async (q: Query): Promise<number> => {
  const rows = await q
    .selectFrom('blobs')
    .select(['id', 'length'])
    .where('held', '!=', 'none')
    .distinct()
    .execute()
  return rows.reduce((sum, { length }) => sum + length, 0)
}
