import { isAudited } from '@lockstep/market'
import type { Hex } from '@lockstep/proof'
import type { Duty } from './duty.ts'
import { delayOf } from './keep.ts'
import type { LiveAudit, LiveDispute, LiveMarket, LiveSeat, SeatPlace, Self } from './live.ts'
import { MARGIN } from './provide.ts'

/** What a verifier knows that the chain does not. */
export type Findings = {
  /** Audits that go beside each other. */
  readonly runs: number
  /** How an audit of ours ended: an answer, or that what it needs is not to be had. */
  readonly audit: (claim: Hex, seat: number) => 'answered' | 'missing' | undefined
  /** Whether a claim is known to be false: an execution of our own ended elsewhere. */
  readonly isFalse: (claim: Hex) => boolean
  /** Whether an execution of our own of this segment ended where the claim says. */
  readonly holds: (claim: Hex, segment: number) => boolean
  /** What we have found about the segment that a seat is accused of: where it is ours, we do not defend a false one. */
  readonly defence: (claim: Hex, seat: number) => 'sound' | 'false' | undefined
  /** Seats of ours with a bond of a defence that was not taken back. */
  readonly bonds: () => readonly SeatPlace[]
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
  for (const audit of market.audits.values()) duties.push(...fallenDuties(market, audit, self, findings))
  for (const { claim, seat } of findings.bonds()) {
    const status = market.audits.get(claim)?.seats[seat]?.status
    if (status !== 'accused' && status !== 'defending') duties.push({ do: 'takeBond', claim, seat })
  }
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
  for (const { number, claim, claimant, challenger, outcome, over, owed, defence } of market.disputes) {
    if (outcome === 'open' && !over && claimant === self.key && defence)
      duties.push({ do: 'uphold', dispute: number, ...defence })
    if (challenger !== self.key) continue
    attacked.add(claim)
    if (over) duties.push({ do: 'closeDispute', dispute: number })
    else if (outcome === 'open')
      duties.push(
        defence
          ? { do: 'attackDefence', dispute: number, ...defence }
          : { do: 'attack', dispute: number, claim },
      )
    if (owed) duties.push({ do: 'bounty', dispute: number, claim })
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

/**
 * About the seats of a claim that fell: who matched it is suspect, and accused by whoever has a judgement about a segment
 * that the seat has audited. Its node defends the segment, and whoever knows the segment to be false attacks that.
 */
const fallenDuties = (market: LiveMarket, audit: LiveAudit, self: Self, findings: Findings): Duty[] => {
  if (!audit.ended) return []
  const { now } = market
  const { claim } = audit
  return audit.seats.flatMap((seat, number): Duty[] => {
    const at = { claim, seat: number }
    const found = findings.defence(claim, number)
    if (seat.account === self.account) {
      const due = seat.status === 'accused' && found !== 'false' && now < seat.deadline
      return due ? [{ do: 'defendSeat', ...at, segment: seat.segment }] : []
    }
    if (seat.status === 'suspect') return accuseDuties(market, audit, number, self, findings)
    const { defence } = seat
    if (seat.status !== 'defending' || defence?.status !== 'standing' || now >= defence.until) return []
    const attacked = market.disputes.some(
      (dispute) => dispute.claim === defence.id && dispute.challenger === self.key,
    )
    return findings.isFalse(claim) && found !== 'sound' && !attacked
      ? [{ do: 'challengeDefence', ...at }]
      : []
  })
}

/** Whoever has won the dispute accuses at once: half of the slash is its. Others do where it has not, in the first half. */
const accuseDuties = (
  { now, jobs, disputes }: LiveMarket,
  audit: LiveAudit,
  number: number,
  self: Self,
  findings: Findings,
): Duty[] => {
  const { claim, segments } = audit
  const { deadline } = audit.seats[number]!
  if (now > deadline) return []
  const accusing = disputes.filter(
    (dispute: LiveDispute) =>
      dispute.claim === claim &&
      dispute.outcome === 'challenger' &&
      dispute.judged &&
      isAudited(audit, { steps: segments, segmentLength: 1 }, number, dispute.segment) &&
      // Who has executed it, and found what the claim says, knows that there is nothing to accuse of.
      !findings.holds(claim, dispute.segment),
  )
  const own = accusing.find(({ challenger }) => challenger === self.key)
  const dispute = own ?? accusing[0]
  if (dispute === undefined) return []
  // Where the job is closed by now, nobody waits.
  const time = jobs.get(audit.job)?.spec.times.answer
  const due = own || time === undefined ? 0 : deadline - time + Math.min(delayOf(self, number), time / 2)
  return now >= due ? [{ do: 'accuse', claim, seat: number, dispute: dispute.number }] : []
}
