import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from '@lockstep/proof'
import { pointsOf } from './points.ts'
import { pluralityOf, resolvedAnswers, voteFor } from './votes.ts'

const SEED: Hex = `0x${'5e'.repeat(32)}`

test('the plain majority is the answer given most often, the earliest of several', () => {
  assert.equal(pluralityOf(['7', '8', '8', undefined, '7', '8']), '8')
  assert.equal(pluralityOf(['9', '8', '8', '9']), '9')
  assert.equal(pluralityOf(['', '', '3']), '3')
  assert.equal(pluralityOf(['', undefined]), undefined)
})

test('a vote names the lowest seat with that answer, and never oneself', () => {
  const answers = ['7', '8', '8', '8']
  assert.equal(voteFor(answers, '8', 0), 2)
  assert.equal(voteFor(answers, '8', 1), 3)
  assert.equal(voteFor(answers, '7', 0), 0)
  assert.equal(voteFor(answers, '5', 0), 0)
})

test('those who solve more outvote a plain majority that is wrong', () => {
  // Three are wrong about the first task, in the same way, and about most others; two are right about all.
  const first = ['no', 'no', 'yes', 'yes', 'no']
  const scores = [
    [0, 0, 100],
    [0, 0, 0],
    [100, 100, 100],
    [100, 100, 100],
    [0, 100, 0],
  ]
  const plays = scores.map((answers, seat) => ({
    answers,
    votes: [voteFor(first, first[seat]!, seat), 0, 0],
  }))
  const { winners } = pointsOf(SEED, { answer: 1, critique: 0, prediction: 1, resolve: 0 }, 3, plays)
  assert.equal(pluralityOf(first), 'no')
  assert.deepEqual(resolvedAnswers(winners, [first, [], []]), ['yes', undefined, undefined])
})
