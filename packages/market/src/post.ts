import type { Hex, ProgramHeader } from '@lockstep/proof'

/** An account or a key: 20 bytes, in lower case wherever this package gives one out. */
export type Address = Hex

export const NO_ADDRESS: Address = `0x${'00'.repeat(20)}`

/** Instead of a slice's number: the initial item is given. */
export const GIVEN = 0xffff

/** What the contract takes at most. */
export const POST_LIMITS = {
  programs: 8,
  slices: 256,
  /** Slices whose states one slice reads. */
  read: 64,
  /** Of one slice: an audit goes through all of them in one transaction. */
  segments: 256,
  auditors: 8,
  attempts: 8,
  /** Allowed accounts, and banned ones. */
  named: 64,
} as const

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
  /** Zero where a slice says it, like the inputs' root. */
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
  /** How long bids are gathered before one can lead. */
  readonly bidding: number
  /** How long a better bid can replace the leading one. */
  readonly inclusion: number
  /** From the end of the inclusion window to the receipt of the inputs. */
  readonly receipt: number
  /** What auditors have from the draw to their commit. */
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

/** What the protocol takes and slashes; frozen for a job when it is posted. Shares are of 10,000. */
export type Charges = {
  /** Of all that is paid out of an escrow, on top of it. */
  readonly feeShare: number
  /** By how much a better bid has to be better. */
  readonly minimumImprovement: number
  /** Of the locked stake, where no receipt comes. */
  readonly noShowShare: number
  /** Of it, where no claim comes. */
  readonly lateShare: number
  /** Of a full slash, to the challenger. */
  readonly bountyShare: number
  /** The least that is locked for a slice. */
  readonly minimumStake: bigint
  /** What a silent or lying auditor loses. */
  readonly auditorSlash: bigint
}
