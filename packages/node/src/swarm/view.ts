import type { SwarmTerms } from '@lockstep/contracts'
import type { Hex } from '@lockstep/proof'
import type { RoundRules, SwarmEvent } from '@lockstep/swarm'

/** One stage of an entry, opened by its owner. */
export type OpenedPart = { readonly root: Hex; readonly scores: Hex; readonly votes: Hex }

/** What a seat has done in a round. Stages are 0 answer, 1 critique, 2 resolve. */
export type EntryView = {
  readonly account: Hex
  readonly submitted: readonly number[]
  /** By stage, once it is claimed. */
  readonly opened?: ReadonlyMap<number, OpenedPart>
}

export type RoundView = {
  readonly round: number
  readonly seed: Hex
  readonly begin: number
  readonly seats: number
  readonly entries: ReadonlyMap<number, EntryView>
  readonly settled: boolean
  readonly paid: readonly { readonly account: Hex; readonly points: bigint; readonly amount: bigint }[]
}

export type ChallengeView = {
  readonly challenge: number
  readonly round: number
  readonly seat: number
  readonly stage: number
  readonly task: number
  readonly account: Hex
  readonly deadline: number
  readonly status: 'open' | 'stood' | 'ended'
  /** Of a participant that stands by its score: its claim in Disputes, and the answer. */
  readonly claim?: Hex
  readonly answer?: Hex
}

/** A swarm as its events tell it: whoever has read the same events sees the same. Accounts are in lower case. */
export type SwarmView = {
  readonly swarm: number
  readonly terms: Omit<SwarmTerms, 'proof'>
  readonly members: ReadonlyMap<Hex, { readonly seat: number; readonly peer?: Hex }>
  readonly slashed: ReadonlySet<Hex>
  /** Round 1 first. */
  readonly rounds: readonly RoundView[]
  readonly challenges: ReadonlyMap<number, ChallengeView>
  readonly closed: boolean
}

type Fields = { readonly [name: string]: unknown }
const FALLEN = 4

/** The view of a swarm after one more of its chain's events, in order; undefined until it has been created. */
export const stepView = (
  swarm: number,
  view: SwarmView | undefined,
  { name, args }: SwarmEvent,
): SwarmView | undefined => {
  const read = args as Fields
  const number = (field: string): number => Number(read[field] as bigint | number)
  const hex = (field: string): Hex => (read[field] as Hex).toLowerCase() as Hex
  const isAboutChallenge = name === 'ScoreStood' || name === 'ChallengeEnded'
  if (!isAboutChallenge && (read.swarm === undefined || number('swarm') !== swarm)) return view
  if (name === 'SwarmCreated')
    return {
      swarm,
      terms: read.terms as SwarmView['terms'],
      ...{ members: new Map(), slashed: new Set(), rounds: [], challenges: new Map(), closed: false },
    }
  if (view === undefined) return undefined
  const inRound = (change: (round: RoundView) => Partial<RoundView>): SwarmView => ({
    ...view,
    rounds: view.rounds.map((one) => (one.round === number('round') ? { ...one, ...change(one) } : one)),
  })
  const inEntry = (change: (entry: EntryView | undefined) => EntryView): SwarmView =>
    inRound(({ entries }) => {
      const seat = number('seat')
      return { entries: new Map(entries).set(seat, change(entries.get(seat))) }
    })
  switch (name) {
    case 'Joined':
      return { ...view, members: new Map(view.members).set(hex('account'), { seat: number('seat') }) }
    case 'Left': {
      const members = new Map(view.members)
      members.delete(hex('account'))
      return { ...view, members }
    }
    case 'PeerAnnounced': {
      const known = view.members.get(hex('account'))
      if (known === undefined) return view
      const members = new Map(view.members).set(hex('account'), { ...known, peer: hex('peer') })
      return { ...view, members }
    }
    case 'RoundBegun': {
      const begun = {
        round: number('round'),
        seed: hex('seed'),
        begin: number('begin'),
        seats: number('seats'),
      }
      return {
        ...view,
        rounds: [...view.rounds, { ...begun, entries: new Map(), settled: false, paid: [] }],
      }
    }
    case 'Submitted':
      return inEntry((entry) => ({
        account: hex('account'),
        submitted: [...(entry?.submitted ?? []), number('stage')],
      }))
    case 'ScoresClaimed': {
      const parts = read.opened as readonly OpenedPart[]
      const submitted = [0, 1, 2].filter((stage) => (number('submitted') >> stage) % 2 === 1)
      const opened = new Map(submitted.map((stage, i) => [stage, parts[i]!]))
      return inEntry(() => ({ account: hex('account'), submitted, opened }))
    }
    case 'Rewarded': {
      const { points, amount } = read as { points: bigint; amount: bigint }
      return inRound(({ paid }) => ({ paid: [...paid, { account: hex('account'), points, amount }] }))
    }
    case 'RoundSettled':
      return inRound(() => ({ settled: true }))
    case 'ScoreChallenged': {
      const challenge: ChallengeView = {
        ...{ challenge: number('challenge'), round: number('round'), seat: number('seat') },
        ...{ stage: number('stage'), task: number('task'), account: hex('account') },
        ...{ deadline: number('deadline'), status: 'open' },
      }
      return { ...view, challenges: new Map(view.challenges).set(challenge.challenge, challenge) }
    }
    case 'ScoreStood':
    case 'ChallengeEnded': {
      const known = view.challenges.get(number('challenge'))
      if (known === undefined) return view
      const changed: ChallengeView =
        name === 'ScoreStood'
          ? { ...known, status: 'stood', claim: hex('claim'), answer: hex('answer') }
          : { ...known, status: 'ended' }
      const challenges = new Map(view.challenges).set(known.challenge, changed)
      const fell = name === 'ChallengeEnded' && number('status') === FALLEN
      return { ...view, challenges, slashed: fell ? new Set(view.slashed).add(known.account) : view.slashed }
    }
    case 'SwarmClosed':
      return { ...view, closed: true }
    default:
      return view
  }
}

/** The rules of a swarm's rounds, as the round's arithmetic takes them. */
export const rulesOf = ({ terms }: SwarmView): RoundRules => {
  const { answerTime, critiqueTime, resolveTime, claimTime, challengeTime, tasks, weights, reward } = terms
  const stages: RoundRules['stages'] = [
    { stage: 'answer', seconds: answerTime },
    { stage: 'critique', seconds: critiqueTime },
    { stage: 'resolve', seconds: resolveTime },
  ]
  return {
    stages: stages.filter(({ seconds }) => seconds > 0),
    ...{ claimTime, challengeTime, tasks, weights, reward },
  }
}
