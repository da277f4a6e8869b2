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
  readonly challenger: Hex
  readonly deadline: number
  readonly status: 'open' | 'stood' | 'ended'
  /** Of a participant that stands by its score: its claim in Disputes, and the answer. */
  readonly claim?: Hex
  readonly answer?: Hex
}

/** A claim in Disputes by which somebody may stand by a score. */
export type ClaimView = {
  readonly root: Hex
  readonly claimant: Hex
  readonly until: number
  readonly status: 'standing' | 'final' | 'fallen' | 'void'
}

/** A dispute about such a claim. */
export type DisputeView = {
  readonly dispute: number
  readonly claim: Hex
  readonly challenger: Hex
  readonly outcome: 'open' | 'claimant' | 'challenger' | 'void' | 'closed'
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
  /** Claims that were made while a score was in doubt, and the disputes about them. */
  readonly claims: ReadonlyMap<Hex, ClaimView>
  readonly disputes: ReadonlyMap<number, DisputeView>
  readonly closed: boolean
}

type Fields = { readonly [name: string]: unknown }
const FALLEN = 4
/** As Disputes numbers them. */
const CLAIM_STATUS = ['standing', 'standing', 'final', 'fallen', 'void'] as const
const OUTCOMES = ['open', 'open', 'claimant', 'challenger', 'void', 'closed'] as const

/** The view of a swarm after one more of its chain's events, in order; undefined until it has been created. */
export const stepView = (
  swarm: number,
  view: SwarmView | undefined,
  { name, args }: SwarmEvent,
): SwarmView | undefined => {
  const read = args as Fields
  const number = (field: string): number => Number(read[field] as bigint | number)
  const hex = (field: string): Hex => (read[field] as Hex).toLowerCase() as Hex
  const ofDispute = view && stepDisputes(view, name, read)
  if (ofDispute !== undefined) return ofDispute
  const isAboutChallenge = name === 'ScoreStood' || name === 'ChallengeEnded'
  if (!isAboutChallenge && (read.swarm === undefined || number('swarm') !== swarm)) return view
  if (name === 'SwarmCreated')
    return {
      swarm,
      terms: read.terms as SwarmView['terms'],
      ...{ members: new Map(), slashed: new Set(), rounds: [], challenges: new Map() },
      ...{ claims: new Map(), disputes: new Map(), closed: false },
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
        ...{ challenger: hex('challenger') },
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

/** A view that knows of a claim which was made before anybody could tell that it is about a score: from all events. */
export const withClaim = (view: SwarmView, claim: Hex, events: readonly SwarmEvent[]): SwarmView =>
  events.reduce((seen, { name, args }) => stepDisputes(seen, name, args as Fields, claim) ?? seen, view)

/** What Disputes says of claims that may be about a score of this swarm; undefined for any other event. */
const stepDisputes = (view: SwarmView, name: string, read: Fields, wanted?: Hex): SwarmView | undefined => {
  const hex = (field: string): Hex => (read[field] as Hex).toLowerCase() as Hex
  switch (name) {
    case 'Claimed': {
      // Who stands by a score claims it after it was challenged: nearly all other claims are none of a swarm's concern.
      const isDoubted = [...view.challenges.values()].some(({ status }) => status === 'open')
      if (!isDoubted && hex('claim') !== wanted) return view
      const claim: ClaimView = {
        ...{ root: hex('root'), claimant: hex('claimant'), until: Number(read.until), status: 'standing' },
      }
      return { ...view, claims: new Map(view.claims).set(hex('claim'), claim) }
    }
    case 'ClaimEnded': {
      const known = view.claims.get(hex('claim'))
      if (known === undefined) return view
      const ended: ClaimView = { ...known, status: CLAIM_STATUS[Number(read.status)]! }
      return { ...view, claims: new Map(view.claims).set(hex('claim'), ended) }
    }
    case 'HistoryChallenged':
    case 'SegmentChallenged': {
      if (!view.claims.has(hex('claim'))) return view
      const dispute = Number(read.dispute)
      const opened: DisputeView = {
        ...{ dispute, claim: hex('claim'), challenger: hex('challenger'), outcome: 'open' },
      }
      return { ...view, disputes: new Map(view.disputes).set(dispute, opened) }
    }
    case 'Decided': {
      const known = view.disputes.get(Number(read.dispute))
      if (known === undefined) return view
      const decided: DisputeView = { ...known, outcome: OUTCOMES[Number(read.outcome)]! }
      return { ...view, disputes: new Map(view.disputes).set(known.dispute, decided) }
    }
    default:
      return undefined
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
