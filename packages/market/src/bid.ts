import type { Hex } from '@lockstep/proof'
import type { Address } from './post.ts'

/** What a provider's key signs: the account takes slices of this job on these terms. */
export type Bid = {
  readonly job: number
  readonly account: Address
  readonly key: Address
  readonly pricePerUnit: bigint
  /** Seconds from the receipt in which a slice is promised: the provider is held to that. */
  readonly time: number
  /** The most slices of this job that the key works on at a time. */
  readonly slices: number
  /** The first second of the chain at which it is over. */
  readonly expiry: number
  readonly salt: bigint
}

/** What the same key signs when it holds the inputs of a task. */
export type Receipt = {
  readonly job: number
  readonly slice: number
  readonly attempt: number
  readonly task: Hex
}
