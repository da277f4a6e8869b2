import type { Bid } from '@lockstep/market'
import type { Address, Hex } from 'viem'
import type { Query } from './open-store.ts'

/** A bid that this node has signed: it is bound by it until it expires, whatever happens to the node. */
export type SignedBid = { readonly digest: Hex; readonly bid: Bid; readonly signature: Hex }

/** To be stored before the bid leaves the node. Storing the same one again changes nothing. */
export const recordBid = async (q: Query, { digest, bid, signature }: SignedBid): Promise<void> => {
  await q
    .insertInto('bids')
    .values({
      digest,
      job: bid.job,
      account: bid.account,
      key: bid.key,
      price_per_unit: bid.pricePerUnit.toString(),
      time: bid.time,
      slices: bid.slices,
      expiry: bid.expiry,
      salt: bid.salt.toString(),
      signature,
    })
    .onConflict((c) => c.column('digest').doNothing())
    .execute()
}

/** The bids that still bind at this time of the chain, for one job or all. */
export const standingBids = async (
  q: Query,
  now: number,
  { job, limit = 1_000 }: { readonly job?: number; readonly limit?: number } = {},
): Promise<readonly SignedBid[]> => {
  let asked = q.selectFrom('bids').selectAll().where('expiry', '>=', now)
  if (job !== undefined) asked = asked.where('job', '=', job)
  const rows = await asked.orderBy('job').orderBy('digest').limit(limit).execute()
  return rows.map((row) => ({
    digest: row.digest as Hex,
    signature: row.signature as Hex,
    bid: {
      job: row.job,
      account: row.account as Address,
      key: row.key as Address,
      pricePerUnit: BigInt(row.price_per_unit),
      time: row.time,
      slices: row.slices,
      expiry: row.expiry,
      salt: BigInt(row.salt),
    },
  }))
}

export const forgetBids = async (q: Query, expiredBefore: number): Promise<void> => {
  await q.deleteFrom('bids').where('expiry', '<', expiredBefore).execute()
}
