import type { Duty } from './duty.ts'
import type { LiveAudit, LiveClaim, LiveJob, LiveMarket, LiveSeat, LiveSlice, Self } from './live.ts'
import { PATIENCE } from './provide.ts'

/**
 * What time has brought, and anyone may do: without it nothing would move on where somebody has gone. Whom it serves
 * does it at once; others a little later, each at a moment of its own, so that not all pay for the same call.
 */
export const keepDuties = (market: LiveMarket, self: Self): Duty[] => {
  const duties: Duty[] = []
  const { now } = market
  for (const job of market.jobs.values()) {
    const owner = job.job.requester === self.account
    for (const slice of job.slices) {
      const due = advanceDue(market, job, slice)
      const own = owner || slice.progress.account === self.account
      if (due !== undefined && now >= due + (own ? 0 : delayOf(self, slice.number)))
        duties.push({ do: 'advance', job: job.number, slice: slice.number })
    }
    const due = closeDue(job, now)
    if (due !== undefined && now >= due + (owner ? 0 : delayOf(self, job.number)))
      duties.push({ do: 'close', job: job.number })
  }
  for (const audit of market.audits.values()) duties.push(...auditDuties(market, audit, self))
  for (const { number, outcome, over, deadline } of market.disputes) {
    if (outcome === 'open' && !over && now > deadline + delayOf(self, number))
      duties.push({ do: 'timeout', dispute: number })
  }
  const { waiting, due } = market.weights
  // One after another: who is enrolled and does not count yet waits for it.
  if (waiting > 0 && now >= due + delayOf(self, due) - PATIENCE) duties.push({ do: 'applyWeights', due })
  return duties
}

const ENDED = new Set(['settled', 'cancelled', 'void'])

/** Since when `advance` has something to do with a slice; undefined where it has not. */
const advanceDue = (
  market: LiveMarket,
  job: LiveJob,
  { slice, progress, claim }: LiveSlice,
): number | undefined => {
  const { now } = market
  const { deadline } = job.spec.times
  switch (progress.status) {
    case 'waiting': {
      const before = [slice.initialFrom, ...slice.inputsFrom].flatMap((n) => job.slices[n] ?? [])
      const lost = before.some(({ progress: p }) => p.status === 'cancelled' || p.status === 'void')
      const ready = before.every(({ progress: p }) => p.status === 'settled')
      return lost || ready || job.job.status !== 'open' || now > deadline
        ? Math.max(progress.since, ...before.map(({ progress: p }) => p.since))
        : undefined
    }
    case 'bidding':
      return job.job.status !== 'open' ? progress.since : now > deadline ? deadline : undefined
    case 'assigned':
    case 'running':
      return now > progress.until ? progress.until : undefined
    case 'claimed':
      return settleDue(claim, market.audits.get(progress.claim))
    default:
      return undefined
  }
}

/** Audits after which nothing else decides about a claim but its window, and those that end it themselves. */
const WINDOW_DECIDES = new Set(['done', 'unaudited'])
const AUDIT_DECIDES = new Set(['silent', 'unavailable'])

const settleDue = (claim: LiveClaim | undefined, audit: LiveAudit | undefined): number | undefined => {
  if (claim === undefined || audit === undefined) return undefined
  if (AUDIT_DECIDES.has(audit.status)) return 0
  if (claim.status === 'fallen' || claim.status === 'void') return 0
  if (!WINDOW_DECIDES.has(audit.status)) return undefined
  if (claim.status === 'final') return 0
  return claim.open === 0 ? claim.until : undefined
}

/** A job that can be closed: every slice has ended, or can begin no attempt any more. */
const closeDue = ({ job, spec, slices }: LiveJob, now: number): number | undefined => {
  const over = job.status === 'cancelled' || now > spec.times.deadline
  const ended = slices.every(
    ({ progress: { status } }) =>
      ENDED.has(status) || (over && (status === 'waiting' || status === 'bidding')),
  )
  if (!ended) return undefined
  return Math.max(0, ...slices.map(({ progress }) => progress.since))
}

const auditDuties = (market: LiveMarket, audit: LiveAudit, self: Self): Duty[] => {
  const { now } = market
  const { claim, status, deadline } = audit
  const delay = audit.account === self.account ? 0 : delayOf(self, deadline)
  if (audit.ended) {
    return audit.seats.flatMap((seat, number): Duty[] => {
      const due = seatDue(seat)
      const own = seat.account === self.account && seat.status !== 'accused'
      return due !== undefined && now > due + (own ? 0 : delayOf(self, due))
        ? [{ do: 'finishSeat', claim, seat: number }]
        : []
    })
  }
  if (status === 'drawing') {
    const round = market.rounds.find(({ number }) => number === audit.round)
    const due = round?.end ?? deadline
    return now >= due + delay ? [{ do: 'draw', claim }] : []
  }
  const byTime = status === 'committing' || status === 'opening' || status === 'revealing'
  return byTime && now > deadline + delay ? [{ do: 'finish', claim }] : []
}

/** Since when a seat can be ended: nobody has accused it in time, it has not defended itself, or its defence is over. */
const seatDue = ({ status, deadline, defence }: LiveSeat): number | undefined => {
  if (status === 'suspect' || status === 'accused') return deadline
  if (status !== 'defending' || defence === undefined) return undefined
  if (defence.status !== 'standing') return 0
  return defence.open === 0 ? defence.until : undefined
}

/** Up to twice the patience, different for each node and thing, the same each time it is asked. */
export const delayOf = ({ key }: Self, what: number): number =>
  PATIENCE + ((Number.parseInt(key.slice(-6), 16) + 31 * what) % (PATIENCE + 1))
