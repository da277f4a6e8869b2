import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { somePost, someSlice } from '../test/some-post.ts'
import { auditPay, escrowAtPosting, settlementOf, slashOf, sliceCost } from './escrow.ts'
import { ATTEMPT_FAULT } from './job.ts'
import { requiredStake } from './rule.ts'

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

test('a slash is shared out to the last unit, pays every auditor, and its bounty is less than it', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ATTEMPT_FAULT.slice(1)),
      fc.bigInt({ min: 1n, max: 2n ** 80n }),
      fc.bigInt({ min: 1n, max: 2n ** 40n }),
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 0, max: 100 }),
      fc.integer({ min: 1, max: 5_000 }),
      fc.integer({ min: 1, max: 10_000 }),
      (fault, ceiling, work, price, aside, bountyShare, auditRate) => {
        const post = somePost({ ceiling, auditPrice: ceiling, auditRate })
        const locked = requiredStake(post, { work }, 1n)
        const firstPrice = (ceiling * BigInt(price)) / 100n
        const audits =
          fault === 'fallen' || fault === 'silent' ? sliceCost(post, { work }) - ceiling * work : 0n
        const subsidy = ((ceiling - firstPrice) * work * BigInt(aside)) / 100n
        const charges = { noShowShare: 700, lateShare: 2_000, bountyShare }
        const slash = slashOf({ fault, locked, ceiling, work, firstPrice, subsidy, audits }, charges)
        assert.equal(slash.bounty + slash.audits + slash.subsidy + slash.treasury, slash.slashed)
        assert.ok(slash.treasury >= 0n && slash.subsidy >= 0n && slash.slashed <= locked)
        assert.ok(slash.bounty === 0n || slash.bounty < slash.slashed)
        assert.ok(firstPrice * work + subsidy + slash.subsidy <= ceiling * work)
        if (fault === 'declined' || fault === 'unavailable') assert.equal(slash.slashed, 0n)
      },
    ),
  )
})
