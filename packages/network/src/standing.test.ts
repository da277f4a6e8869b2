import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silent } from './log.ts'
import { createStanding } from './standing.ts'

const limits = { banMs: 60_000, standingHalfLifeMs: 10_000 }

test('misconduct costs standing, and half of it is forgotten every half-life', () => {
  let now = 0
  const standing = createStanding(limits, () => now, silent, assert.fail)
  standing.penalise('p', 'malformed', 'bytes')
  standing.penalise('p', 'malformed', 'bytes')
  assert.equal(standing.of('p'), -50)
  now += 10_000
  assert.equal(standing.of('p'), -25)
  assert.equal(standing.of('stranger'), 0)
  assert.equal(standing.counts.malformed, 2)
})

test('a peer at the limit is banned for a time, logged with the reason, and for longer when it goes on', () => {
  let now = 0
  const dropped: string[] = []
  const logged: object[] = []
  const log = { ...silent, warn: (fields: object) => logged.push(fields) }
  const standing = createStanding(
    limits,
    () => now,
    log,
    (p) => dropped.push(p),
  )
  standing.penalise('p', 'garbage', 'chunk 3')
  standing.penalise('p', 'garbage', 'chunk 4')
  assert.deepEqual(dropped, ['p'])
  assert.ok(standing.banned('p'))
  assert.deepEqual(logged, [
    { peer: 'p', misconduct: 'garbage', detail: 'chunk 4', standing: -100, banMs: 60_000 },
  ])
  now += 60_000
  assert.ok(!standing.banned('p'))
  assert.equal(standing.of('p'), -50, 'it is not a stranger')
  standing.penalise('p', 'garbage', 'chunk 5')
  assert.ok(standing.banned('p'))
  now += 60_000
  assert.ok(standing.banned('p'), 'twice as long')
})

test('ten thousand names cost no more memory than the bound', () => {
  const standing = createStanding(
    limits,
    () => 0,
    silent,
    () => {},
  )
  for (let i = 0; i < 10_000; i++) standing.penalise(`p${i}`, 'malformed', '')
  assert.equal(standing.of('p0'), 0)
  assert.equal(standing.of('p9999'), -25)
})
