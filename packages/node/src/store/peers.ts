import { fromJson, toJson } from './json.ts'
import type { Query } from './open-store.ts'

/** A peer that this node has met, so that it finds back into the network without the bootstrap nodes. */
export type KnownPeer = {
  readonly id: string
  readonly addresses: readonly string[]
  /** Thousandths; below zero it has cheated or failed. */
  readonly score: number
  /** Unix seconds of this machine. */
  readonly seenAt: number
  readonly bannedUntil?: number
}

export const rememberPeer = async (q: Query, peer: KnownPeer): Promise<void> => {
  const values = {
    addresses_json: toJson(peer.addresses),
    score: peer.score,
    seen_at: peer.seenAt,
    banned_until: peer.bannedUntil ?? null,
  }
  await q
    .insertInto('peers')
    .values({ id: peer.id, ...values })
    .onConflict((c) => c.column('id').doUpdateSet(values))
    .execute()
}

/** The best first: by score, then by when they were last seen. */
export const knownPeers = async (q: Query, limit = 100): Promise<readonly KnownPeer[]> => {
  const rows = await q
    .selectFrom('peers')
    .selectAll()
    .orderBy('score', 'desc')
    .orderBy('seen_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute()
  return rows.map((row) => ({
    id: row.id,
    addresses: fromJson(row.addresses_json) as readonly string[],
    score: row.score,
    seenAt: row.seen_at,
    ...(row.banned_until === null ? {} : { bannedUntil: row.banned_until }),
  }))
}

/** Keeps the table small: forgets all but the best, except those whose ban still runs. */
export const forgetPeers = async (q: Query, keep: number, now: number): Promise<void> => {
  const kept = (await knownPeers(q, keep)).map(({ id }) => id)
  let gone = q
    .deleteFrom('peers')
    .where((e) => e.or([e('banned_until', 'is', null), e('banned_until', '<', now)]))
  if (kept.length > 0) gone = gone.where('id', 'not in', kept)
  await gone.execute()
}
