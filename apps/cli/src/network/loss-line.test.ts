import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lossLine } from './loss-line.ts'

test('losses are one line of bars, high where they are high', () => {
  assert.equal(lossLine([8, 7, 6, 5, 4, 3, 2, 1]), '8.000 █▇▆▅▄▃▂▁ 1.000')
  assert.equal(lossLine([2]), '2.000 ▁ 2.000')
  assert.equal(lossLine(Array.from({ length: 1000 }, (_, i) => 10 - i / 200)).length, 6 + 1 + 48 + 6)
})
