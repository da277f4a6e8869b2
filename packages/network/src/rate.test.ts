import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLimiter } from './rate.ts'

test('a burst passes at once, then as many a second as the rate says', () => {
  let now = 1_000_000
  const take = createLimiter({ perSecond: 10, burst: 5 }, () => now)
  const taken = (tries: number): number =>
    Array.from({ length: tries }, () => take('a')).filter((wait) => wait === 0).length
  assert.equal(taken(20), 5)
  assert.equal(take('a'), 100)
  now += 99
  assert.equal(take('a'), 1)
  now += 1
  assert.equal(taken(20), 1)
  now += 60_000
  assert.equal(taken(20), 5, 'an idle key has its burst again, and no more')
})

test('keys do not share; more units take longer; a refused try takes nothing', () => {
  let now = 0
  const take = createLimiter({ perSecond: 1, burst: 10 }, () => now)
  assert.equal(take('a', 10), 0)
  assert.equal(take('b', 10), 0)
  assert.equal(take('a', 4), 4000)
  assert.equal(take('a', 4), 4000)
  now += 4000
  assert.equal(take('a', 4), 0)
})

test('keys beyond the bound push out those used longest ago', () => {
  const take = createLimiter({ perSecond: 0.001, burst: 1 }, () => 0, 3)
  for (const key of ['a', 'b', 'c', 'd']) assert.equal(take(key), 0)
  assert.equal(take('a'), 0, 'forgotten')
  assert.notEqual(take('d'), 0, 'kept')
})

test('more units than the burst are never given', () => {
  let now = 0
  const take = createLimiter({ perSecond: 1, burst: 10 }, () => now)
  assert.ok(take('a', 11) > 0)
  now += 1e9
  assert.ok(take('a', 11) > 0)
})
