import { formatAmount } from './amount.ts'
import type { Bid } from './bid.ts'
import { seatWork } from './earnings.ts'
import { auditPay, escrowAtPosting, feeOn, settlementOf, slashOf, slashShare } from './escrow.ts'
import type { Source } from './history/chain-event.ts'
import type { AttemptView, Entry, History, JobView, Leader, SliceView } from './history/views.ts'
import type { AttemptFault } from './job.ts'
import type { Address } from './post.ts'
import { dayOf, NO_REPUTATION, recorded, scoreAt } from './reputation.ts'
import { mostScore, requiredStake, scoreOf } from './rule.ts'

/**
 * One line of an explanation: what happened, the arithmetic that leads to its amount, and the event on the chain that
 * says so. `differs` is what the arithmetic gives where that is not what the chain says.
 */
export type Line = {
  readonly what: string
  readonly amount?: bigint
  readonly how?: string
  readonly differs?: bigint
  readonly source: Source
}

/** Lines that are given at most; the latest ones where there are more. */
export const MAX_LINES = 10_000

const lock = (units: bigint): string => `${formatAmount(units)} LOCK`
const share = (of: number): string => `${of / 100}%`

const line = (
  source: Source,
  what: string,
  amount?: bigint,
  arithmetic?: { readonly how: string; readonly gives?: bigint },
): Line => ({
  what,
  source,
  ...(amount === undefined ? {} : { amount }),
  ...(arithmetic ? { how: arithmetic.how } : {}),
  ...(arithmetic?.gives !== undefined && arithmetic.gives !== amount ? { differs: arithmetic.gives } : {}),
})

/** Every payment, slash and lost bid of a job, in the order of the chain. */
export const explainJob = (history: History, number: number): Line[] => {
  const job = history.jobs.get(number)
  if (!job) return []
  const lines = [postedLine(job)]
  for (const slice of job.slices) {
    for (const attempt of slice.attempts) lines.push(...attemptLines(history, job, slice, attempt))
    if (slice.status === 'cancelled' && slice.ended)
      lines.push(line(slice.ended, `${nameOf(job, slice)} is cancelled: it costs nothing more`))
  }
  if (job.cancelled)
    lines.push(line(job.cancelled.source, `job ${number} is cancelled by ${job.cancelled.by}`))
  if (job.closed) {
    const spent = spentOf(job)
    const how = `escrow ${lock(job.escrow)} - ${lock(spent)} paid out of it`
    lines.push(
      line(
        job.closed.source,
        `job ${number} is closed and ${job.requester} gets back ${lock(job.closed.refund)}`,
        job.closed.refund,
        { how, gives: job.escrow - spent },
      ),
    )
  }
  return bounded(lines)
}

/** Everything that an account earned, lost or spent, and every slice that it led and lost to a better bid. */
export const explainAccount = (history: History, account: Address): Line[] => {
  const lines: Line[] = []
  const own = (one: Line, of: Address): void => {
    if (of === account) lines.push(one)
  }
  for (const job of history.jobs.values()) {
    own(postedLine(job), job.requester)
    for (const slice of job.slices) {
      for (const attempt of slice.attempts) {
        for (const [i, { account: loser }] of attempt.leaders.entries()) {
          const winner = attempt.leaders[i + 1]
          if (winner) own(lostLine(job, slice, attempt, attempt.leaders[i]!, winner), loser)
        }
        if (attempt.failed) own(failedLine(job, slice, attempt, attempt.failed), attempt.failed.account)
        if (attempt.settled) own(settledLine(job, slice, attempt, attempt.settled), attempt.settled.account)
        for (const paid of attempt.auditorsPaid)
          own(auditorLine(history, job, slice, attempt, paid), paid.account)
      }
    }
    if (job.closed && job.requester === account)
      lines.push(...explainJob(history, job.number).filter(({ source }) => source === job.closed?.source))
  }
  const entries = history.accounts.get(account)?.entries ?? []
  for (const entry of entries) {
    const text = OTHER[entry.kind]
    if (text) lines.push(line(entry.source, `${account} ${text(entry)}`, entry.amount))
  }
  return bounded(lines)
}

/** Entries that no slice's attempt tells of. */
const OTHER: { readonly [kind in Entry['kind']]?: (entry: Entry) => string } = {
  bounty: ({ amount, claim }) => `has the bounty of ${lock(amount)} for bringing down claim ${claim}`,
  'auditor-slashed': ({ amount, claim }) =>
    `loses ${lock(amount)} as a verifier${claim ? ` in the audit of ${claim}: silent, or right about a wrong segment` : ''}`,
}

/** Why a bid has not got a slice, by the posted rule. `discount`: the account's, of 10,000. */
export const explainBid = (history: History, bid: Bid, slice: number, discount: bigint): Line[] => {
  const job = history.jobs.get(bid.job)
  const view = job?.slices[slice]
  if (!job || !view) return []
  const own = scoreOf(bid.pricePerUnit, discount)
  const asked = `${lock(bid.pricePerUnit)} less ${share(Number(discount))} for its record counts as ${lock(own)}`
  return bounded(
    view.attempts.flatMap((attempt) => {
      const winner = attempt.leaders.at(-1)
      if (!winner || winner.key === bid.key) return []
      const where = `${nameOf(job, view)}, attempt ${attempt.number}`
      const source = winner.source
      if (bid.expiry <= source.time)
        return [line(source, `${where}: the bid was over at ${bid.expiry}, before ${source.time}`)]
      const most = mostScore(winner.score, BigInt(job.charges.minimumImprovement))
      const how = `needed: at most ${lock(winner.score)} x (10000 - ${job.charges.minimumImprovement}) / 10000 = ${lock(most)}`
      if (own > most) return [line(source, `${where}: ${asked}, and ${winner.account} led`, own, { how })]
      return [
        line(
          source,
          `${where}: ${asked}, which would have led, but nobody put it in by ${attempt.firm}`,
          own,
          { how },
        ),
      ]
    }),
  )
}

/** How an account's score came about. */
export const explainScore = (history: History, account: Address): Line[] => {
  let reputation = NO_REPUTATION
  const lines: Line[] = []
  for (const { outcome, fee, score, source } of history.accounts.get(account)?.outcomes ?? []) {
    const days = dayOf(source.time) - reputation.day
    const left = scoreAt(reputation, source.time)
    const since =
      reputation.score > 0n
        ? `${lock(reputation.score)} halved every 30 days, for ${days} days: ${lock(left)}`
        : 'nothing before'
    reputation = recorded(reputation, outcome, fee, source.time)
    const then =
      outcome === 'completed'
        ? `, and ${lock(fee)} of fees`
        : outcome === 'declined'
          ? ''
          : ', and all of it is lost'
    lines.push(
      line(source, `${account}: ${outcome}`, score, { how: `${since}${then}`, gives: reputation.score }),
    )
  }
  return bounded(lines)
}

const nameOf = (job: JobView, slice: SliceView): string => `job ${job.number}, slice ${slice.number}`

const postedLine = (job: JobView): Line => {
  const { post, charges, escrow } = job
  const work = post.slices.reduce((sum, slice) => sum + slice.work, 0n)
  const how = `(ceiling ${lock(post.ceiling)} + ${post.auditors} auditors x ${lock(post.auditPrice)}) x ${work} of work, and ${share(charges.feeShare)} fee, rounded up`
  return line(
    job.posted,
    `job ${job.number} is posted by ${job.requester}: ${lock(escrow)} in escrow`,
    escrow,
    {
      how,
      gives: escrowAtPosting(post, charges),
    },
  )
}

const attemptLines = (history: History, job: JobView, slice: SliceView, attempt: AttemptView): Line[] => {
  const { leaders, failed, settled, auditorsPaid } = attempt
  const where = `${nameOf(job, slice)}, attempt ${attempt.number}`
  const lines: Line[] = leaders.map((leader, i) => {
    const before = leaders[i - 1]
    if (before) return lostLine(job, slice, attempt, before, leader)
    const { post, charges } = job
    const how = `ceiling ${lock(post.ceiling)} x ${slice.slice.work} of work x 10000 / audit rate ${post.auditRate} + 2 x ${post.auditors} auditors x ${lock(post.auditPrice)} x ${slice.slice.work}; at least ${lock(charges.minimumStake)}`
    return line(
      leader.source,
      `${where}: ${leader.account} leads at ${lock(leader.pricePerUnit)} a unit and locks ${lock(leader.locked)}`,
      leader.locked,
      { how, gives: requiredStake(post, slice.slice, charges.minimumStake) },
    )
  })
  if (failed) lines.push(failedLine(job, slice, attempt, failed))
  if (settled) lines.push(settledLine(job, slice, attempt, settled), feeLine(job, slice, attempt, settled))
  for (const paid of auditorsPaid) lines.push(auditorLine(history, job, slice, attempt, paid))
  for (const { to, amount, dispute, source } of bountiesOf(history, attempt))
    lines.push(
      line(source, `${where}: ${to} has the bounty of ${lock(amount)} for dispute ${dispute}`, amount),
    )
  return lines
}

const bountiesOf = (history: History, { claimed }: AttemptView) =>
  (claimed && history.claims.get(claimed.claim)?.bounties) ?? []

const lostLine = (
  job: JobView,
  slice: SliceView,
  attempt: AttemptView,
  loser: Leader,
  winner: Leader,
): Line => {
  const { minimumImprovement } = job.charges
  const most = mostScore(loser.score, BigInt(minimumImprovement))
  return line(
    winner.source,
    `${nameOf(job, slice)}, attempt ${attempt.number}: ${loser.account} loses the lead to ${winner.account}, whose score is ${lock(winner.score)}`,
    winner.score,
    {
      how: `at most ${lock(loser.score)} x (10000 - ${minimumImprovement}) / 10000 = ${lock(most)} was needed`,
      ...(winner.score > most ? { gives: most } : {}),
    },
  )
}

const WHY: { readonly [fault in AttemptFault]: string } = {
  none: 'ends',
  declined: 'declines: the inputs were not to be had',
  noShow: 'sends no receipt in time',
  late: 'claims nothing in time',
  silent: 'does not open its tallies in time',
  fallen: 'has claimed what is false',
  unavailable: 'lets no auditor get what it needs',
}

const failedLine = (
  job: JobView,
  slice: SliceView,
  attempt: AttemptView,
  failed: NonNullable<AttemptView['failed']>,
): Line => {
  const { account, fault, slashed, bounty, audits, subsidy, source } = failed
  const { post, charges } = job
  const locked = attempt.leaders.at(-1)?.locked ?? 0n
  const { work } = slice.slice
  const before = asideBefore(slice, attempt)
  const firstPrice = firstPriceOf(slice)
  const expected = slashOf(
    { fault, locked, ceiling: post.ceiling, work, firstPrice, subsidy: before, audits },
    charges,
  )
  const parts = `: ${lock(bounty)} bounty, ${lock(audits)} to auditors, ${lock(subsidy)} for a dearer replacement, ${lock(expected.treasury)} to the treasury`
  const isShared = bounty === expected.bounty && subsidy === expected.subsidy
  return line(
    source,
    `${nameOf(job, slice)}, attempt ${attempt.number}: ${account} ${WHY[fault]} and loses ${lock(slashed)}`,
    slashed,
    {
      how: `${lock(locked)} locked x ${slashShare(fault, charges)} / 10000${slashed > 0n ? parts : ''}`,
      gives: isShared ? expected.slashed : expected.bounty + expected.audits + expected.subsidy,
    },
  )
}

/** What the slashes of earlier attempts have put aside for a slice. */
const asideBefore = (slice: SliceView, attempt: AttemptView): bigint =>
  slice.attempts
    .filter(({ number }) => number < attempt.number)
    .reduce((sum, { failed }) => sum + (failed?.subsidy ?? 0n), 0n)

/** Per unit, of the first attempt that began or was slashed: the requester pays no more. */
const firstPriceOf = (slice: SliceView): bigint =>
  slice.attempts
    .find(({ received, failed }) => received !== undefined || (failed?.slashed ?? 0n) > 0n)
    ?.leaders.at(-1)?.pricePerUnit ?? 0n

const settledLine = (
  job: JobView,
  slice: SliceView,
  attempt: AttemptView,
  { account, isVoid, paid, subsidised, source }: NonNullable<AttemptView['settled']>,
): Line => {
  const pricePerUnit = attempt.leaders.at(-1)?.pricePerUnit ?? 0n
  const firstPrice = firstPriceOf(slice)
  const { work } = slice.slice
  const aside = asideBefore(slice, attempt)
  const expected = settlementOf({ work, pricePerUnit, firstPrice, subsidy: aside, audits: [] }, job.charges)
  const subsidy =
    subsidised > 0n
      ? `; ${lock(subsidised)} of it out of slashes, which had put ${lock(aside)} aside: the first attempt had bid ${lock(firstPrice)}`
      : ''
  return line(
    source,
    `${nameOf(job, slice)}, attempt ${attempt.number}: ${account} is paid ${lock(paid)}${isVoid ? ", though the program is invalid: that is the requester's fault" : ''}`,
    paid,
    {
      how: `${lock(pricePerUnit)} x ${work} of work${subsidy}`,
      gives: subsidised === expected.subsidised ? expected.paid : expected.subsidised,
    },
  )
}

const feeLine = (
  job: JobView,
  slice: SliceView,
  attempt: AttemptView,
  { paid, subsidised, audits, fee, source }: NonNullable<AttemptView['settled']>,
): Line =>
  line(
    source,
    `${nameOf(job, slice)}, attempt ${attempt.number}: the protocol has a fee of ${lock(fee)}`,
    fee,
    {
      how: `${share(job.charges.feeShare)} of ${lock(paid - subsidised)} to the provider and ${lock(audits)} to auditors`,
      gives: feeOn(paid - subsidised + audits, job.charges),
    },
  )

const auditorLine = (
  history: History,
  job: JobView,
  slice: SliceView,
  attempt: AttemptView,
  { account, amount, source }: AttemptView['auditorsPaid'][number],
): Line => {
  const what = `${nameOf(job, slice)}, attempt ${attempt.number}: auditor ${account} is paid ${lock(amount)}`
  const audit = attempt.claimed && history.audits.get(attempt.claimed.claim)
  const seat = audit?.seats.find((one) => one.account === account)
  const work = audit && seat ? seatWork(history, audit, seat) : undefined
  if (!audit || !work) return line(source, what, amount)
  const full = auditPay(audit.fullPay, work.audited, work.steps)
  // Who matched a claim that fell gets no more than it can lose.
  const { auditorSlash } = job.charges
  const isCapped =
    attempt.failed?.fault === 'fallen' && seat?.revealed?.matched === true && full > auditorSlash
  return line(source, what, amount, {
    how: `${lock(audit.fullPay)} x ${work.audited} of ${work.steps} steps, in ${work.segments.length} segments${isCapped ? `; at most ${lock(auditorSlash)}, because the claim fell` : ''}`,
    gives: isCapped ? auditorSlash : full,
  })
}

/** What has left a job's escrow. */
const spentOf = (job: JobView): bigint =>
  job.slices
    .flatMap(({ attempts }) => attempts)
    .reduce(
      (sum, { settled }) =>
        settled ? sum + settled.paid - settled.subsidised + settled.audits + settled.fee : sum,
      0n,
    )

const bounded = (lines: readonly Line[]): Line[] =>
  [...lines]
    .sort((a, b) => a.source.block - b.source.block || a.source.logIndex - b.source.logIndex)
    .slice(-MAX_LINES)
