import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import type { Bid } from './bid.ts'
import type { Address, Post, Slice } from './post.ts'

/** Shares are of 10,000. */
export const WHOLE = 10_000n

/** What a bid counts as when bids are compared: the lowest wins. `discount` is its account's, of 10,000. */
export const scoreOf = (pricePerUnit: bigint, discount: bigint): bigint =>
  (pricePerUnit * (WHOLE - discount)) / WHOLE

/** Whether a bid's score is low enough to replace the leader's within the inclusion window. */
export const mayReplace = (score: bigint, leader: bigint, minImprovement: bigint): boolean =>
  score < leader && score <= mostScore(leader, minImprovement)

/** The score that would have to be met: whatever is at most this may replace a leader. */
export const mostScore = (leader: bigint, minImprovement: bigint): bigint =>
  (leader * (WHOLE - minImprovement)) / WHOLE

/**
 * Stake that an assignment locks: what a liar could gain, over the probability that one auditor finds it; and twice what
 * the auditors get, so that a slash pays them.
 */
export const requiredStake = (
  post: Pick<Post, 'ceiling' | 'auditRate' | 'auditPrice' | 'auditors'>,
  { work }: Pick<Slice, 'work'>,
  minimumStake: bigint,
): bigint => {
  const gain = (post.ceiling * work * WHOLE) / BigInt(post.auditRate)
  const stake = gain + 2n * BigInt(post.auditors) * post.auditPrice * work
  return stake > minimumStake ? stake : minimumStake
}

/** A bid with what the chain says of its account. */
export type Bidder = {
  readonly bid: Bid
  readonly discount: bigint
  readonly freeStake: bigint
  /** Slices of the job that its key works on now. */
  readonly working: number
}

/** What a bid is measured by, beside the post. */
export type BidContext = {
  readonly job: number
  readonly slice: number
  /** The chain's seconds. */
  readonly now: number
  readonly minimumStake: bigint
  /** Accounts that have another slice of the same group. */
  readonly inGroup: readonly Address[]
  /** Accounts that have failed or declined this slice before. */
  readonly tried: readonly Address[]
}

/** Why the contract would not take a bid, if it would not. */
export const checkBid = (post: Post, bidder: Bidder, context: BidContext): Result<void> => {
  const { bid, freeStake, working } = bidder
  const { job, now } = context
  const slice = post.slices[context.slice]
  const account = bid.account.toLowerCase()
  const isIn = (list: readonly Address[]): boolean => list.some((other) => other.toLowerCase() === account)
  const refuse = (
    code: string,
    field: string,
    value: bigint | number | string,
    limit: string,
  ): Result<void> => fail(bidFault(code, field, value, limit))
  if (slice === undefined)
    return refuse('bid-slice', 'slice', context.slice, `below ${post.slices.length}, the job's slices`)
  if (bid.job !== job) return refuse('bid-job', 'bid.job', bid.job, `${job}, the job that is bid for`)
  if (bid.expiry <= now) return refuse('bid-expired', 'bid.expiry', bid.expiry, `after the time, ${now}`)
  if (bid.pricePerUnit < 1n || bid.pricePerUnit > post.ceiling)
    return refuse('bid-price', 'bid.pricePerUnit', bid.pricePerUnit, `1 to the ceiling, ${post.ceiling}`)
  if (bid.time < 1 || bid.time > slice.time)
    return refuse('bid-time', 'bid.time', bid.time, `1 to the slice's ${slice.time} seconds`)
  if (post.slices.length > 1 && working >= bid.slices)
    return refuse('bid-used', 'slices', working + 1, `at most bid.slices, ${bid.slices}`)
  if (post.allowed.length > 0 && !isIn(post.allowed))
    return refuse('bid-account', 'bid.account', bid.account, 'an account that the job allows')
  if (isIn(post.banned))
    return refuse('bid-account', 'bid.account', bid.account, 'an account that the job does not ban')
  if (slice.group !== 0 && isIn(context.inGroup))
    return refuse('bid-group', 'bid.account', bid.account, 'without another slice of the same group')
  if (isIn(context.tried))
    return refuse('bid-tried', 'bid.account', bid.account, 'one that has not failed or declined this slice')
  const stake = requiredStake(post, slice, context.minimumStake)
  if (freeStake < stake) return refuse('bid-stake', 'free stake', freeStake, `at least ${stake}`)
  return ok(undefined)
}

const bidFault = (code: string, field: string, value: bigint | number | string, limit: string): Fault => ({
  code,
  field,
  value: String(value),
  limit,
  remedy: 'Sign another bid, or choose another slice.',
})

/**
 * The bid that should be put in: the lowest score of those that the contract would take; of equal scores the sooner
 * promised one, then the one that came first. Undefined where there is none.
 */
export const bestBid = <B extends Bidder>(
  post: Post,
  bidders: readonly B[],
  context: BidContext,
): B | undefined => {
  let best: { readonly bidder: B; readonly score: bigint } | undefined
  for (const bidder of bidders) {
    if (!checkBid(post, bidder, context).ok) continue
    const score = scoreOf(bidder.bid.pricePerUnit, bidder.discount)
    const sooner = best && score === best.score && bidder.bid.time < best.bidder.bid.time
    if (!best || score < best.score || sooner) best = { bidder, score }
  }
  return best?.bidder
}
