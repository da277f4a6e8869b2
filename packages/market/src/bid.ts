import type { Address } from './post.ts'

/** What a provider's key signs: the account takes slices of this job on these terms. */
export type Bid = {
  readonly job: number
  readonly account: Address
  readonly key: Address
  readonly pricePerUnit: bigint
  /** Seconds in which a slice is promised. */
  readonly time: number
  /** The most slices that it is good for. */
  readonly slices: number
  /** In the chain's seconds. */
  readonly expiry: number
  readonly salt: bigint
}
