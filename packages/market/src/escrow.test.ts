import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { somePost, someSlice } from '../test/some-post.ts'
import { auditPay, escrowAtPosting, settlementOf } from './escrow.ts'

const amounts = fc.bigInt({ min: 0n, max: 2n ** 96n - 1n })
const works = fc.array(fc.bigInt({ min: 1n, max: 2n ** 40n }), { minLength: 1, maxLength: 12 })

test('an escrow always covers what its slices can cost, whatever is bid and audited', () => {
  fc.assert(
    fc.property(
      amounts,
      amounts,
      works,
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 0, max: 10_000 }),
      fc.array(fc.tuple(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 100 }))),
      (ceiling, auditPrice, work, auditors, feeShare, bids) => {
        const slices = work.map((w) => someSlice({ work: w }))
        const charges = { feeShare }
        const escrow = escrowAtPosting(somePost({ ceiling, auditPrice, auditors, slices }), charges)
        let spent = 0n
        slices.forEach((slice, i) => {
          const [price = 100, part = 100] = bids[i] ?? []
          const { paid, subsidised, audits, fee } = settlementOf(
            {
              work: slice.work,
              pricePerUnit: (ceiling * BigInt(price)) / 100n,
              firstPrice: ceiling,
              subsidy: 0n,
              audits: Array(auditors).fill(auditPay(auditPrice * slice.work, part, 100)),
            },
            charges,
          )
          spent += paid - subsidised + audits + fee
        })
        assert.ok(spent <= escrow)
        assert.ok(escrow - spent >= 0n)
      },
    ),
  )
})

test('the requester pays no more than the first attempt would have cost, as far as the subsidy reaches', () => {
  fc.assert(
    fc.property(
      amounts,
      amounts,
      amounts,
      fc.bigInt({ min: 1n, max: 1_000n }),
      (price, first, subsidy, work) => {
        const { paid, subsidised } = settlementOf(
          { work, pricePerUnit: price, firstPrice: first, subsidy, audits: [] },
          { feeShare: 100 },
        )
        assert.equal(paid, price * work)
        assert.ok(subsidised <= subsidy)
        if (price <= first) assert.equal(subsidised, 0n)
        else if (subsidy >= (price - first) * work) assert.equal(paid - subsidised, first * work)
        else assert.equal(subsidised, subsidy)
      },
    ),
  )
})

test('an auditor of every step gets the full pay, and parts never add up to more', () => {
  fc.assert(
    fc.property(amounts, fc.integer({ min: 1, max: 10_000 }), fc.nat(10_000), (full, steps, part) => {
      fc.pre(part <= steps)
      assert.equal(auditPay(full, steps, steps), full)
      assert.ok(auditPay(full, part, steps) + auditPay(full, steps - part, steps) <= full)
    }),
  )
})
