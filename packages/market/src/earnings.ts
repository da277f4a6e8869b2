import { segmentsOf, stepsOf } from './audit.ts'
import { auditPay } from './escrow.ts'
import type { AuditView, Entry, History, SeatView } from './history/views.ts'
import type { Address } from './post.ts'

/** What an account has made and stands to make, in units of the token. */
export type Earnings = {
  /** As a provider, as an auditor, and for claims that it brought down. */
  readonly provided: bigint
  readonly audited: bigint
  readonly bounties: bigint
  readonly slashed: bigint
  /** As a requester: taken into escrow, less what came back. */
  readonly spent: bigint
  /** What slices that it is assigned, runs or has claimed would pay, and audits that it has a seat in. */
  readonly expected: { readonly provided: bigint; readonly audited: bigint }
  /** Stake that is locked for slices and for its verifier's seat. */
  readonly atRisk: bigint
  /** All of its tokens that the vault has: free, staked and unbonding. */
  readonly held: bigint
}

export const earningsOf = (history: History, account: Address): Earnings => {
  const known = history.accounts.get(account)
  const sum = (...kinds: Entry['kind'][]): bigint =>
    (known?.entries ?? []).reduce(
      (total, { kind, amount }) => total + (kinds.includes(kind) ? amount : 0n),
      0n,
    )
  let provided = 0n
  for (const job of history.jobs.values()) {
    for (const { status, slice, attempts } of job.slices) {
      if (status !== 'assigned' && status !== 'running' && status !== 'claimed') continue
      const leader = attempts.at(-1)?.leaders.at(-1)
      if (leader?.account === account) provided += leader.pricePerUnit * slice.work
    }
  }
  let audited = 0n
  for (const audit of history.audits.values()) {
    for (const seat of audit.seats) if (seat.account === account) audited += expectedPay(history, audit, seat)
  }
  return {
    provided: sum('provided'),
    audited: sum('audited'),
    bounties: sum('bounty'),
    slashed: sum('slashed', 'auditor-slashed'),
    spent: sum('spent') - sum('refunded'),
    expected: { provided, audited },
    atRisk: known?.locked ?? 0n,
    held: known ? known.credit + known.stake + known.unbonding : 0n,
  }
}

/** The arithmetic of a seat's pay: which of the slice's steps it audits. Undefined before the draw. */
export const seatWork = (
  history: History,
  { claim, job, slice: number, random }: AuditView,
  seat: SeatView,
): { readonly segments: readonly number[]; readonly audited: number; readonly steps: number } | undefined => {
  const posted = history.jobs.get(job)
  const slice = posted?.slices[number]?.slice
  if (!posted || !slice || random === undefined) return undefined
  const segments = segmentsOf({ random, claim, auditRate: posted.post.auditRate }, slice, seat.number)
  return { segments, audited: stepsOf(slice, segments), steps: slice.steps }
}

const PENDING = ['drawn', 'committed', 'matched', 'differed']

const expectedPay = (history: History, audit: AuditView, seat: SeatView): bigint => {
  const work = PENDING.includes(seat.status) ? seatWork(history, audit, seat) : undefined
  return work ? auditPay(audit.fullPay, work.audited, work.steps) : 0n
}
