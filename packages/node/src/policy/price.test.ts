import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mayReplace, scoreOf } from '@lockstep/market'
import fc from 'fast-check'
import { defaultConfig } from '../config/template.ts'
import { askPrice, floorPrice } from './price.ts'

const PRICE = { ...defaultConfig().policy.price, floor: 100n, hourly: 0n, margin: 0, open: 0.9, step: 0.02 }
const auction = { ceiling: 1000n, minimumImprovement: 100n, discount: 0n }
const leader = (score: bigint, own = false) => ({ ...auction, leader: { score, own } })

test('the floor is the dearer of a unit’s and an hour’s, with the margin, never rounded down', () => {
  assert.equal(floorPrice(PRICE, 1000), 100n)
  assert.equal(floorPrice({ ...PRICE, hourly: 3_600_000n * 150n }, 1000), 150n)
  assert.equal(floorPrice({ ...PRICE, hourly: 3_600_000n * 150n + 1n }, 1000), 151n)
  assert.equal(floorPrice({ ...PRICE, margin: 0.25 }, 1000), 125n)
  assert.equal(floorPrice({ ...PRICE, floor: 0n, margin: 100 }, 1000), 0n)
})

test('who undercuts asks a part of the ceiling first, then a step less than the best, down to the floor', () => {
  assert.deepEqual(askPrice(PRICE, 1, auction), { price: 900n })
  assert.deepEqual(askPrice(PRICE, 1, leader(500n)), { price: 490n })
  assert.deepEqual(askPrice(PRICE, 1, { ...leader(500n), minimumImprovement: 1000n }), { price: 450n })
  assert.deepEqual(askPrice(PRICE, 1, { ...leader(500n), discount: 1000n }), { price: 544n })
  assert.deepEqual(askPrice(PRICE, 1, leader(2000n)), { price: 900n })
  assert.deepEqual(askPrice(PRICE, 1, leader(102n)), { price: 100n })
})

test('a fixed price is the floor, whatever others ask', () => {
  const fixed = { ...PRICE, strategy: 'fixed' } as const
  assert.deepEqual(askPrice(fixed, 1, auction), { price: 100n })
  assert.deepEqual(askPrice(fixed, 1, leader(500n)), { price: 100n })
})

test('nothing is asked where it could not be had, or is ours already', () => {
  assert.deepEqual(askPrice(PRICE, 1, { ...auction, ceiling: 99n }), {
    reason: 'ceiling-below-floor',
    floor: 100n,
  })
  assert.deepEqual(askPrice(PRICE, 1, leader(101n)), { reason: 'leader-below-floor', floor: 100n })
  assert.deepEqual(askPrice(PRICE, 1, leader(500n, true)), { reason: 'leading', floor: 100n })
})

test('what is asked is within floor and ceiling, and would replace the leader', () => {
  const amount = fc.bigInt({ min: 0n, max: 10n ** 30n })
  fc.assert(
    fc.property(
      fc.record({
        floor: amount,
        hourly: amount,
        margin: fc.double({ min: 0, max: 100, noNaN: true }),
        strategy: fc.constantFrom('undercut' as const, 'fixed' as const),
        open: fc.double({ min: 0.0001, max: 1, noNaN: true }),
        step: fc.double({ min: 0, max: 0.5, noNaN: true }),
      }),
      fc.record({
        ceiling: amount,
        minimumImprovement: fc.bigInt({ min: 0n, max: 5000n }),
        discount: fc.bigInt({ min: 0n, max: 1000n }),
        leader: fc.option(fc.record({ score: amount, own: fc.constant(false) }), { nil: undefined }),
      }),
      fc.double({ min: 0.001, max: 1e9, noNaN: true }),
      (price, offer, speed) => {
        const ask = askPrice(price, speed, offer)
        if ('reason' in ask) return
        assert.ok(ask.price >= floorPrice(price, speed) && ask.price <= offer.ceiling)
        if (offer.leader)
          assert.ok(
            mayReplace(scoreOf(ask.price, offer.discount), offer.leader.score, offer.minimumImprovement),
          )
      },
    ),
  )
})
