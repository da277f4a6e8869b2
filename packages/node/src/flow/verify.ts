import type { Hex } from '@lockstep/proof'
import type { Duty } from './duty.ts'
import type { LiveAudit, LiveMarket, LiveSeat, Self } from './live.ts'
import { MARGIN } from './provide.ts'

/** What a verifier knows that the chain does not. */
export type Findings = {
  /** Audits that go beside each other. */
  readonly runs: number
  /** How an audit of ours ended: an answer, or that what it needs is not to be had. */
  readonly audit: (claim: Hex, seat: number) => 'answered' | 'missing' | undefined
  /** Whether a claim is known to be false: an execution of our own ended elsewhere. */
  readonly isFalse: (claim: Hex) => boolean
  /** How far we are in a round of the draw. */
  readonly round: (round: number) => 'committed' | 'revealed' | undefined
}

/** What an enrolled verifier has to do. */
export const verifyDuties = (market: LiveMarket, self: Self, findings: Findings): Duty[] => {
  const duties: Duty[] = []
  const { now } = market
  for (const round of market.rounds) {
    const stage = findings.round(round.number)
    if (stage === undefined && now >= round.begin && now < round.middle)
      duties.push({ do: 'drawCommit', round: round.number })
    if (stage === 'committed' && now >= round.middle && now < round.end)
      duties.push({ do: 'drawReveal', round: round.number })
  }
  // Executed again a few at a time, the most pressing first: all at once, none would be done in time.
  const executions: { readonly duty: Duty; readonly deadline: number }[] = []
  for (const audit of market.audits.values()) {
    for (const [number, seat] of audit.seats.entries()) {
      if (seat.account !== self.account) continue
      for (const duty of seatDuties(now, audit, number, seat, findings)) {
        if (duty.do === 'audit') executions.push({ duty, deadline: audit.deadline })
        else duties.push(duty)
      }
    }
  }
  executions.sort((a, b) => a.deadline - b.deadline)
  duties.push(...executions.slice(0, findings.runs).map(({ duty }) => duty))
  duties.push(...disputeDuties(market, self, findings))
  return duties
}

const seatDuties = (
  now: number,
  audit: LiveAudit,
  number: number,
  seat: LiveSeat,
  findings: Findings,
): Duty[] => {
  const at = { claim: audit.claim, seat: number }
  if (seat.status === 'accused') return [{ do: 'defendSeat', ...at, segment: seat.segment }]
  if (audit.status === 'committing' && seat.status === 'drawn' && now < audit.deadline) {
    const found = findings.audit(audit.claim, number)
    if (found === 'answered') return [{ do: 'commit', ...at }]
    if (found === 'missing' || now >= audit.deadline - MARGIN) return [{ do: 'miss', ...at }]
    return [{ do: 'audit', ...at }]
  }
  if (audit.status === 'revealing' && seat.status === 'committed' && now < audit.deadline)
    return [{ do: 'reveal', ...at }]
  return []
}

/** A claim that is known to be false is challenged once; what was begun is played to its end. */
const disputeDuties = (market: LiveMarket, self: Self, findings: Findings): Duty[] => {
  const duties: Duty[] = []
  const attacked = new Set<Hex>()
  for (const { number, claim, challenger, outcome } of market.disputes) {
    if (challenger !== self.key) continue
    attacked.add(claim)
    if (outcome === 'open') duties.push({ do: 'attack', dispute: number, claim })
    if (outcome === 'challenger') duties.push({ do: 'bounty', dispute: number, claim })
  }
  for (const { slices } of market.jobs.values()) {
    for (const { progress, claim: standing } of slices) {
      const { claim, status } = progress
      if (status !== 'claimed' || standing?.status !== 'standing') continue
      if (market.now >= standing.until || attacked.has(claim) || !findings.isFalse(claim)) continue
      duties.push({ do: 'challenge', claim })
    }
  }
  return duties
}
