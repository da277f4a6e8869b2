import type { Hex } from '@lockstep/proof'
import { commitmentOf, type Part } from './commitment.ts'
import { type DrawnTask, drawnTask } from './drawn.ts'
import { type Outcome, type Play, payouts, pointsOf } from './points.ts'
import {
  BEST,
  CHAIN_STAGES,
  type ChainStage,
  endsOf,
  MAX_SEATS,
  type RoundRules,
  type Stage,
  timesOf,
} from './rules.ts'

/**
 * A round of a swarm as a pure state machine: what Swarms.sol does with the same calls, and proposals besides. A state is
 * plain data: it can be kept and gone on with. Nothing here waits: whoever has a clock says what time it is.
 */
export type RoundState = {
  readonly rules: RoundRules
  readonly place: {
    readonly chainId: number
    readonly contract: Hex
    readonly swarm: number
    readonly round: number
  }
  readonly seed: Hex
  /** In the chain's seconds. */
  readonly begin: number
  /** How many families the swarm has. */
  readonly families: number
  /** Who sits where; undefined where nobody does. */
  readonly seats: readonly (Hex | undefined)[]
  readonly entries: readonly Entry[]
  /** For each task what was proposed instead of what was drawn. */
  readonly proposals: readonly (DrawnTask | undefined)[]
  readonly settled?: Settled
}

/** What a seat has done so far. */
export type Entry = {
  readonly commitments: { readonly [stage in ChainStage]?: Hex }
  readonly play?: Play
  /** Scores of it that are in doubt. */
  readonly doubts: number
  readonly fallen: boolean
}

export type Settled = Outcome & { readonly payouts: readonly bigint[] }

/** What happens, and when in the chain's seconds. */
export type RoundEvent = { readonly time: number } & (
  | { readonly kind: 'propose'; readonly account: Hex; readonly task: number; readonly proposal: DrawnTask }
  | { readonly kind: 'submit'; readonly account: Hex; readonly stage: ChainStage; readonly commitment: Hex }
  /** Opens the stages in which the account has submitted, in order. */
  | { readonly kind: 'claim'; readonly account: Hex; readonly parts: readonly Part[] }
  | { readonly kind: 'challenge'; readonly account: Hex }
  /** A challenge has ended: the score stands, or it was wrong. */
  | { readonly kind: 'judged'; readonly account: Hex; readonly stands: boolean }
  | { readonly kind: 'settle' }
)

export type Refusal =
  | 'nobody' // not a participant of this round
  | 'no-stage' // the rules have no such stage
  | 'early'
  | 'late'
  | 'double'
  | 'copy' // somebody else has committed to just that
  | 'malformed' // a number that says what it may not
  | 'self-vote'
  | 'own-task' // a score for a task that the account has proposed itself
  | 'not-yours' // a task that another seat may propose
  | 'not-committed' // what is opened is not what was committed to
  | 'in-doubt' // a challenge is open
  | 'over'

export type RoundEffect =
  | { readonly kind: 'accepted'; readonly event: RoundEvent['kind'] }
  | {
      readonly kind: 'refused'
      readonly event: RoundEvent['kind']
      readonly why: Refusal
      readonly limit: string
    }
  | { readonly kind: 'settled'; readonly settled: Settled }

export type RoundStep = { readonly state: RoundState; readonly effects: readonly RoundEffect[] }

export const beginRound = (
  begun: Pick<RoundState, 'rules' | 'place' | 'seed' | 'begin' | 'families' | 'seats'>,
): RoundState => {
  if (begun.seats.length > MAX_SEATS)
    throw new RangeError(`${begun.seats.length} seats; a round has ${MAX_SEATS} at most`)
  return {
    ...begun,
    entries: begun.seats.map(() => ({ commitments: {}, doubts: 0, fallen: false })),
    proposals: Array.from({ length: begun.rules.tasks }, () => undefined),
  }
}

/** Which seat may propose a task instead of the drawn one: they take turns. */
export const proposerOf = ({ seats, place }: RoundState, task: number): number =>
  (task + place.round) % Math.max(1, seats.length)

/** The tasks of a round as they are from the stage of answers on. */
export const tasksOf = ({ rules, seed, families, proposals }: RoundState): readonly DrawnTask[] =>
  Array.from({ length: rules.tasks }, (_, task) => proposals[task] ?? drawnTask(seed, task, families))

/** The stage that is played at a time; undefined before and behind all of them. */
export const stageAt = ({ rules, begin }: RoundState, time: number): Stage | undefined =>
  rules.stages.find(({ stage }) => {
    const { from, to } = timesOf(rules, begin, stage)!
    return time >= from && time < to
  })?.stage

export const stepRound = (state: RoundState, event: RoundEvent): RoundStep => {
  const refused = (why: Refusal, limit: string): RoundStep => ({
    state,
    effects: [{ kind: 'refused', event: event.kind, why, limit }],
  })
  const accepted = (change: Partial<RoundState>): RoundStep => ({
    state: { ...state, ...change },
    effects: [{ kind: 'accepted', event: event.kind }],
  })
  const { rules, begin } = state
  if (state.settled !== undefined) return refused('over', 'the round is settled')
  const ends = endsOf(rules, begin)
  const untimely = (from: number, to: number): RoundStep | undefined =>
    event.time < from
      ? refused('early', `from ${from}`)
      : event.time >= to
        ? refused('late', `before ${to}`)
        : undefined

  if (event.kind === 'settle') {
    if (event.time < ends.challenges) return refused('early', `from ${ends.challenges}`)
    if (state.entries.some(({ doubts }) => doubts > 0)) return refused('in-doubt', 'no open challenge')
    const settled = settle(state)
    return { state: { ...state, settled }, effects: [{ kind: 'settled', settled }] }
  }

  const seat = state.seats.findIndex((account) => account?.toLowerCase() === event.account.toLowerCase())
  if (seat < 0) return refused('nobody', 'a participant of this round')
  const entry = state.entries[seat]!
  const changed = (change: Partial<Entry>): RoundStep =>
    accepted({ entries: state.entries.map((one, i) => (i === seat ? { ...one, ...change } : one)) })

  switch (event.kind) {
    case 'propose': {
      const times = timesOf(rules, begin, 'propose')
      if (times === undefined) return refused('no-stage', rules.stages.map(({ stage }) => stage).join(', '))
      const wrong = untimely(times.from, times.to)
      if (wrong !== undefined) return wrong
      const { task, proposal } = event
      if (
        !isBelow(task, rules.tasks) ||
        !isBelow(proposal.family, state.families) ||
        !isBelow(proposal.seed, 2 ** 31)
      )
        return refused('malformed', 'a task of the round, a family of the swarm, a seed for training')
      if (proposerOf(state, task) !== seat) return refused('not-yours', `seat ${proposerOf(state, task)}`)
      if (state.proposals[task] !== undefined) return refused('double', 'one proposal for a task')
      return accepted({ proposals: state.proposals.map((one, i) => (i === task ? proposal : one)) })
    }
    case 'submit': {
      const times = timesOf(rules, begin, event.stage)
      if (times === undefined) return refused('no-stage', rules.stages.map(({ stage }) => stage).join(', '))
      const wrong = untimely(times.from, times.to)
      if (wrong !== undefined) return wrong
      if (entry.commitments[event.stage] !== undefined) return refused('double', 'one submission in a stage')
      const commitment = event.commitment.toLowerCase() as Hex
      if (!/^0x[0-9a-f]{64}$/.test(commitment)) return refused('malformed', '0x and 32 bytes in hexadecimal')
      const isCopy = state.entries.some((other) => Object.values(other.commitments).includes(commitment))
      if (isCopy) return refused('copy', 'what nobody else has committed to')
      return changed({ commitments: { ...entry.commitments, [event.stage]: commitment } })
    }
    case 'claim': {
      const wrong = untimely(ends.stages, ends.claims)
      if (wrong !== undefined) return wrong
      if (entry.play !== undefined) return refused('double', 'one claim in a round')
      return claim(state, seat, entry, event.parts, refused, changed)
    }
    case 'challenge': {
      const wrong = untimely(begin, ends.challenges)
      if (wrong !== undefined) return wrong
      if (entry.play === undefined) return refused('not-committed', 'a claimed score')
      if (entry.fallen) return refused('over', 'a score that stands')
      return changed({ doubts: entry.doubts + 1 })
    }
    case 'judged':
      if (entry.doubts === 0) return refused('over', 'an open challenge')
      return changed({ doubts: entry.doubts - 1, fallen: entry.fallen || !event.stands })
  }
}

const isBelow = (value: number, limit: number): boolean =>
  Number.isInteger(value) && value >= 0 && value < limit

const claim = (
  state: RoundState,
  seat: number,
  entry: Entry,
  parts: readonly Part[],
  refused: (why: Refusal, limit: string) => RoundStep,
  changed: (change: Partial<Entry>) => RoundStep,
): RoundStep => {
  const { rules, place, seats } = state
  const stages = (Object.keys(CHAIN_STAGES) as ChainStage[]).filter(
    (stage) => entry.commitments[stage] !== undefined,
  )
  if (stages.length === 0) return refused('not-committed', 'a submission in this round')
  if (parts.length !== stages.length) return refused('malformed', `the parts of ${stages.join(', ')}`)
  const play: { -readonly [key in keyof Play]: Play[key] } = {}
  for (const [i, stage] of stages.entries()) {
    const part = parts[i]!
    const most = stage === 'critique' ? BEST + 1 : BEST
    if (part.scores.length !== rules.tasks || !part.scores.every((score) => isBelow(score, most + 1)))
      return refused('malformed', `${rules.tasks} scores from 0 to ${most}`)
    const votes = stage === 'resolve' ? seats.length : 0
    if (part.votes.length > rules.tasks || !part.votes.every((vote) => isBelow(vote, votes + 1)))
      return refused('malformed', `${rules.tasks} votes from 0 to ${votes}`)
    if (part.votes.includes(seat + 1)) return refused('self-vote', 'a vote for another seat')
    if (stage !== 'critique' && part.scores.some((score, task) => score > 0 && isOwn(state, seat, task)))
      return refused('own-task', 'no score for what one has proposed')
    const account = seats[seat]!
    const found = commitmentOf({ ...place, stage: CHAIN_STAGES[stage], account }, part)
    if (found !== entry.commitments[stage]) return refused('not-committed', entry.commitments[stage]!)
    if (stage === 'answer') play.answers = part.scores
    else if (stage === 'critique') play.judgements = part.scores
    else {
      play.finals = part.scores
      play.votes = part.votes
    }
  }
  return changed({ play })
}

const isOwn = (state: RoundState, seat: number, task: number): boolean =>
  state.proposals[task] !== undefined && proposerOf(state, task) === seat

const settle = (state: RoundState): Settled => {
  const { seed, rules, entries, proposals } = state
  const proposers = proposals.map((proposal, task) =>
    proposal === undefined ? undefined : proposerOf(state, task),
  )
  // A proposal alone needs no claim.
  const plays = entries.map((entry, seat) =>
    entry.fallen ? undefined : (entry.play ?? (proposers.includes(seat) ? {} : undefined)),
  )
  const outcome = pointsOf(seed, rules.weights, rules.tasks, plays, proposers)
  return { ...outcome, payouts: payouts(rules.reward, outcome) }
}
