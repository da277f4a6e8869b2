import { AUDIT_STATUS, SEAT_STATUS } from '../job.ts'
import { type Arguments, sourceOf } from './chain-event.ts'
import { accountOf, type Fold } from './fold.ts'
import type { AuditView, History, SeatView } from './views.ts'

/** What the audits' events do. */
export const foldAudits: Fold = {
  AuditBegun: (history, args, event) => {
    const claim = args.hex('claim')
    const terms = args.inner('terms')
    history.audits.set(claim, {
      claim,
      job: args.number('job'),
      slice: args.number('slice'),
      account: terms.hex('account'),
      fullPay: terms.amount('fullPay'),
      begun: sourceOf(event),
      status: 'drawing',
      deadline: args.number('deadline'),
      seats: [],
    })
    return true
  },
  RoundAsked: (history, args) =>
    withAudit(history, args, (audit) => {
      audit.deadline = args.number('deadline')
    }),
  SeatDrawn: (history, args, event) =>
    withAudit(history, args, (audit) => {
      const number = args.number('seat')
      if (audit.seats.some((seat) => seat.number === number)) return
      audit.seats.push({ number, account: args.hex('account'), drawn: sourceOf(event), status: 'drawn' })
    }),
  AuditDrawn: (history, args) =>
    withAudit(history, args, (audit) => {
      audit.status = 'committing'
      audit.random = args.hex('random')
      audit.deadline = args.number('deadline')
    }),
  SeatCommitted: (history, args, event) =>
    withSeat(history, args, (seat) => {
      seat.status = 'committed'
      seat.committed = sourceOf(event)
    }),
  SeatMissing: (history, args) =>
    withSeat(history, args, (seat) => {
      seat.status = 'missing'
    }),
  OpeningDue: (history, args) =>
    withAudit(history, args, (audit) => {
      audit.status = 'opening'
      audit.deadline = args.number('deadline')
    }),
  TalliesOpened: (history, args, event) =>
    withAudit(history, args, (audit) => {
      audit.status = 'revealing'
      audit.deadline = args.number('deadline')
      audit.tallies = { tallies: args.hexes('tallies'), source: sourceOf(event) }
    }),
  SeatRevealed: (history, args, event) =>
    withSeat(history, args, (seat) => {
      const matched = args.flag('matched')
      seat.status = matched ? 'matched' : 'differed'
      seat.revealed = { matched, source: sourceOf(event) }
    }),
  AuditOver: (history, args, event) =>
    withAudit(history, args, (audit) => {
      audit.status = args.choice('status', AUDIT_STATUS)
      audit.over = sourceOf(event)
    }),
  SeatEnded: (history, args, event) =>
    withSeat(history, args, (seat, audit) => {
      seat.status = args.choice('status', SEAT_STATUS)
      const source = sourceOf(event)
      seat.ended = { amount: args.amount('amount'), source }
      if (seat.status !== 'slashed') return
      // The slash itself is an event of Verifiers in the same transaction, which does not know what for.
      for (const entry of accountOf(history, seat.account).entries) {
        const isSame = entry.source.transactionHash === source.transactionHash
        if (entry.kind === 'auditor-slashed' && isSame) entry.claim ??= audit.claim
      }
    }),
  SeatSuspected: (history, args) =>
    withSeat(history, args, (seat) => {
      seat.status = 'suspect'
    }),
  SeatAccused: (history, args) =>
    withSeat(history, args, (seat) => {
      seat.status = 'accused'
    }),
  SeatDefended: (history, args) =>
    withSeat(history, args, (seat) => {
      seat.status = 'defending'
    }),
}

const withAudit = (history: History, args: Arguments, change: (audit: AuditView) => void): boolean => {
  const audit = history.audits.get(args.hex('claim'))
  if (audit) change(audit)
  return audit !== undefined
}

const withSeat = (
  history: History,
  args: Arguments,
  change: (seat: SeatView, audit: AuditView) => void,
): boolean => {
  const audit = history.audits.get(args.hex('claim'))
  const number = args.number('seat')
  const seat = audit?.seats.find((one) => one.number === number)
  if (audit && seat) change(seat, audit)
  return seat !== undefined
}
