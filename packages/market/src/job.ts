import type { Hex } from '@lockstep/proof'
import type { Address, Charges, Post } from './post.ts'

/** The names of the contract's values, in its order. */
export const JOB_STATUS = ['none', 'open', 'cancelled', 'closed'] as const
export type JobStatus = (typeof JOB_STATUS)[number]

export const SLICE_STATUS = [
  'none',
  'waiting',
  'bidding',
  'assigned',
  'running',
  'claimed',
  'settled',
  'cancelled',
  'void',
] as const
export type SliceStatus = (typeof SLICE_STATUS)[number]

/** Why an attempt ended without a settled slice. */
export const ATTEMPT_FAULT = [
  'none',
  'declined',
  'noShow',
  'late',
  'silent',
  'fallen',
  'unavailable',
] as const
export type AttemptFault = (typeof ATTEMPT_FAULT)[number]

export const AUDIT_STATUS = [
  'none',
  'drawing',
  'committing',
  'opening',
  'revealing',
  'done',
  'silent',
  'unavailable',
  'unaudited',
] as const
export type AuditStatus = (typeof AUDIT_STATUS)[number]

export const SEAT_STATUS = [
  'none',
  'drawn',
  'committed',
  'missing',
  'matched',
  'differed',
  'paid',
  'unpaid',
  'slashed',
  'suspect',
  'accused',
  'defending',
] as const
export type SeatStatus = (typeof SEAT_STATUS)[number]

/** A job as the contract holds it. */
export type Job = {
  readonly requester: Address
  readonly status: JobStatus
  readonly posted: number
  readonly slices: number
  /** The places of programs that proved to be invalid. */
  readonly invalid: readonly number[]
  readonly escrow: bigint
}

/** What was posted, without programs and slices; and the charges of that time. */
export type Spec = Omit<Post, 'programs' | 'slices'> & { readonly charges: Charges }

/** Where a slice stands, with its last attempt. Times are the chain's, in seconds. */
export type Progress = {
  readonly status: SliceStatus
  /** From 1; 0 before the first. */
  readonly attempt: number
  /** When the status began. */
  readonly since: number
  /** Bidding: when bids can lead. Assigned: for the receipt. Running: for the claim. */
  readonly until: number
  /** Assigned: when the inclusion window ends. */
  readonly firm: number
  readonly account: Address
  readonly key: Address
  readonly pricePerUnit: bigint
  readonly score: bigint
  /** Seconds that the provider has promised. */
  readonly time: number
  readonly locked: bigint
  /** Per unit, of the first attempt that was firm. */
  readonly firstPrice: bigint
  /** Out of slashes, for a dearer replacement. */
  readonly subsidy: bigint
  /** Zero before the receipt, the claim. */
  readonly task: Hex
  readonly claim: Hex
  readonly stateRoot: Hex
}
