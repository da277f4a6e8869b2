import assert from 'node:assert/strict'
import { test } from 'node:test'
import { refill } from './refill.ts'

/** Groups written in a round in which every `nth` group teaches something. */
const written = (rule: Parameters<typeof refill>[0], nth: number): number => {
  let n = 0
  for (;;) {
    const more = refill(rule, n, Math.floor(n / nth))
    if (more === 0) return n
    n += more
  }
}

test('who has enough groups that teach writes no more, and nobody writes more than the budget', () => {
  const rule = { groups: 8, budget: 20, wanted: 4 }
  assert.equal(written(rule, 1), 8)
  assert.equal(written(rule, 2), 8)
  assert.equal(written(rule, 3), 16)
  assert.equal(written(rule, 5), 20)
  assert.equal(written(rule, 1000), 20)
})

test('a budget of what is written at first refills nothing, and who wants nothing writes that once', () => {
  assert.equal(written({ groups: 8, budget: 8, wanted: 8 }, 1000), 8)
  assert.equal(written({ groups: 8, budget: 64, wanted: 0 }, 1000), 8)
  assert.equal(written({ groups: 8, budget: 3, wanted: 8 }, 1000), 3)
})
