import assert from 'node:assert/strict'
import { test } from 'node:test'
import { candidatesOf, type Known, resolveTask, seatWithMost } from './resolve.ts'
import { trustOf } from './trust.ts'

/** Four seats; two give the wrong answer b, one the right answer a, one nothing. */
const known = (change: Partial<Known> = {}): Known => ({
  ...{ seat: 1, answers: ['b', 'b', 'a', undefined], critiques: [], trust: () => 1 },
  own: (answer) => (answer === 'a' ? 0.9 : 0.2),
  ...change,
})

test('the likeliest answer is answered and voted for, however many gave another', () => {
  assert.deepEqual(resolveTask(known()), { text: 'a', vote: 3 })
  assert.deepEqual(resolveTask(known({ own: () => 0.5 })), { text: 'b', vote: 1 })
})

test('a vote names the lowest other seat that gave the answer, never the own', () => {
  // Seat 2 alone gave a: it answers with it, and votes for what somebody else said.
  assert.deepEqual(resolveTask(known({ seat: 2 })), { text: 'a', vote: 1 })
  assert.deepEqual(resolveTask(known({ seat: 0, own: () => 0.5 })), { text: 'b', vote: 2 })
  assert.deepEqual(resolveTask(known({ answers: [undefined, 'a'] })), { text: 'a', vote: 0 })
  assert.deepEqual(resolveTask(known({ answers: [undefined, ''] })), { text: '', vote: 0 })
})

test('what others said counts by how far they are trusted', () => {
  const critiques = [
    { judge: 0, subject: 2, judgement: 0 },
    { judge: 3, subject: 0, judgement: 100 },
  ]
  const chances = (trust: Known['trust']) =>
    candidatesOf(known({ critiques, trust })).map(({ text, chance }) => [text, chance])
  assert.deepEqual(
    chances((seat) => (seat === 1 ? 1 : 0)),
    [
      ['a', 0.9],
      ['b', 0.2],
    ],
  )
  assert.deepEqual(
    chances(() => 1),
    [
      ['b', 0.6],
      ['a', 0.45],
    ],
  )
  // Whoever trusts nobody goes by its own model, and its own critique is not counted twice.
  assert.deepEqual(
    chances(() => 0),
    [
      ['a', 0.9],
      ['b', 0.2],
    ],
  )
  const mine = [{ judge: 1, subject: 2, judgement: 0 }]
  assert.equal(candidatesOf(known({ critiques: mine }))[0]!.chance, 0.9)
})

test('one who judges falsely moves a chance by no more than its part of the trust', () => {
  const critiques = [{ judge: 0, subject: 2, judgement: 0 }]
  const [a] = candidatesOf(known({ critiques, trust: (seat) => (seat === 0 ? 0.1 : 0.9) }))
  assert.ok(a!.text === 'a' && Math.abs(a!.chance - 0.81) < 1e-12)
})

test('the seat with most weight of votes wins, the lowest of several, and none without weight', () => {
  assert.equal(seatWithMost([3, 3, 1, 0], [0.1, 0.1, 0.3, 5]), 0)
  assert.equal(seatWithMost([3, 3, 1, 0], [0.2, 0.2, 0.3, 5]), 2)
  assert.equal(seatWithMost([2, 1], [1, 1]), 0)
  assert.equal(seatWithMost([2, 1], [0, 0]), undefined)
})

test('trust is what a judge says beyond what everybody knows', () => {
  const history = (judgements: readonly (readonly [judgement: number, right: boolean])[], times: number) =>
    Array.from({ length: times }, () => judgements.map(([judgement, right]) => ({ judgement, right }))).flat()
  const good = history(
    [
      [90, true],
      [10, false],
      [5, false],
    ],
    20,
  )
  const plain = history(
    [
      [33, true],
      [33, false],
      [33, false],
    ],
    20,
  )
  const liar = history(
    [
      [0, true],
      [100, false],
      [100, false],
    ],
    20,
  )
  assert.ok(trustOf(good) > 0.7)
  assert.ok(trustOf(plain) < 0.01)
  assert.equal(trustOf(liar), 0)
  assert.ok(trustOf(good.slice(0, 3)) < trustOf(good) / 2)
  assert.equal(trustOf([]), 0)
  // Where all are right nobody can show anything.
  assert.equal(trustOf(history([[100, true]], 20)), 0)
})

test('a revision is answered where it is the likeliest, and nobody can vote for what nobody gave', () => {
  const own: Known['own'] = (answer) => ({ a: 0.5, b: 0.2, c: 0.9 })[answer] ?? 0
  assert.deepEqual(resolveTask(known({ own, revision: 'c' })), { text: 'c', vote: 3 })
  assert.deepEqual(resolveTask(known({ own, revision: 'd' })), { text: 'a', vote: 3 })
  assert.deepEqual(resolveTask(known({ own, revision: '' })), { text: 'a', vote: 3 })
  assert.deepEqual(resolveTask(known({ own, answers: [undefined, undefined], revision: 'd' })), {
    ...{ text: 'd', vote: 0 },
  })
  // What somebody gave stays that seat's, with what was said of it.
  const critiques = [{ judge: 0, subject: 2, judgement: 0 }]
  assert.equal(
    candidatesOf(known({ own, critiques, revision: 'a' })).find(({ text }) => text === 'a')!.chance,
    0.25,
  )
})
