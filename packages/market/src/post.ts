import type { Hex, ProgramHeader } from '@lockstep/proof'

/** An account or a key: 20 bytes, in lower case wherever this package gives one out. */
export type Address = Hex

export const NO_ADDRESS: Address = `0x${'00'.repeat(20)}`

/** Instead of a slice's number: the initial item is given. */
export const GIVEN = 0xffff

/** What the contract takes at most. */
export const POST_LIMITS = { programs: 8, slices: 256, auditors: 8, attempts: 8, named: 64 } as const

/** One task of a job. Slices are numbered by their places; a slice waits for slices with smaller numbers only. */
export type Slice = {
  /** Its program's place in the post. */
  readonly program: number
  /** The slice whose final state it begins with, or GIVEN. */
  readonly initialFrom: number
  /** Slices of one group that is not 0 go to different accounts: replicas. */
  readonly group: number
  /** The slices whose final states are its inputs, in order; empty where the inputs' root is given. */
  readonly inputsFrom: readonly number[]
  readonly initialItem: Hex
  readonly inputsRoot: Hex
  readonly steps: number
  readonly segmentLength: number
  /** In units of 10^6 scalar instructions. */
  readonly work: bigint
  /** Seconds that a run may take. */
  readonly time: number
}

/** Seconds, but for the deadline. */
export type Times = {
  readonly bidding: number
  /** How long a better bid can replace the first one. */
  readonly inclusion: number
  /** From the assignment to the receipt of the inputs. */
  readonly receipt: number
  /** What auditors have to commit after the draw. */
  readonly audit: number
  /** Opening and revealing have this each. */
  readonly answer: number
  /** How long a claim can be challenged; the rest are its disputes' times. */
  readonly window: number
  readonly clock: number
  readonly segmentTime: number
  readonly stepTime: number
  readonly moveTime: number
  /** In the chain's seconds: after it no new attempt begins. */
  readonly deadline: number
}

/** A job as it is posted: nothing of it changes afterwards. Amounts are in units of the token, but for the bond. */
export type Post = {
  readonly programs: readonly ProgramHeader[]
  readonly slices: readonly Slice[]
  /** keccak256 of the canonical manifest's bytes. */
  readonly manifest: Hex
  /** The most that is paid for a unit of work. */
  readonly ceiling: bigint
  /** What each auditor is paid for a unit of work audited. */
  readonly auditPrice: bigint
  /** Native coin, of claimants and challengers. */
  readonly bond: bigint
  /** The part of a slice's segments that each auditor executes, of 10,000. */
  readonly auditRate: number
  readonly auditors: number
  readonly times: Times
  /** Empty: everyone who is not banned. */
  readonly allowed: readonly Address[]
  readonly banned: readonly Address[]
}

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
