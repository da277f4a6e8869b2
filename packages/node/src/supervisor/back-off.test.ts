import assert from 'node:assert/strict'
import { test } from 'node:test'
import { afterEnd, type Ends, NO_ENDS } from './back-off.ts'

const RULES = { first: 100, longest: 1000, steady: 5000, loop: { ends: 3, within: 10_000 } }

test('delays double up to the longest, and begin anew after a steady run', () => {
  let ends: Ends = NO_ENDS
  const delays: number[] = []
  for (let i = 0; i < 6; i++) {
    const after = afterEnd(ends, { now: i * 60_000, ran: 10 }, RULES)
    delays.push(after.delay)
    assert.ok(!after.looping)
    ends = after.ends
  }
  assert.deepEqual(delays, [100, 200, 400, 800, 1000, 1000])
  assert.equal(afterEnd(ends, { now: 1e6, ran: 5000 }, RULES).delay, 100)
})

test('so many ends within a time are a crash loop, and only these are remembered', () => {
  let ends: Ends = NO_ENDS
  const looping: boolean[] = []
  for (const now of [0, 1000, 2000, 3000, 12_500, 30_000]) {
    const after = afterEnd(ends, { now, ran: 10 }, RULES)
    looping.push(after.looping)
    ends = after.ends
    assert.ok(ends.times.length <= RULES.loop.ends)
  }
  assert.deepEqual(looping, [false, false, true, true, false, false])
})

test('a part that has ended for years is tried again within the longest delay', () => {
  assert.equal(afterEnd({ inRow: 1e9, times: [] }, { now: 0, ran: 0 }, RULES).delay, 1000)
})
