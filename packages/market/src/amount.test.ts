import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatAmount, parseAmount } from './amount.ts'

test('an amount is read back from its text, to the last unit', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 36n }), (units) => {
      assert.equal(parseAmount(formatAmount(units)), units)
    }),
  )
  assert.equal(formatAmount(-250_000_000_000_000_000n), '-0.25')
  assert.equal(parseAmount('1.50'), 1_500_000_000_000_000_000n)
})

test('what is no plain decimal is none', () => {
  for (const text of [
    '',
    '.5',
    '1.',
    '01',
    '-1',
    '1e3',
    '1,5',
    ' 1',
    '0x1',
    `0.${'1'.repeat(19)}`,
    '9'.repeat(20),
  ])
    assert.equal(parseAmount(text), undefined, text)
})
