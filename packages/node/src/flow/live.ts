import type { SignedBid } from '@lockstep/client'
import type { Address, AuditStatus, Job, Progress, SeatStatus, Slice, Spec } from '@lockstep/market'
import type { Hex } from '@lockstep/proof'

/**
 * The market as a node sees it: what is under way, read from the chain. A role looks at all of it and says what is due
 * (duty.ts); it remembers nothing that the chain or the store does not, so a node that was killed goes on where it was.
 */
export type LiveMarket = {
  /** The time of the chain's next block, in its seconds. */
  readonly now: number
  readonly jobs: ReadonlyMap<number, LiveJob>
  /** Audits of claims whose slices have not ended, and of fallen claims with seats that have not. By claim. */
  readonly audits: ReadonlyMap<Hex, LiveAudit>
  /** Disputes about claims of the market, and about defences of its seats, that are open or still lead to something. */
  readonly disputes: readonly LiveDispute[]
  /** Rounds of the draw that were asked for and have not ended. */
  readonly rounds: readonly LiveRound[]
  /** Changes of verifiers' weights that wait to be applied, and when the first of them can be. */
  readonly weights: { readonly waiting: number; readonly due: number }
}

export type LiveJob = {
  readonly number: number
  readonly job: Job
  readonly spec: Spec
  readonly slices: readonly LiveSlice[]
  /** Bids that were heard and are good, whoever made them. */
  readonly bids: readonly LiveBid[]
  /** Whether the manifest has been seen: without it the blobs' names are unknown. */
  readonly known: boolean
}

export type LiveSlice = {
  readonly number: number
  readonly slice: Slice
  readonly progress: Progress
  /** What an assignment locks. */
  readonly stake: bigint
  /** Accounts that have failed or declined it: the market takes no bid of theirs for it any more. */
  readonly tried: ReadonlySet<Address>
  /** Claimed: how the claim stands in Disputes. */
  readonly claim: LiveClaim | undefined
}

export type LiveClaim = {
  readonly status: 'standing' | 'final' | 'fallen' | 'void'
  /** When its window ends. */
  readonly until: number
  /** Disputes about it that have not ended. */
  readonly open: number
}

/** A bid with what it counts as now. */
export type LiveBid = SignedBid & {
  readonly score: bigint
  /** Whether its account could lock the stake of one more slice. */
  readonly staked: boolean
}

export type LiveAudit = {
  readonly claim: Hex
  readonly job: number
  readonly slice: number
  readonly status: AuditStatus
  /** The market has settled it. */
  readonly ended: boolean
  /** The provider's account. */
  readonly account: Address
  readonly auditRate: number
  readonly deadline: number
  readonly round: number
  readonly random: Hex
  /** Of the claim. */
  readonly segments: number
  readonly seats: readonly LiveSeat[]
}

export type LiveSeat = {
  readonly account: Address
  readonly status: SeatStatus
  readonly deadline: number
  /** Accused: the segment to defend. */
  readonly segment: number
  /** Defending: its claim of that segment alone. */
  readonly defence?: LiveDefence | undefined
}

export type LiveDefence = LiveClaim & { readonly id: Hex }

/** A seat of the audit of a claim. */
export type SeatPlace = { readonly claim: Hex; readonly seat: number }

export type LiveDispute = {
  readonly number: number
  readonly claim: Hex
  /** Who made the claim, and who attacks it: keys, not accounts. */
  readonly claimant: Address
  readonly challenger: Address
  readonly outcome: 'open' | 'claimant' | 'challenger' | 'void'
  /** Of the side whose turn it is. */
  readonly deadline: number
  /** The segment that it has come to. */
  readonly segment: number
  /** The referee has found the claimant wrong: who is only late loses too, which says nothing about the segment. */
  readonly judged: boolean
  /** Open about a claim that another dispute has ended: nobody can move in it, and its challenger's bond waits in it. */
  readonly over: boolean
  /** It has won a bounty that was not paid. */
  readonly owed: boolean
  /** Where it is about a defence: whose. */
  readonly defence?: SeatPlace | undefined
}

export type LiveRound = {
  readonly number: number
  readonly begin: number
  /** Reveals begin. */
  readonly middle: number
  readonly end: number
}

/** Who acts: the account, and the node's key that signs for it. */
export type Self = { readonly account: Address; readonly key: Address }
