import type { Duty, Place } from './duty.ts'
import type { LiveAudit, LiveBid, LiveJob, LiveMarket, LiveSlice, Self } from './live.ts'

/** How far the node's own work on an assigned slice has come. */
export type WorkStage =
  | 'fetched' // the inputs are here
  | 'missing' // the inputs were not to be had
  | 'done' // the run has ended: the claim can be made
  | 'impossible' // the run has ended without a result

/** What a provider knows that the chain does not. */
export type Works = {
  readonly stage: (place: Place) => WorkStage | undefined
  /** Whether the policy takes this job, and has room for one more slice of it. */
  readonly wants: (job: LiveJob) => boolean
  /** Runs that go beside each other. */
  readonly runs: number
  /** The newest bid of ours for a job that has not expired. */
  readonly ownBid: (job: number) => LiveBid | undefined
}

/** Seconds before a deadline from which on something is too late to be begun. */
export const MARGIN = 2
/** Seconds that a bidder waits for a better one to put itself in. */
export const PATIENCE = 3

/** What a provider has to do: each slice's line, from the bid to the settlement. */
export const provideDuties = (market: LiveMarket, self: Self, works: Works): Duty[] => {
  const duties: Duty[] = []
  const turns = receiptTurns(market, self, works)
  for (const job of market.jobs.values()) {
    if (wantsToBid(job, market.now, works)) duties.push({ do: 'bid', job: job.number })
    for (const slice of job.slices) duties.push(...sliceDuties(market, job, slice, self, works, turns))
  }
  for (const dispute of market.disputes) {
    const { outcome, over, claimant, defence } = dispute
    if (outcome === 'open' && !over && claimant === self.key && !defence)
      duties.push({ do: 'defend', dispute: dispute.number, claim: dispute.claim })
  }
  return duties
}

const wantsToBid = (job: LiveJob, now: number, works: Works): boolean =>
  job.known &&
  job.job.status === 'open' &&
  now < job.spec.times.deadline &&
  works.ownBid(job.number) === undefined &&
  job.slices.some(({ progress }) => progress.status === 'bidding' || progress.status === 'waiting') &&
  works.wants(job)

const isOf = ({ progress }: LiveSlice, self: Self): boolean =>
  progress.account === self.account && progress.key === self.key

/**
 * The slices whose turn it is to be received, the most pressing first. A run's clock begins with its receipt: whoever
 * signs for more than it can run beside each other is late with all of them, and a late run is slashed.
 */
const receiptTurns = ({ jobs, now }: LiveMarket, self: Self, works: Works): ReadonlySet<LiveSlice> => {
  let free = works.runs
  const ready: LiveSlice[] = []
  for (const job of jobs.values()) {
    for (const slice of job.slices) {
      const { status, attempt, firm } = slice.progress
      if ((status !== 'running' && status !== 'assigned') || !isOf(slice, self)) continue
      const stage = works.stage({ job: job.number, slice: slice.number, attempt })
      if (status === 'assigned' && stage === 'fetched' && now >= firm) ready.push(slice)
      if (status === 'running' && stage !== 'done' && stage !== 'impossible') free--
    }
  }
  ready.sort((a, b) => a.progress.until - b.progress.until)
  return new Set(ready.slice(0, Math.max(0, free)))
}

const sliceDuties = (
  market: LiveMarket,
  job: LiveJob,
  slice: LiveSlice,
  self: Self,
  works: Works,
  turns: ReadonlySet<LiveSlice>,
): Duty[] => {
  const { progress } = slice
  const at: Place = { job: job.number, slice: slice.number, attempt: progress.attempt }
  const mine = isOf(slice, self)
  switch (progress.status) {
    case 'bidding':
      return assignDuties(market.now, job, slice, self, works)
    case 'assigned':
      return [
        ...(mine ? [] : assignDuties(market.now, job, slice, self, works)),
        ...(mine ? receiptDuties(market.now, slice, at, works, turns) : []),
      ]
    case 'running':
      return mine ? runDuties(market.now, slice, at, works) : []
    case 'claimed':
      return mine ? openDuties(market.audits.get(progress.claim)) : []
    default:
      return []
  }
}

/** Puts a bid in: our own where it is the best, and another's where nobody else does. */
const assignDuties = (now: number, job: LiveJob, slice: LiveSlice, self: Self, works: Works): Duty[] => {
  const { progress } = slice
  if (job.job.status !== 'open' || now >= job.spec.times.deadline) return []
  const best = bestOf(job, slice, now)
  if (best === undefined) return []
  const own = best.bid.key === self.key && works.wants(job)
  if (best.bid.key === self.key && !own) return []
  if (progress.status === 'bidding') {
    const due = progress.until + (own ? 0 : PATIENCE)
    return now >= due ? [{ do: 'assign', job: job.number, slice: slice.number, bid: best }] : []
  }
  const better =
    best.score * 10_000n <= progress.score * (10_000n - BigInt(job.spec.charges.minimumImprovement))
  return own && better && now < progress.firm
    ? [{ do: 'assign', job: job.number, slice: slice.number, bid: best }]
    : []
}

/** The bid that should have the slice: the lowest score of those that could be put in. */
export const bestOf = (job: LiveJob, slice: LiveSlice, now: number): LiveBid | undefined => {
  const busy = new Map<string, number>()
  for (const { progress } of job.slices) {
    if (progress.status === 'assigned' || progress.status === 'running')
      busy.set(progress.key, (busy.get(progress.key) ?? 0) + 1)
  }
  const group = new Set(
    job.slices
      .filter(
        (other) => other !== slice && slice.slice.group !== 0 && other.slice.group === slice.slice.group,
      )
      .map(({ progress }) => progress.account),
  )
  let best: LiveBid | undefined
  for (const candidate of job.bids) {
    const { bid, score, staked } = candidate
    if (!staked || bid.expiry <= now + MARGIN || bid.time > slice.slice.time) continue
    if ((busy.get(bid.key) ?? 0) >= bid.slices || group.has(bid.account)) continue
    if (slice.tried.has(bid.account)) continue
    if (slice.progress.status === 'assigned' && bid.key === slice.progress.key) continue
    if (!best || score < best.score || (score === best.score && bid.time < best.bid.time)) best = candidate
  }
  return best
}

const receiptDuties = (
  now: number,
  slice: LiveSlice,
  at: Place,
  works: Works,
  turns: ReadonlySet<LiveSlice>,
): Duty[] => {
  const { firm, until } = slice.progress
  const stage = works.stage(at)
  const late = now >= until - MARGIN
  if (stage === undefined) return late ? decline(at) : [{ do: 'fetch', ...at }]
  if (now < firm) return []
  if (stage === 'missing') return decline(at)
  if (turns.has(slice) || stage !== 'fetched') return [{ do: 'receipt', ...at }]
  return late ? decline(at) : []
}
const decline = (at: Place): Duty[] => [{ do: 'decline', ...at }]

const runDuties = (now: number, { progress }: LiveSlice, at: Place, works: Works): Duty[] => {
  if (now >= progress.until) return []
  const stage = works.stage(at)
  if (stage === 'impossible') return []
  return [{ do: stage === 'done' ? 'claim' : 'run', ...at }]
}

const openDuties = (audit: LiveAudit | undefined): Duty[] =>
  audit?.status === 'opening' ? [{ do: 'open', claim: audit.claim }] : []
