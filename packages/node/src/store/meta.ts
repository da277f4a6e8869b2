import type { Query } from './open-store.ts'

/** The single values that a store keeps; whoever adds one lists it here, so that no two mean the same key. */
export const META = {
  version: 'version',
  /** Which process has the store open: who finds another's mark has lost it. */
  session: 'session',
  /** Which chain the store belongs to: id and hash of block 0. */
  chain: 'chain',
  /** The contracts that are indexed, from which block, with which events. */
  indexed: 'indexed',
  /** The last block that is indexed in full. */
  indexedTo: 'indexed-to',
} as const

export const readMeta = async (q: Query, key: string): Promise<string | undefined> =>
  (await q.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst())?.value

export const writeMeta = async (q: Query, key: string, value: string): Promise<void> => {
  await q
    .insertInto('meta')
    .values({ key, value })
    .onConflict((c) => c.column('key').doUpdateSet({ value }))
    .execute()
}
