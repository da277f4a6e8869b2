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

/** What an auditor is paid that executed so many of a slice's steps. `fullPay`: for all of them. */
export const auditPay = (fullPay: bigint, audited: number, steps: number): bigint =>
  (fullPay * BigInt(audited)) / BigInt(steps)
