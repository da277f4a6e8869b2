import type { Hex } from '@lockstep/proof'
import type { AttemptFault, AuditStatus, JobStatus, SeatStatus, SliceStatus } from '../job.ts'
import type { Address, Charges, Post, Slice } from '../post.ts'
import type { Reputation, ReputationOutcome } from '../reputation.ts'
import type { Source } from './chain-event.ts'

/** Something that happened, and where the chain says so. */
export type Sourced<T = unknown> = T & { readonly source: Source }

/** A bid that led a slice. */
export type Leader = Sourced<{
  readonly account: Address
  readonly key: Address
  readonly pricePerUnit: bigint
  readonly score: bigint
  readonly time: number
  readonly locked: bigint
}>

/** One provider's turn at a slice. What has not happened is absent. */
export type AttemptView = {
  readonly number: number
  /** Bids that led one after the other; the last one has the slice. */
  readonly leaders: Leader[]
  /** Until when a better bid could replace the last one, and the receipt had to come. */
  firm: number
  until: number
  received?: Sourced<{ readonly task: Hex; readonly until: number }>
  claimed?: Sourced<{
    readonly claim: Hex
    readonly root: Hex
    readonly stateRoot: Hex
    readonly outputsRoot: Hex
  }>
  failed?: Sourced<{
    readonly account: Address
    readonly fault: AttemptFault
    readonly slashed: bigint
    readonly bounty: bigint
    readonly audits: bigint
    readonly subsidy: bigint
  }>
  settled?: Sourced<{
    readonly account: Address
    /** Whether the program proved to be invalid: paid all the same. */
    readonly isVoid: boolean
    readonly paid: bigint
    readonly subsidised: bigint
    readonly audits: bigint
    readonly fee: bigint
  }>
  readonly auditorsPaid: Sourced<{ readonly account: Address; readonly amount: bigint }>[]
}

export type SliceView = {
  readonly number: number
  readonly slice: Slice
  status: SliceStatus
  /** Chain's seconds: since when it has this status, and of bidding, until when bids are gathered. */
  since: number
  until: number
  readonly attempts: AttemptView[]
  ended?: Source
}

export type JobView = {
  readonly number: number
  readonly requester: Address
  readonly post: Post
  readonly charges: Charges
  readonly escrow: bigint
  readonly posted: Source
  status: JobStatus
  readonly slices: readonly SliceView[]
  cancelled?: Sourced<{ readonly by: Address }>
  closed?: Sourced<{ readonly refund: bigint }>
}

export type SeatView = {
  readonly number: number
  readonly account: Address
  readonly drawn: Source
  status: SeatStatus
  committed?: Source
  revealed?: Sourced<{ readonly matched: boolean }>
  ended?: Sourced<{ readonly amount: bigint }>
}

export type AuditView = {
  readonly claim: Hex
  readonly job: number
  readonly slice: number
  /** The provider. */
  readonly account: Address
  readonly fullPay: bigint
  readonly begun: Source
  status: AuditStatus
  deadline: number
  random?: Hex
  readonly seats: SeatView[]
  /** The provider's tallies, one of every segment. */
  tallies?: Sourced<{ readonly tallies: readonly Hex[] }>
  over?: Source
}

export type DisputeView = {
  readonly number: number
  readonly claim: Hex
  readonly challenger: Address
  readonly opened: Source
  /** Absent where the whole history is disputed. */
  readonly segment?: number
  moves: number
  decided?: Sourced<{ readonly outcome: DisputeOutcome; readonly late: boolean }>
}

export type DisputeOutcome = 'none' | 'open' | 'claimant' | 'challenger' | 'void' | 'closed'
export type ClaimStatus = 'none' | 'standing' | 'final' | 'fallen' | 'void'

/** A claim in Disputes; also those that belong to no job. */
export type ClaimView = {
  readonly claim: Hex
  readonly claimant: Address
  readonly made: Source
  /** Chain's seconds: until when it can be challenged. */
  readonly until: number
  status: ClaimStatus
  /** Where it is a slice's. */
  slice?: { readonly job: number; readonly slice: number; readonly attempt: number }
  readonly disputes: number[]
  readonly bounties: Sourced<{ readonly dispute: number; readonly to: Address; readonly amount: bigint }>[]
}

/** What an account has with the vault, and what has happened to it. */
export type AccountView = {
  readonly account: Address
  credit: bigint
  stake: bigint
  locked: bigint
  unbonding: bigint
  /** What is locked now, by `office obligation`. */
  readonly obligations: Map<string, bigint>
  reputation: Reputation
  /** What made its reputation, and the score that the chain says it has after each. */
  readonly outcomes: Sourced<{
    readonly outcome: ReputationOutcome
    readonly fee: bigint
    readonly score: bigint
  }>[]
  readonly entries: Entry[]
}

/** A line of an account's ledger: what it earned, lost or spent, and what for. */
export type Entry = Sourced<{
  readonly kind: 'provided' | 'audited' | 'bounty' | 'slashed' | 'auditor-slashed' | 'spent' | 'refunded'
  readonly amount: bigint
  readonly job?: number
  readonly slice?: number
  claim?: Hex
}>

/** All that the events say. Made by `historyOf` and `follow` alone; everyone else reads. */
export type History = {
  readonly jobs: Map<number, JobView>
  readonly claims: Map<Hex, ClaimView>
  readonly audits: Map<Hex, AuditView>
  readonly disputes: Map<number, DisputeView>
  readonly accounts: Map<Address, AccountView>
  /** Tokens in escrow, by `office number`. */
  readonly escrows: Map<string, bigint>
  /** The last event that was read; events up to it are not read again. */
  last: Source | undefined
  /** How many were read. */
  events: number
  /** Events about what is not known: where the history did not begin at the beginning. */
  unknown: number
}
