import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { naturalLog } from './natural-log.ts'

test('it is the natural logarithm, to a part in 10^14', () => {
  fc.assert(
    fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) => {
      const expected = Math.log(x)
      assert.ok(Math.abs(naturalLog(x) - expected) <= 1e-14 * (1 + Math.abs(expected)), `${x}`)
    }),
  )
  assert.equal(naturalLog(1), 0)
  assert.equal(naturalLog(0), -Infinity)
})
