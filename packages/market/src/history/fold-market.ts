import { ATTEMPT_FAULT } from '../job.ts'
import { type Address, GIVEN } from '../post.ts'
import { type Arguments, type ChainEvent, readCharges, readPost, sourceOf } from './chain-event.ts'
import { accountOf, claimOf, type Fold } from './fold.ts'
import type { AttemptView, History, JobView, SliceView } from './views.ts'

/** What the market's events do. */
export const foldMarket: Fold = {
  JobPosted: (history, args, event) => {
    const job = args.number('job')
    const requester = args.hex('requester')
    const post = readPost(args.inner('post'))
    const escrow = args.amount('escrow')
    const posted = sourceOf(event)
    history.jobs.set(job, {
      number: job,
      requester,
      post,
      charges: readCharges(args.inner('charges')),
      escrow,
      posted,
      status: 'open',
      slices: post.slices.map((slice, number) => {
        const waits = slice.initialFrom !== GIVEN || slice.inputsFrom.length > 0
        const until = waits ? 0 : event.time + post.times.bidding
        return {
          number,
          slice,
          status: waits ? 'waiting' : 'bidding',
          since: event.time,
          until,
          attempts: [],
        }
      }),
    })
    accountOf(history, requester).entries.push({ kind: 'spent', amount: escrow, job, source: posted })
    return true
  },
  SliceOpened: (history, args, event) =>
    withSlice(history, args, (_, slice) => {
      slice.status = 'bidding'
      slice.since = event.time
      slice.until = args.number('until')
    }),
  SliceAssigned: (history, args, event) =>
    withSlice(history, args, (_, slice) => {
      const attempt = attemptOf(slice, args)
      attempt.leaders.push({
        account: args.hex('account'),
        key: args.hex('key'),
        pricePerUnit: args.amount('pricePerUnit'),
        score: args.amount('score'),
        time: args.number('time'),
        locked: args.amount('locked'),
        source: sourceOf(event),
      })
      attempt.firm = args.number('firm')
      attempt.until = args.number('until')
      slice.status = 'assigned'
      slice.since = event.time
      slice.until = attempt.until
    }),
  SliceReceived: (history, args, event) =>
    withSlice(history, args, (_, slice) => {
      const until = args.number('until')
      attemptOf(slice, args).received = { task: args.hex('task'), until, source: sourceOf(event) }
      slice.status = 'running'
      slice.since = event.time
      slice.until = until
    }),
  SliceClaimed: (history, args, event) =>
    withSlice(history, args, (job, slice) => {
      const attempt = attemptOf(slice, args)
      const claim = args.hex('claim')
      attempt.claimed = {
        claim,
        root: args.hex('root'),
        stateRoot: args.hex('stateRoot'),
        outputsRoot: args.hex('outputsRoot'),
        source: sourceOf(event),
      }
      const known = claimOf(history, claim)
      if (known) known.slice = { job: job.number, slice: slice.number, attempt: attempt.number }
      slice.status = 'claimed'
      slice.since = event.time
    }),
  AttemptFailed: (history, args, event) =>
    withSlice(history, args, (job, slice) => {
      const account = args.hex('account')
      const slashed = args.amount('slashed')
      const source = sourceOf(event)
      const attempt = attemptOf(slice, args)
      attempt.failed = {
        account,
        fault: args.choice('fault', ATTEMPT_FAULT),
        slashed,
        bounty: args.amount('bounty'),
        audits: args.amount('audits'),
        subsidy: args.amount('subsidy'),
        source,
      }
      // What comes next, another attempt or the end, is an event of its own.
      slice.status = 'bidding'
      slice.since = event.time
      if (slashed > 0n) {
        const entry = {
          kind: 'slashed',
          amount: slashed,
          job: job.number,
          slice: slice.number,
          source,
        } as const
        accountOf(history, account).entries.push(entry)
      }
    }),
  SliceSettled: (history, args, event) => withSlice(history, args, settle(history, args, event, false)),
  SliceVoided: (history, args, event) => withSlice(history, args, settle(history, args, event, true)),
  AuditorPaid: (history, args, event) =>
    withSlice(history, args, (job, slice) => {
      const account = args.hex('account')
      const amount = args.amount('amount')
      const source = sourceOf(event)
      attemptOf(slice, args).auditorsPaid.push({ account, amount, source })
      const entry = { kind: 'audited', amount, job: job.number, slice: slice.number, source } as const
      accountOf(history, account).entries.push(entry)
    }),
  SliceCancelled: (history, args, event) =>
    withSlice(history, args, (_, slice) => {
      slice.status = 'cancelled'
      slice.since = event.time
      slice.ended = sourceOf(event)
    }),
  JobCancelled: (history, args, event) => {
    const job = history.jobs.get(args.number('job'))
    if (!job) return false
    job.status = 'cancelled'
    job.cancelled = { by: args.hex('by'), source: sourceOf(event) }
    return true
  },
  JobClosed: (history, args, event) => {
    const job = history.jobs.get(args.number('job'))
    if (!job) return false
    const source = sourceOf(event)
    const refund = args.amount('refund')
    job.status = 'closed'
    job.closed = { refund, source }
    for (const slice of job.slices) {
      if (slice.ended) continue
      slice.status = 'cancelled'
      slice.since = event.time
      slice.ended = source
    }
    const entry = { kind: 'refunded', amount: refund, job: job.number, source } as const
    accountOf(history, job.requester).entries.push(entry)
    return true
  },
  BountyPaid: (history, args, event) => {
    const claim = claimOf(history, args.hex('claim'))
    if (!claim) return false
    const dispute = args.number('dispute')
    const to = args.hex('challenger')
    const amount = args.amount('amount')
    const source = sourceOf(event)
    claim.bounties.push({ dispute, to, amount, source })
    const about = claim.slice ? { job: claim.slice.job, slice: claim.slice.slice } : {}
    accountOf(history, to).entries.push({ kind: 'bounty', amount, ...about, claim: claim.claim, source })
    return true
  },
}

const withSlice = (
  history: History,
  args: Arguments,
  change: (job: JobView, slice: SliceView) => void,
): boolean => {
  const job = history.jobs.get(args.number('job'))
  const slice = job?.slices[args.number('slice')]
  if (!job || !slice) return false
  change(job, slice)
  return true
}

/** The attempt that an event is about, begun if it is new. */
const attemptOf = (slice: SliceView, args: Arguments): AttemptView => {
  const number = args.number('attempt')
  const known = slice.attempts.find((attempt) => attempt.number === number)
  if (known) return known
  const attempt: AttemptView = { number, leaders: [], firm: 0, until: 0, auditorsPaid: [] }
  slice.attempts.push(attempt)
  return attempt
}

const settle =
  (history: History, args: Arguments, event: ChainEvent, isVoid: boolean) =>
  (job: JobView, slice: SliceView): void => {
    const account: Address = args.hex('account')
    const paid = args.amount('paid')
    const source = sourceOf(event)
    attemptOf(slice, args).settled = {
      account,
      isVoid,
      paid,
      subsidised: args.amount('subsidised'),
      audits: args.amount('audits'),
      fee: args.amount('fee'),
      source,
    }
    slice.status = isVoid ? 'void' : 'settled'
    slice.since = event.time
    slice.ended = source
    const entry = { kind: 'provided', amount: paid, job: job.number, slice: slice.number, source } as const
    accountOf(history, account).entries.push(entry)
  }
