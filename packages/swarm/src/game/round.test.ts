import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from '@lockstep/proof'
import { answerLeaf, answerPath, answersRoot, climb, commitmentOf, type Part } from './commitment.ts'
import { drawnTask, subjectOf } from './drawn.ts'
import { explainRound } from './explain.ts'
import {
  beginRound,
  proposerOf,
  type RoundEvent,
  type RoundState,
  stageAt,
  stepRound,
  tasksOf,
} from './round.ts'
import {
  CHAIN_STAGES,
  type ChainStage,
  endsOf,
  faultOfRules,
  oneStage,
  proposerAndSolver,
  type RoundRules,
  threeStages,
} from './rules.ts'

const SEED: Hex = `0x${'5e'.repeat(32)}`
const word = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
const account = (n: number): Hex => `0x${(n + 1).toString(16).padStart(40, '0')}`
const RULES: RoundRules = {
  stages: threeStages(100),
  claimTime: 50,
  challengeTime: 50,
  tasks: 2,
  weights: { answer: 2, critique: 1, prediction: 1, resolve: 2 },
  reward: 1000n,
}
const PLACE = { chainId: 31337, contract: account(99), swarm: 1, round: 1 }

const begun = (rules: RoundRules = RULES, seats = 3): RoundState =>
  beginRound({
    ...{ rules, place: PLACE, seed: SEED, begin: 1_000, families: 5 },
    seats: Array.from({ length: seats }, (_, seat) => account(seat)),
  })

/** Steps through events that must be accepted, and gives the state. */
const after = (state: RoundState, ...events: readonly RoundEvent[]): RoundState =>
  events.reduce((before, event) => {
    const { state: next, effects } = stepRound(before, event)
    assert.equal(effects[0]!.kind === 'refused' ? effects[0]!.why : '', '', JSON.stringify(effects))
    return next
  }, state)

const refusal = (state: RoundState, event: RoundEvent): string => {
  const { state: next, effects } = stepRound(state, event)
  assert.ok(effects.length === 1 && effects[0]!.kind === 'refused', JSON.stringify(effects))
  assert.equal(next, state, 'what is refused changes nothing')
  return effects[0]!.why
}

const part = (scores: readonly number[], votes: readonly number[] = [], salt = 1): Part => ({
  root: word(7),
  scores,
  votes,
  salt: word(salt),
})

const submit = (seat: number, stage: ChainStage, of: Part, time: number): RoundEvent => ({
  ...{ kind: 'submit', account: account(seat), stage, time },
  commitment: commitmentOf({ ...PLACE, stage: CHAIN_STAGES[stage], account: account(seat) }, of),
})

/** Three seats of which the first two solve everything; the third nothing. */
const plays = (seat: number): readonly [Part, Part, Part] => {
  const scores = (of: number): number[] => (of < 2 ? [100, 100] : [0, 0])
  const judged = [0, 1].map((task) => 1 + scores(subjectOf(SEED, task, 3, seat)!)[task]!)
  const vote = seat === 0 ? 2 : 1
  return [part(scores(seat)), part(judged), part([100, 100], [vote, vote])]
}

const whole = (): RoundState => {
  let state = begun()
  for (const [i, stage] of (['answer', 'critique', 'resolve'] as const).entries())
    for (let seat = 0; seat < 3; seat++)
      state = after(state, submit(seat, stage, plays(seat)[i]!, 1_000 + 100 * i + seat))
  for (let seat = 0; seat < 3; seat++)
    state = after(state, { kind: 'claim', account: account(seat), parts: plays(seat), time: 1_310 })
  return state
}

test('a whole round of three stages is paid by its points', () => {
  const { state, effects } = stepRound(whole(), { kind: 'settle', time: 1_400 })
  assert.equal(effects[0]!.kind, 'settled')
  const { settled } = state
  assert.deepEqual(settled!.winners, [1, 1])
  // Seat 0: 400 + 200 + 0 + 400. Seat 1: 400 + 200 + 200 + 400. Seat 2: 0 + 200 + 200 + 400.
  assert.deepEqual(
    settled!.points.map((one) => one!.total),
    [1000, 1200, 800],
  )
  assert.deepEqual(settled!.payouts, [333n, 400n, 266n])
  const lines = explainRound(RULES.weights, RULES.reward, settled!, (seat) => `p${seat}`)
  assert.match(
    lines.join('\n'),
    /p1: answer 400 \+ critique 200 \+ prediction 200 \+ resolve 400 = 1200 points; 1000 x 1200 \/ 3000, rounded down, = 400/,
  )
  assert.match(lines.at(-1)!, /left in the escrow: 1$/)
})

test('a state is data: a round that is kept and read again goes on to the same end', () => {
  const kept = structuredClone(whole())
  const settle = { kind: 'settle', time: 1_400 } as const
  assert.deepEqual(stepRound(kept, settle), stepRound(whole(), settle))
})

test('what is late, early, double, copied or of nobody is refused', () => {
  const state = begun()
  const [answer] = plays(0)
  const good = submit(0, 'answer', answer, 1_050)
  assert.equal(refusal(state, { ...good, time: 999 }), 'early')
  assert.equal(refusal(state, { ...good, time: 1_100 }), 'late')
  assert.equal(refusal(state, { ...good, account: account(5) } as RoundEvent), 'nobody')
  const once = after(state, good)
  assert.equal(refusal(once, good), 'double')
  assert.equal(refusal(once, { ...good, account: account(1) } as RoundEvent), 'copy')
  assert.equal(refusal(state, submit(0, 'critique', answer, 1_099)), 'early')
  assert.equal(
    refusal(begun({ ...RULES, stages: oneStage(100) }), submit(0, 'resolve', answer, 1_050)),
    'no-stage',
  )
  assert.equal(refusal(state, { ...good, commitment: '0x12' } as RoundEvent), 'malformed')
})

test('only what was committed to is opened, in its time, once, and with numbers that can be', () => {
  let state = begun()
  const selfVote = part([100, 100], [1, 0])
  const parts = [part([100, 100]), selfVote]
  state = after(state, submit(0, 'answer', parts[0]!, 1_000), submit(0, 'resolve', selfVote, 1_250))
  const open = (opened: readonly Part[], time = 1_310): RoundEvent => ({
    ...{ kind: 'claim', account: account(0), parts: opened, time },
  })
  assert.equal(refusal(state, open(parts)), 'self-vote')
  assert.equal(refusal(state, open([parts[0]!])), 'malformed')
  assert.equal(refusal(state, open([part([100, 101]), parts[1]!])), 'malformed')
  assert.equal(refusal(state, open([parts[0]!, part([100, 100], [2, 4])])), 'malformed')
  assert.equal(refusal(state, open([parts[0]!, part([100, 100], [2, 0])])), 'not-committed')
  assert.equal(refusal(state, open(parts, 1_299)), 'early')
  assert.equal(refusal(state, open(parts, 1_350)), 'late')
  assert.equal(
    refusal(whole(), { kind: 'claim', account: account(0), parts: plays(0), time: 1_320 }),
    'double',
  )
  assert.equal(refusal(begun(), open([])), 'not-committed')
})

test('a score in doubt holds the round; one that falls takes all of its seat with it', () => {
  let state = after(whole(), { kind: 'challenge', account: account(1), time: 1_390 })
  assert.equal(refusal(state, { kind: 'settle', time: 1_400 }), 'in-doubt')
  assert.equal(refusal(state, { kind: 'challenge', account: account(1), time: 1_400 }), 'late')
  state = after(state, { kind: 'judged', account: account(1), stands: false, time: 1_500 })
  const { settled } = stepRound(state, { kind: 'settle', time: 1_500 }).state
  assert.equal(settled!.points[1], undefined)
  assert.equal(settled!.payouts[1], 0n)
  assert.equal(refusal({ ...state, settled: settled! }, { kind: 'settle', time: 1_600 }), 'over')
})

test('what is not claimed is nothing', () => {
  let state = begun()
  state = after(state, submit(0, 'answer', plays(0)[0], 1_000))
  const { settled } = stepRound(state, { kind: 'settle', time: 1_400 }).state
  assert.deepEqual(settled!.payouts, [0n, 0n, 0n])
})

test('proposers take turns, and cannot be paid for solving what they proposed', () => {
  const rules: RoundRules = {
    ...RULES,
    stages: proposerAndSolver(100),
    weights: { answer: 1, critique: 0, prediction: 0, resolve: 0, propose: 1 },
  }
  assert.equal(faultOfRules(rules), undefined)
  let state = begun(rules)
  const turn = proposerOf(state, 0)
  const other = (turn + 1) % 3
  const proposal = { family: 4, seed: 77 }
  const propose = (seat: number): RoundEvent => ({
    ...{ kind: 'propose', account: account(seat), task: 0, proposal, time: 1_010 },
  })
  assert.equal(refusal(state, propose(other)), 'not-yours')
  state = after(state, propose(turn))
  assert.equal(refusal(state, propose(turn)), 'double')
  assert.deepEqual(tasksOf(state), [proposal, drawnTask(SEED, 1, 5)])
  const own = part([100, 0])
  const theirs = part([100, 100])
  state = after(state, submit(turn, 'answer', own, 1_110), submit(other, 'answer', theirs, 1_110))
  assert.equal(
    refusal(state, { kind: 'claim', account: account(turn), parts: [own], time: 1_210 }),
    'own-task',
  )
  state = after(state, { kind: 'claim', account: account(other), parts: [theirs], time: 1_210 })
  const { settled } = stepRound(state, { kind: 'settle', time: 1_400 }).state
  assert.equal(settled!.points[other]!.total, 200)
})

test('stages follow from the time alone', () => {
  const state = begun()
  assert.deepEqual(
    [999, 1_000, 1_099, 1_100, 1_299, 1_300].map((time) => stageAt(state, time)),
    [undefined, 'answer', 'answer', 'critique', 'resolve', undefined],
  )
  assert.deepEqual(endsOf(RULES, 1_000), { stages: 1_300, claims: 1_350, challenges: 1_400 })
})

test('rules from outside are within their bounds', () => {
  assert.equal(faultOfRules(RULES), undefined)
  const wrong: readonly [Partial<RoundRules>, string][] = [
    [{ stages: [] }, 'stages'],
    [{ stages: [...threeStages(1)].reverse() }, 'stages'],
    [{ stages: threeStages(0.5) }, 'stages.answer'],
    [{ tasks: 17 }, 'tasks'],
    [{ stages: oneStage(10) }, 'weights.critique'],
    [{ reward: 0n }, 'reward'],
    [{ claimTime: Number.NaN }, 'claimTime'],
  ]
  for (const [change, field] of wrong) assert.equal(faultOfRules({ ...RULES, ...change })?.field, field)
})

test('each answer opens under the root of all, and no other does', () => {
  const encoder = new TextEncoder()
  for (let count = 1; count <= 16; count++) {
    const answers = Array.from({ length: count }, (_, i) => encoder.encode(i % 3 ? `answer ${i}` : ''))
    const root = answersRoot(answers)
    answers.forEach((answer, task) => {
      assert.equal(climb(answerLeaf(task, answer), answerPath(answers, task)), root)
      assert.notEqual(climb(answerLeaf(task, encoder.encode('another')), answerPath(answers, task)), root)
      assert.notEqual(climb(answerLeaf(task + 1, answer), answerPath(answers, task)), root)
    })
  }
})

test('whatever is said in whatever order: what is refused changes nothing, and no more than the reward is paid', () => {
  let settledRounds = 0
  for (let seed = 1; seed <= 40; seed++) {
    let s = seed
    const draw = (below: number): number => {
      s = (Math.imul(s, 1664525) + 1013904223) >>> 0
      return Math.floor((s / 2 ** 32) * below)
    }
    const stages = Object.keys(CHAIN_STAGES) as readonly ChainStage[]
    let state = begun()
    let time = 990
    const open = (seat: number): readonly Part[] =>
      plays(seat).filter((_, i) => state.entries[seat]!.commitments[stages[i]!] !== undefined)
    for (let i = 0; i < 120 && state.settled === undefined; i++) {
      time += draw(9)
      const seat = draw(3)
      const event: RoundEvent = [
        (): RoundEvent => {
          const stage = draw(3)
          return submit(seat, stages[stage]!, plays(draw(8) ? seat : draw(3))[stage]!, time)
        },
        (): RoundEvent => ({
          kind: 'claim',
          account: account(seat),
          parts: open(draw(8) ? seat : draw(3)),
          time,
        }),
        (): RoundEvent => ({ kind: 'challenge', account: account(seat), time }),
        (): RoundEvent => ({ kind: 'judged', account: account(seat), stands: draw(2) === 0, time }),
        (): RoundEvent => ({ kind: 'settle', time }),
      ][draw(3) ? 0 : draw(5)]!()
      const before = structuredClone(state)
      const { state: next, effects } = stepRound(state, event)
      assert.equal(effects.length, 1)
      if (effects[0]!.kind === 'refused') assert.equal(next, state)
      assert.deepEqual(state, before, 'the state before is as it was')
      state = next
    }
    for (const entry of state.entries)
      assert.ok(entry.doubts >= 0 && (entry.play === undefined || Object.keys(entry.commitments).length > 0))
    // Whoever wants to see it end can: doubts are judged, then the round is settled.
    for (let seat = 0; seat < 3; seat++)
      while (state.settled === undefined && state.entries[seat]!.doubts > 0)
        state = after(state, { kind: 'judged', account: account(seat), stands: true, time })
    if (state.settled === undefined) state = stepRound(state, { kind: 'settle', time: 2_000 }).state
    const paid = state.settled!.payouts.reduce((sum, amount) => sum + amount, 0n)
    assert.ok(paid <= RULES.reward)
    if (paid > 0n) settledRounds++
    state.entries.forEach((entry, seat) => {
      if (entry.fallen || entry.play === undefined) assert.equal(state.settled!.payouts[seat], 0n)
    })
  }
  assert.ok(settledRounds > 10, `${settledRounds} rounds paid anything`)
})
