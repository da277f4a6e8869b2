import type { Bid } from '@lockstep/market'
import type { ProtocolDefinition, TopicDefinition } from '@lockstep/network'
import { z } from 'zod'
import { address, jobNumber, signature, whole } from './fields.ts'

/** Bids that are kept and handed on for a job. */
export const MAX_BIDS = 256

/** A bid and its key's signature: enough for anyone to put it in. Amounts are decimal texts. */
export const signedBid = z.strictObject({
  bid: z.strictObject({
    job: jobNumber,
    account: address,
    key: address,
    pricePerUnit: whole(96),
    time: z
      .int()
      .min(1)
      .max(2 ** 32 - 1),
    slices: z.int().min(1).max(65_535),
    expiry: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
    salt: whole(256),
  }),
  signature,
})
export type SignedBidText = z.output<typeof signedBid>

export type SignedBid = { readonly bid: Bid; readonly signature: SignedBidText['signature'] }

export const toBidText = ({ bid, signature }: SignedBid): SignedBidText => ({
  bid: { ...bid, pricePerUnit: `${bid.pricePerUnit}`, salt: `${bid.salt}` },
  signature,
})

export const fromBidText = ({ bid, signature }: SignedBidText): SignedBid => ({
  bid: { ...bid, pricePerUnit: BigInt(bid.pricePerUnit), salt: BigInt(bid.salt) },
  signature,
})

export const bidsTopic: TopicDefinition<SignedBidText> = {
  name: 'bids',
  version: 1,
  schema: signedBid,
  maxBytes: 4096,
  authorRate: { perSecond: 20, burst: 200 },
}

/** For who has missed them: the bids for a job that have not expired. */
export const bidsProtocol: ProtocolDefinition<{ job: number }, { bids: SignedBidText[] }> = {
  name: 'bids',
  version: 1,
  request: z.strictObject({ job: jobNumber }),
  response: z.strictObject({ bids: z.array(signedBid).max(MAX_BIDS) }),
  maxRequestBytes: 128,
  maxResponseBytes: 4096 * MAX_BIDS,
  timeoutMs: 10_000,
  rate: { perSecond: 20, burst: 100 },
  concurrency: 32,
}
