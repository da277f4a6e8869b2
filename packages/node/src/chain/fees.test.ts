import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { feeAt, raised } from './fees.ts'

const wei = fc.bigInt({ min: 0n, max: 10n ** 13n })
const limit = fc.bigInt({ min: 10n ** 9n, max: 10n ** 13n })

test('a fee never exceeds the limit, and its tip never exceeds the fee', () => {
  fc.assert(
    fc.property(wei, wei, limit, (base, tip, most) => {
      const fee = feeAt({ base, tip }, most)
      assert.ok(fee.maxFee <= most && fee.tip <= fee.maxFee && fee.tip >= 0n)
    }),
  )
})

test('a raised fee is what servers ask for another transaction of the same nonce, or there is none', () => {
  fc.assert(
    fc.property(wei, wei, wei, wei, limit, (base, tip, later, more, most) => {
      const before = feeAt({ base, tip }, most)
      const fee = raised(before, { base: later, tip: more }, most)
      if (fee === undefined) return
      assert.ok(fee.maxFee * 10n >= before.maxFee * 11n && fee.tip * 10n >= before.tip * 11n)
      assert.ok(fee.maxFee > before.maxFee && fee.tip > before.tip)
      assert.ok(fee.maxFee <= most && fee.tip <= fee.maxFee)
    }),
  )
  assert.equal(raised({ maxFee: 100n, tip: 1n }, { base: 0n, tip: 0n }, 120n), undefined)
})
