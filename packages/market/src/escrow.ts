import type { AttemptFault } from './job.ts'
import type { Charges, Post, Slice } from './post.ts'
import { WHOLE } from './rule.ts'

/** What a slice can cost at most: its provider and all its auditors, without the fee. */
export const sliceCost = (
  post: Pick<Post, 'ceiling' | 'auditPrice' | 'auditors'>,
  { work }: Pick<Slice, 'work'>,
): bigint => (post.ceiling + BigInt(post.auditors) * post.auditPrice) * work

/** What is taken into escrow when a job is posted: all slices at their dearest, and the fee on that, rounded up. */
export const escrowAtPosting = (
  post: Pick<Post, 'ceiling' | 'auditPrice' | 'auditors' | 'slices'>,
  charges: Pick<Charges, 'feeShare'>,
): bigint => {
  const cost = post.slices.reduce((sum, slice) => sum + sliceCost(post, slice), 0n)
  return cost + (cost * BigInt(charges.feeShare) + WHOLE - 1n) / WHOLE
}

/** What the fee is on an amount that leaves an escrow. */
export const feeOn = (amount: bigint, { feeShare }: Pick<Charges, 'feeShare'>): bigint =>
  (amount * BigInt(feeShare)) / WHOLE

export type Settlement = {
  /** To the provider, and how much of it comes out of slashes. */
  readonly paid: bigint
  readonly subsidised: bigint
  /** To all auditors together. */
  readonly audits: bigint
  readonly fee: bigint
}

export type SettlementTerms = {
  readonly work: bigint
  readonly pricePerUnit: bigint
  /** Per unit, of the first attempt that was firm: the requester pays no more. */
  readonly firstPrice: bigint
  readonly subsidy: bigint
  readonly audits: readonly bigint[]
}

/** What a settled slice pays. */
export const settlementOf = (
  { work, pricePerUnit, firstPrice, subsidy, audits }: SettlementTerms,
  charges: Pick<Charges, 'feeShare'>,
): Settlement => {
  const paid = pricePerUnit * work
  const dearer = paid - firstPrice * work
  const subsidised = dearer <= 0n ? 0n : dearer < subsidy ? dearer : subsidy
  const audited = audits.reduce((sum, amount) => sum + amount, 0n)
  return { paid, subsidised, audits: audited, fee: feeOn(paid - subsidised + audited, charges) }
}

export type SlashTerms = {
  readonly fault: AttemptFault
  readonly locked: bigint
  readonly ceiling: bigint
  readonly work: bigint
  /** Per unit, of the first attempt that was firm, this one included. */
  readonly firstPrice: bigint
  /** What earlier slashes have put aside for the slice. */
  readonly subsidy: bigint
  /** What the attempt's auditors are paid, all together. */
  readonly audits: bigint
}

/** Where a slashed stake goes: nobody else's is touched. */
export type Slash = {
  readonly slashed: bigint
  /** To whoever brought the claim down: strictly less than what is slashed. */
  readonly bounty: bigint
  readonly audits: bigint
  /** Put aside for a dearer replacement, up to what the ceiling allows it to cost more. */
  readonly subsidy: bigint
  readonly treasury: bigint
}

/** The part of the locked stake that a fault costs, of 10,000. */
export const slashShare = (
  fault: AttemptFault,
  { noShowShare, lateShare }: Pick<Charges, 'noShowShare' | 'lateShare'>,
): number => {
  if (fault === 'noShow') return noShowShare
  if (fault === 'late') return lateShare
  return fault === 'silent' || fault === 'fallen' ? 10_000 : 0
}

/** What an attempt that ends without a result costs its provider. */
export const slashOf = (
  { fault, locked, ceiling, work, firstPrice, subsidy, audits }: SlashTerms,
  charges: Pick<Charges, 'noShowShare' | 'lateShare' | 'bountyShare'>,
): Slash => {
  const slashed = (locked * BigInt(slashShare(fault, charges))) / WHOLE
  const isFull = slashed !== 0n && slashed === locked
  const bounty = isFull ? (slashed * BigInt(charges.bountyShare)) / WHOLE : 0n
  const rest = slashed - bounty - audits
  const dearer = (ceiling - firstPrice) * work - subsidy
  const aside = rest <= 0n || dearer <= 0n ? 0n : dearer < rest ? dearer : rest
  return { slashed, bounty, audits, subsidy: aside, treasury: rest - aside }
}

/** What an auditor is paid that executed so many of a slice's steps. `fullPay`: for all of them. */
export const auditPay = (fullPay: bigint, audited: number, steps: number): bigint =>
  (fullPay * BigInt(audited)) / BigInt(steps)
