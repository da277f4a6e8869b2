import type { Hex } from '@lockstep/proof'
import { CHAIN_STAGES, type ChainStage, endsOf, timesOf } from '@lockstep/swarm'
import { type RoundView, rulesOf, type SwarmView } from './view.ts'

/** Something that a participant should do now. One that is done twice does no harm: the chain refuses the second. */
export type SwarmDuty =
  | { readonly do: 'join' }
  | { readonly do: 'announce' }
  | { readonly do: 'learn'; readonly round: number }
  | { readonly do: 'play'; readonly round: number; readonly stage: number }
  | { readonly do: 'claim'; readonly round: number }
  | ({ readonly do: 'challenge' } & Doubt)
  | { readonly do: 'stand'; readonly challenge: number }
  | { readonly do: 'dispute'; readonly challenge: number }
  | { readonly do: 'defend'; readonly dispute: number }
  | { readonly do: 'attack'; readonly dispute: number }
  | { readonly do: 'closeDispute'; readonly dispute: number }
  | { readonly do: 'finish'; readonly challenge: number }
  | { readonly do: 'settle'; readonly round: number }
  | { readonly do: 'advance' }
  | { readonly do: 'close' }
  | { readonly do: 'leave' }

/** A claimed score that the own computation of the shared answer does not give. */
export type Doubt = {
  readonly round: number
  readonly seat: number
  readonly stage: number
  readonly task: number
}

/** What a participant knows beside the chain. */
export type OwnPart = {
  readonly account: Hex // in lower case
  /** Where it can be reached, as it is announced. */
  readonly peer: Hex
  /** Whether it wants to be in the swarm. */
  readonly stays: boolean
  /** Rounds that it has answered, and the last it has learned from. */
  readonly answered: readonly number[]
  readonly learned: number
  readonly doubts: readonly Doubt[]
  /** The key that claims and disputes, in lower case: Disputes knows no accounts behind keys. */
  readonly key: Hex
  /** Challenges that were answered with a history that the shown answer does not have. */
  readonly falselyStood: readonly number[]
  /** How long a claim of a score can be disputed. */
  readonly window: number
}

/** So many deposits and bonds of its own a participant has in doubts at once. One that falls empties all its rounds. */
export const MOST_DOUBTS = { challenges: 4, disputes: 4 } as const

export type Due = {
  readonly duties: readonly SwarmDuty[]
  /** The chain's time at which something is due next if nothing happens before; undefined where nothing will be. */
  readonly next: number | undefined
  /** Whether there is nothing left to do in this swarm. */
  readonly over: boolean
}

/** What is due at a time of the chain: it follows from the chain and what is kept, so whoever was killed goes on. */
export const swarmDuties = (view: SwarmView, own: OwnPart, now: number): Due => {
  const duties: SwarmDuty[] = []
  let next: number | undefined
  const later = (time: number): void => {
    if (time > now) next = Math.min(next ?? time, time)
  }
  const { terms, members, rounds } = view
  const rules = rulesOf(view)
  const member = members.get(own.account)
  const isOut = view.closed || view.slashed.has(own.account)
  const last = rounds.at(-1)
  const ends = last && endsOf(rules, last.begin)
  const isLast = rounds.length === terms.rounds || now >= terms.expiry

  if (own.stays && !isOut && !isLast && member === undefined && members.size < terms.most)
    duties.push({ do: 'join' })
  if (member !== undefined && own.stays && member.peer !== own.peer && !isOut) duties.push({ do: 'announce' })

  const doubted = new Set(
    [...view.challenges.values()]
      .filter(({ challenger, status }) => challenger === own.account && status !== 'ended')
      .map(({ account }) => account),
  )
  for (const round of rounds) {
    // What was learned from is the model's, whatever becomes of the round.
    const end = endsOf(rules, round.begin)
    if (own.answered.includes(round.round) && round.round > own.learned) {
      if (now >= end.stages) duties.push({ do: 'learn', round: round.round })
      else later(end.stages)
    }
    if (round.settled) continue
    const seat = seatOf(round, own.account, member?.seat)
    if (seat !== undefined && own.stays && !isOut && member !== undefined)
      for (const { stage } of rules.stages) {
        const number = CHAIN_STAGES[stage as ChainStage]
        if (round.entries.get(seat)?.submitted.includes(number)) continue
        const { from, to } = timesOf(rules, round.begin, stage)!
        if (now >= from && now < to) duties.push({ do: 'play', round: round.round, stage: number })
        later(from)
      }
    const entry = seat === undefined ? undefined : round.entries.get(seat)
    if (entry !== undefined && entry.opened === undefined) {
      if (now >= end.stages && now < end.claims) duties.push({ do: 'claim', round: round.round })
      later(end.stages)
    }
    if (now < end.challenges)
      for (const doubt of own.doubts) {
        if (!isOpen(view, round, doubt, own) || doubted.size >= MOST_DOUBTS.challenges) continue
        const { account } = round.entries.get(doubt.seat)!
        // One lie that is shown costs all that the liar has.
        if (doubted.has(account)) continue
        doubted.add(account)
        duties.push({ do: 'challenge', ...doubt })
      }
  }

  const disputes = [...view.disputes.values()]
  let attacks = disputes.filter(
    ({ challenger, outcome }) => challenger === own.key && outcome === 'open',
  ).length
  for (const made of view.challenges.values()) {
    const { challenge, status, account, deadline } = made
    if (status === 'open' && account === own.account && now <= deadline)
      duties.push({ do: 'stand', challenge })
    if (status === 'open' && now > deadline) duties.push({ do: 'finish', challenge })
    if (status === 'open') later(deadline + 1)
    const claim = status === 'stood' ? view.claims.get(made.claim!) : undefined
    if (claim === undefined) continue
    const about = disputes.filter((one) => one.claim === made.claim)
    if (claim.status === 'standing' && own.falselyStood.includes(challenge) && now < claim.until) {
      // The challenger is first; whoever else has seen the lie does not rely on it to the end.
      const from = made.challenger === own.account ? 0 : claim.until - Math.floor(own.window / 2)
      const isMine = about.some(({ challenger }) => challenger === own.key)
      if (!isMine && now >= from && attacks < MOST_DOUBTS.disputes) {
        attacks++
        duties.push({ do: 'dispute', challenge })
      }
      if (!isMine) later(from)
    }
    const isDisputed = about.some(({ outcome }) => outcome === 'open')
    if (claim.status !== 'standing' || (now > claim.until && !isDisputed))
      duties.push({ do: 'finish', challenge })
    else later(claim.until + 1)
  }
  for (const { dispute, claim: id, challenger, outcome } of disputes) {
    if (outcome !== 'open') continue
    const { claimant, status } = view.claims.get(id)! // disputes are known of known claims only
    if (status === 'fallen' || status === 'void') {
      if (challenger === own.key) duties.push({ do: 'closeDispute', dispute })
    } else if (challenger === own.key) duties.push({ do: 'attack', dispute })
    else if (claimant === own.key) duties.push({ do: 'defend', dispute })
  }

  const unsettled = rounds.find(({ settled }) => !settled)
  if (unsettled !== undefined) {
    const { challenges } = endsOf(rules, unsettled.begin)
    const isDoubted = [...view.challenges.values()].some(
      ({ round, status }) => round === unsettled.round && status !== 'ended',
    )
    if (now >= challenges && !isDoubted) duties.push({ do: 'settle', round: unsettled.round })
    later(challenges)
  }
  if (!isLast && !view.closed) {
    const canBegin = ends === undefined || now >= ends.stages
    if (canBegin && members.size >= terms.minimum) duties.push({ do: 'advance' })
    if (ends !== undefined) later(ends.stages)
    later(terms.expiry)
  }
  if (isLast && unsettled === undefined && !view.closed) duties.push({ do: 'close' })

  const hasOpen = rounds.some(
    (round) => !round.settled && [...round.entries.values()].some(({ account }) => account === own.account),
  )
  if (member !== undefined && !hasOpen && (view.closed || !own.stays)) duties.push({ do: 'leave' })
  const over = duties.length === 0 && member === undefined && (isOut || !own.stays || isLast)
  return { duties, next, over: over && !hasOpen }
}

/** The seat of an account in a round; undefined where it may not take part. */
export const seatOf = (round: RoundView, account: Hex, seat: number | undefined): number | undefined => {
  for (const [place, entry] of round.entries) if (entry.account === account) return place
  return seat === undefined || seat >= round.seats || round.entries.has(seat) ? undefined : seat
}

const isOpen = (view: SwarmView, { round, entries }: RoundView, doubt: Doubt, own: OwnPart): boolean => {
  const entry = entries.get(doubt.seat)
  if (doubt.round !== round || entry?.opened === undefined) return false
  if (entry.account === own.account || view.slashed.has(entry.account)) return false
  return ![...view.challenges.values()].some(
    (one) =>
      one.round === round && one.seat === doubt.seat && one.stage === doubt.stage && one.task === doubt.task,
  )
}
