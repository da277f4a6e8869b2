import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exponential } from './exponential.ts'

test('powers of e are near enough, and never negative or no number', () => {
  for (const x of [0, -1e-6, -0.5, -1, -3, -10, -40])
    assert.ok(Math.abs(exponential(x) / Math.exp(x) - 1) < 2e-3, String(x))
  assert.equal(exponential(0), 1)
  for (const x of [-1e3, -1e9, Number.NEGATIVE_INFINITY]) {
    const power = exponential(x)
    assert.ok(power >= 0 && power < 1e-200, String(x))
  }
})
