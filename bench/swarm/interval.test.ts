import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interval } from './interval.ts'

test('an interval is that of the t distribution', () => {
  const { mean, low, high } = interval([1, 2, 3, 4, 5])
  assert.equal(mean, 3)
  // 2.776 * sqrt(2.5 / 5)
  assert.ok(Math.abs(high - 3 - 1.9629) < 1e-3 && Math.abs(3 - low - 1.9629) < 1e-3)
  assert.deepEqual(interval([4, 4, 4]), { mean: 4, low: 4, high: 4 })
})
