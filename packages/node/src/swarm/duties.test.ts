import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from '@lockstep/proof'
import { MOST_DOUBTS, type OwnPart, type SwarmDuty, swarmDuties } from './duties.ts'
import { type SwarmView, stepView, withClaim } from './view.ts'

const [ann, ben, zero]: Hex[] = [`0x${'aa'.repeat(20)}`, `0x${'bb'.repeat(20)}`, `0x${'00'.repeat(32)}`]
const PEER: Hex = '0x01'
const terms = {
  ...{ answerTime: 10, critiqueTime: 0, resolveTime: 0, claimTime: 10, challengeTime: 10, standTime: 20 },
  ...{ expiry: 1_000, rounds: 1, tasks: 1, minimum: 2, most: 2, families: [], reward: 1n, stake: 1n },
}
const opened = [{ root: zero, scores: zero, votes: zero }]
const joined = (account: Hex, seat: bigint) => ({ name: 'Joined', args: { swarm: 1n, account, seat } })
const announced = (account: Hex) => ({ name: 'PeerAnnounced', args: { swarm: 1n, account, peer: PEER } })
const inRound = (name: string, args: object) => ({ name, args: { swarm: 1n, round: 1n, ...args } })
const HISTORY = [
  { name: 'SwarmCreated', args: { swarm: 1n, terms } },
  ...[joined(ann!, 0n), announced(ann!), joined(ben!, 1n), announced(ben!)],
  inRound('RoundBegun', { seed: zero, begin: 100n, seats: 2n }),
  inRound('Submitted', { account: ann, seat: 0n, stage: 0n }),
  inRound('Submitted', { account: ben, seat: 1n, stage: 0n }),
  inRound('ScoresClaimed', { account: ann, seat: 0n, submitted: 1n, opened }),
  inRound('ScoresClaimed', { account: ben, seat: 1n, submitted: 1n, opened }),
] as const

const after = (events: number, ...more: readonly { name: string; args: object }[]): SwarmView => {
  let view: SwarmView | undefined
  for (const event of [...HISTORY.slice(0, events), ...more]) view = stepView(1, view, event)
  return view!
}
const own: OwnPart = {
  account: ann!,
  peer: PEER,
  stays: true,
  answered: [],
  learned: 0,
  doubts: [],
  key: ann!,
  falselyStood: [],
  window: 1_000,
}
const due = (view: SwarmView, now: number, change: Partial<OwnPart> = {}): SwarmDuty['do'][] =>
  swarmDuties(view, { ...own, ...change }, now).duties.map(({ do: what }) => what)

test('from the creation to the end, what is due follows from the events and the time', () => {
  assert.equal(stepView(2, undefined, HISTORY[0]), undefined)
  assert.deepEqual(due(after(1), 50), ['join'])
  assert.deepEqual(due(after(2), 50), ['announce'])
  assert.deepEqual(due(after(3), 50), []) // too few
  assert.deepEqual(due(after(5), 50), ['advance'])
  assert.deepEqual(due(after(6), 105), ['play'])
  assert.deepEqual(due(after(7), 105, { answered: [1] }), [])
  assert.equal(swarmDuties(after(7), { ...own, answered: [1] }, 105).next, 110)
  assert.deepEqual(due(after(7), 115, { answered: [1] }), ['learn', 'claim'])
  // It was killed before it claimed: what it has learned is not learned again.
  assert.deepEqual(due(after(7), 115, { answered: [1], learned: 1 }), ['claim'])
  const learned = { answered: [1], learned: 1 }
  assert.deepEqual(due(after(10), 121, learned), [])
  assert.deepEqual(due(after(10), 130, learned), ['settle'])
  const settled = inRound('RoundSettled', {})
  assert.deepEqual(due(after(10, settled), 130, learned), ['close'])
  const closed = { name: 'SwarmClosed', args: { swarm: 1n } }
  assert.deepEqual(due(after(10, settled, closed), 130, learned), ['leave'])
  const left = { name: 'Left', args: { swarm: 1n, account: ann, seat: 0n } }
  assert.ok(swarmDuties(after(10, settled, closed, left), { ...own, ...learned }, 130).over)
})

test('a false score is doubted once, stood by in time, and ended by anybody after it', () => {
  const learned = { answered: [1], learned: 1 }
  const doubts = [{ round: 1, seat: 1, stage: 0, task: 0 }]
  assert.deepEqual(due(after(10), 121, { ...learned, doubts }), ['challenge'])
  assert.deepEqual(due(after(9), 121, { ...learned, doubts }), []) // nothing is claimed yet
  assert.deepEqual(due(after(10), 130, { ...learned, doubts }), ['settle']) // too late
  const about = {
    account: ben,
    seat: 1n,
    stage: 0n,
    task: 0n,
    challenge: 7n,
    challenger: ann,
    deadline: 140n,
  }
  const challenged = inRound('ScoreChallenged', about)
  assert.deepEqual(due(after(10, challenged), 121, { ...learned, doubts }), [])
  assert.deepEqual(due(after(10, challenged), 121, { ...learned, account: ben! }), ['stand'])
  assert.deepEqual(due(after(10, challenged), 141, learned), ['finish'])
  assert.equal(swarmDuties(after(10, challenged), { ...own, ...learned }, 121).next, 130)
  const ended = { name: 'ChallengeEnded', args: { challenge: 7n, status: 4, bounty: 0n, slashed: 0n } }
  assert.deepEqual(due(after(10, challenged, ended), 141, learned), ['settle'])
  // Who has fallen is out for ever.
  assert.deepEqual(due(after(10, challenged, ended), 125, { ...learned, account: ben! }), [])
})

const LONG = { ...own, answered: [1], learned: 1 }
const CLAIM: Hex = `0x${'c1'.repeat(32)}`
const KEY: Hex = `0x${'dd'.repeat(20)}`
const challenged = inRound('ScoreChallenged', {
  ...{ account: ben, seat: 1n, stage: 0n, task: 0n, challenge: 7n, challenger: ann, deadline: 140n },
})
const claimed = { name: 'Claimed', args: { claim: CLAIM, claimant: ben, root: zero, until: 1_130n } }
const stood = { name: 'ScoreStood', args: { challenge: 7n, claim: CLAIM, answer: '0x' } }
const opened1 = { name: 'HistoryChallenged', args: { dispute: 3n, claim: CLAIM, challenger: ann } }
const decided = (outcome: number) => ({ name: 'Decided', args: { dispute: 3n, outcome } })
const ended = (status: number) => ({ name: 'ClaimEnded', args: { claim: CLAIM, status } })

test('a false history is disputed by its challenger at once, by others from half of the window, and by all once', () => {
  const view = after(10, challenged, claimed, stood)
  const lied = { ...LONG, falselyStood: [7] }
  assert.deepEqual(due(view, 131, lied), ['dispute'])
  assert.deepEqual(due(view, 131, LONG), []) // a true one
  assert.deepEqual(due(view, 1_131, LONG), ['finish'])
  assert.equal(swarmDuties(view, { ...own, ...LONG }, 131).next, 1_131)
  const another = { ...lied, account: KEY, key: KEY, stays: false, answered: [] }
  assert.deepEqual(due(view, 629, another), [])
  assert.equal(swarmDuties(view, { ...own, ...another }, 629).next, 630)
  assert.deepEqual(due(view, 630, another), ['dispute'])
  assert.deepEqual(due(view, 1_130, another), []) // the window is over
  const disputed = after(10, challenged, claimed, stood, opened1)
  assert.deepEqual(due(disputed, 131, lied), ['attack'])
  assert.deepEqual(due(disputed, 131, { ...LONG, account: ben!, key: ben! }), ['defend'])
  assert.deepEqual(due(disputed, 1_131, LONG), ['attack']) // not finished while it is disputed
  // Whoever has lost a dispute does not open another one.
  assert.deepEqual(due(after(10, challenged, claimed, stood, opened1, decided(2)), 131, lied), [])
  const fell = after(10, challenged, claimed, stood, opened1, decided(3), ended(3))
  assert.deepEqual(due(fell, 131, lied), ['finish'])
  // It fell in the dispute of another: the own bond is taken back.
  const elsewhere = { name: 'HistoryChallenged', args: { dispute: 4n, claim: CLAIM, challenger: KEY } }
  const both = after(10, challenged, claimed, stood, opened1, elsewhere, decided(3), ended(3))
  assert.deepEqual(due(both, 131, { ...LONG, key: KEY }), ['finish', 'closeDispute'])
})

test('claims that nobody can stand by are not followed, and one that was made before its challenge is found', () => {
  assert.equal(after(10, claimed).claims.size, 0)
  const view = after(10, claimed, challenged, stood)
  assert.equal(view.claims.size, 0)
  const seen = withClaim(view, CLAIM, [
    { ...claimed, args: { ...claimed.args, claim: zero } },
    claimed,
    opened1,
  ])
  assert.deepEqual([...seen.claims.keys()], [CLAIM])
  assert.deepEqual([...seen.disputes.keys()], [3])
})

test('one lie of somebody is challenged, of at most four at once', () => {
  const doubts = [0, 1].map((task) => ({ round: 1, seat: 1, stage: 0, task }))
  const learned = { answered: [1], learned: 1 }
  assert.deepEqual(due(after(10), 121, { ...learned, doubts }), ['challenge'])
  // Another's challenge of the first task does not keep from challenging the second.
  const others = { ...challenged, args: { ...challenged.args, challenger: KEY } }
  assert.deepEqual(due(after(10, others), 121, { ...learned, doubts }), ['challenge'])
  const many = Array.from({ length: 6 }, (_, seat) => ({ round: 1, seat: seat + 2, stage: 0, task: 0 }))
  const claims = many.map(({ seat }) =>
    inRound('ScoresClaimed', {
      ...{ account: `0x${`${seat}0`.repeat(20)}`, seat: BigInt(seat), submitted: 1n, opened },
    }),
  )
  assert.deepEqual(
    due(after(10, ...claims), 121, { ...learned, doubts: many }).length,
    MOST_DOUBTS.challenges,
  )
})
