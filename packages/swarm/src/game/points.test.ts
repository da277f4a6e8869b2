import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { Hex } from '@lockstep/proof'
import { drawnPlays, type RoundVector, roundVectorsFile } from '../../test/round-vectors.ts'
import { shiftOf, subjectOf } from './drawn.ts'
import { type Play, payouts, pointsOf } from './points.ts'
import type { Weights } from './rules.ts'

const SEED: Hex = `0x${'5e'.repeat(32)}`
const WEIGHTS: Weights = { answer: 2, critique: 1, prediction: 1, resolve: 2 }

test('the golden vectors, which the contract is held to as well, are what this computes', () => {
  const file = new URL('../../../../vectors/swarm-rounds.json', import.meta.url)
  const text = readFileSync(file, 'utf8')
  assert.equal(text, roundVectorsFile())
  const { cases } = JSON.parse(text) as { readonly cases: readonly RoundVector[] }
  assert.ok(cases.length >= 8 && cases.some(({ winners }) => winners.some((winner) => winner > 0)))
})

test('a hand-made round: each part is paid as its rule says', () => {
  // Two tasks, three seats; seat 2 solves the first task only.
  const shift = [0, 1].map((task) => shiftOf(SEED, task, 3))
  const answers = [
    [100, 100],
    [100, 40],
    [100, 0],
  ]
  const judged = (seat: number): number[] => shift.map((by, task) => 1 + answers[(seat + by) % 3]![task]!)
  const { points, winners } = pointsOf(SEED, WEIGHTS, 2, [
    { answers: answers[0]!, judgements: judged(0), finals: [100, 100], votes: [2, 2] },
    {
      answers: answers[1]!,
      judgements: judged(1).map((byte) => byte - 1),
      finals: [100, 100],
      votes: [1, 1],
    },
    { answers: answers[2]!, judgements: [0, 0], finals: [0, 100], votes: [1, 1] },
  ])
  // Weights of votes: 200, 140, 100. Both tasks: 240 for seat 0, 200 for seat 1.
  assert.deepEqual(winners, [1, 1])
  assert.deepEqual(
    points.map((one) => [one!.answer, one!.critique, one!.prediction, one!.resolve, one!.total]),
    [
      [400, 200, 0, 400, 1000],
      [280, 0, 200, 400, 880],
      [200, 0, 200, 200, 600],
    ],
  )
})

test('of equal weights the lowest seat wins, whoever voted first', () => {
  const one = (vote: number): Play => ({ answers: [100], votes: [vote] })
  assert.deepEqual(pointsOf(SEED, WEIGHTS, 1, [one(2), one(3), one(2), one(3)]).winners, [2])
  assert.deepEqual(pointsOf(SEED, WEIGHTS, 1, [one(3), one(4), one(4), one(3)]).winners, [3])
})

test('a crowd of identities that solve nothing decides no vote and is paid nothing', () => {
  const honest: Play[] = [
    { answers: [100, 100], finals: [100, 100], votes: [2, 2], judgements: [0, 0] },
    { answers: [100, 0], finals: [100, 100], votes: [1, 1], judgements: [0, 0] },
  ]
  const alone = pointsOf(SEED, WEIGHTS, 2, honest)
  // A hundred of them vote for a wrong answer of one of them, and for nothing else.
  const crowd: Play[] = Array.from({ length: 100 }, () => ({
    answers: [0, 0],
    finals: [0, 0],
    votes: [3, 3],
  }))
  const among = pointsOf(SEED, WEIGHTS, 2, [...honest, ...crowd])
  assert.deepEqual(among.winners, alone.winners)
  assert.deepEqual(
    among.points.slice(0, 2).map((one) => one!.prediction),
    alone.points.map((one) => one!.prediction),
  )
  assert.equal(
    among.points.slice(2).reduce((sum, one) => sum + one!.total, 0),
    0,
  )
})

test('a wrong answer that wins pays nobody for having predicted it', () => {
  const plays: Play[] = [
    { answers: [0, 100], votes: [2, 0] },
    { answers: [60, 100], votes: [0, 0] },
    { answers: [60, 100], votes: [2, 0] },
  ]
  const { winners, points } = pointsOf(SEED, WEIGHTS, 2, plays)
  assert.equal(winners[0], 2)
  assert.ok(points.every((one) => one!.prediction === 0))
})

test('what is paid is never more than the reward, and nothing that does not stand is paid', () => {
  for (let seed = 0; seed < 60; seed++) {
    const plays = drawnPlays(1 + (seed % 9), 1 + (seed % 16), seed)
    const outcome = pointsOf(SEED, WEIGHTS, 1 + (seed % 16), plays)
    for (const reward of [1n, 7n, 10n ** 18n]) {
      const paid = payouts(reward, outcome)
      const sum = paid.reduce((a, b) => a + b, 0n)
      assert.ok(sum <= reward && (outcome.total === 0 || sum > reward - BigInt(plays.length)))
      paid.forEach((amount, seat) => {
        assert.ok(plays[seat] !== undefined || amount === 0n)
      })
    }
  }
})

test('nobody judges itself, and everybody is judged by one', () => {
  for (let seats = 2; seats < 20; seats++)
    for (let task = 0; task < 4; task++) {
      const subjects = Array.from({ length: seats }, (_, seat) => subjectOf(SEED, task, seats, seat)!)
      assert.equal(new Set(subjects).size, seats)
      assert.ok(subjects.every((subject, seat) => subject !== seat))
    }
  assert.equal(subjectOf(SEED, 0, 1, 0), undefined)
})

test('a proposer earns most with a task that half of the others solve', () => {
  const weights = { ...WEIGHTS, propose: 1 }
  const earned = (right: number): number => {
    const plays: Play[] = [{}, ...Array.from({ length: 4 }, (_, i) => ({ answers: [i < right ? 100 : 0] }))]
    return pointsOf(SEED, weights, 1, plays, [0]).points[0]!.propose
  }
  assert.deepEqual([0, 1, 2, 3, 4].map(earned), [0, 75, 100, 75, 0])
})

test('an identity that is split in two, without solving more, does not earn more by its votes', () => {
  // The same solver, once whole and once as two seats that share its answers out between them.
  const others: Play[] = [
    { answers: [100, 100, 100, 100], votes: [2, 2, 2, 2] },
    { answers: [100, 100, 100, 100], votes: [1, 1, 1, 1] },
  ]
  const whole = pointsOf(SEED, WEIGHTS, 4, [...others, { answers: [100, 100, 0, 0], votes: [1, 1, 1, 1] }])
  const split = pointsOf(SEED, WEIGHTS, 4, [
    ...others,
    { answers: [100, 0, 0, 0], votes: [1, 1, 1, 1] },
    { answers: [0, 100, 0, 0], votes: [1, 1, 1, 1] },
  ])
  assert.deepEqual(split.winners, whole.winners)
  const answers = (seats: readonly number[], of: typeof whole): number =>
    seats.reduce((sum, seat) => sum + of.points[seat]!.answer, 0)
  assert.equal(answers([2, 3], split), answers([2], whole))
})
