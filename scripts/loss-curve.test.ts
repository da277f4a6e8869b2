import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lossCurve } from './loss-curve.ts'

test('a curve falls from the upper left to the lower right', () => {
  const lines = lossCurve([4, 3, 2, 1], 4).split('\n')
  assert.deepEqual(lines, [
    '   4.00 |*',
    '   3.00 | *',
    '   2.00 |  *',
    '   1.00 |   *',
    '        +----',
    '         step 0 to 3',
  ])
})

test('more values than columns are averaged; equal values are a line', () => {
  assert.equal(lossCurve(Array(100).fill(2), 3, 10).split('\n')[2], '   2.00 |**********')
})
