import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ZERO_HEX } from '@lockstep/proof'
import fc from 'fast-check'
import { somePost } from '../test/some-post.ts'
import type { Bid } from './bid.ts'
import type { Address } from './post.ts'
import {
  type BidContext,
  type Bidder,
  bestBid,
  checkBid,
  mayReplace,
  requiredStake,
  scoreOf,
} from './rule.ts'

const prices = fc.bigInt({ min: 0n, max: 2n ** 96n - 1n })
const discounts = fc.bigInt({ min: 0n, max: 1_000n })

test('a score never exceeds the price, falls by a tenth at most, and rises with the price', () => {
  fc.assert(
    fc.property(prices, prices, discounts, (a, b, discount) => {
      const score = scoreOf(a, discount)
      assert.ok(score <= a && score * 10n >= a * 9n - 10n)
      if (a <= b) assert.ok(score <= scoreOf(b, discount))
    }),
  )
})

test('replacing a leader again and again ends: each improvement is a real one', () => {
  fc.assert(
    fc.property(prices, prices, (score, leader) => {
      if (leader > 0n && mayReplace(score, leader, 100n)) assert.ok(score < leader)
      assert.ok(!mayReplace(leader, leader, 100n) || leader === 0n)
    }),
  )
})

test('stake times the probability of being found is at least the gain, but for a rounding', () => {
  fc.assert(
    fc.property(
      prices,
      fc.bigInt({ min: 1n, max: 2n ** 40n }),
      fc.integer({ min: 1, max: 10_000 }),
      prices,
      (ceiling, work, auditRate, minimum) => {
        const stake = requiredStake(
          { ceiling, auditRate, auditPrice: minimum, auditors: 2 },
          { work },
          minimum,
        )
        assert.ok(stake >= minimum)
        assert.ok((stake + 1n) * BigInt(auditRate) >= ceiling * work * 10_000n)
        assert.ok(stake >= 4n * minimum * work)
      },
    ),
  )
})

const account = (n: number): Address => `0x${n.toString(16).padStart(40, '0')}`
const post = somePost({ allowed: [account(0xa), account(0xb), account(0xc)], banned: [account(0xc)] })
const bid: Bid = {
  job: 7,
  account: account(0xa),
  key: account(1),
  pricePerUnit: 90n,
  time: 50,
  slices: 2,
  expiry: 1_001,
  salt: 1n,
}
const bidder: Bidder = { bid, discount: 0n, freeStake: 10n ** 30n, working: 0 }
const context: BidContext = { job: 7, slice: 0, now: 1_000, minimumStake: 5n, inGroup: [], tried: [] }

test('a bid is taken only within everything that was posted', () => {
  const code = (
    change: Partial<Bid>,
    about: Partial<Bidder> = {},
    where: Partial<BidContext> = {},
  ): string => {
    const result = checkBid(
      post,
      { ...bidder, ...about, bid: { ...bid, ...change } },
      { ...context, ...where },
    )
    return result.ok ? 'taken' : result.fault.code
  }
  assert.equal(code({}), 'taken')
  assert.equal(code({ account: account(0xb) }), 'taken')
  assert.equal(code({ job: 8 }), 'bid-job')
  assert.equal(code({ expiry: 1_000 }), 'bid-expired')
  assert.equal(code({ pricePerUnit: post.ceiling + 1n }), 'bid-price')
  assert.equal(code({ pricePerUnit: 0n }), 'bid-price')
  assert.equal(code({ time: 0 }), 'bid-time')
  assert.equal(code({ time: post.slices[0]!.time + 1 }), 'bid-time')
  assert.equal(code({ account: account(0xd) }), 'bid-account')
  assert.equal(code({ account: account(0xc) }), 'bid-account')
  assert.equal(code({}, { working: 2 }), 'bid-used')
  assert.equal(code({}, { freeStake: requiredStake(post, post.slices[0]!, 5n) }), 'taken')
  assert.equal(code({}, { freeStake: requiredStake(post, post.slices[0]!, 5n) - 1n }), 'bid-stake')
  assert.equal(code({}, {}, { slice: 99 }), 'bid-slice')
  assert.equal(code({}, {}, { tried: [account(0xa)] }), 'bid-tried')
  assert.equal(code({}, {}, { inGroup: [account(0xa)] }), 'taken')
  assert.equal(code({}, {}, { inGroup: [account(0xa)], slice: 2 }), 'bid-group')
  assert.equal(post.slices[0]!.initialItem === ZERO_HEX, false)
})

test('the best bid has the lowest score of those that would be taken, then the shortest time, then came first', () => {
  const of = (pricePerUnit: bigint, time: number, discount = 0n, n = 0xa): Bidder => ({
    ...bidder,
    discount,
    bid: { ...bid, pricePerUnit, time, account: account(n) },
  })
  const list = [of(90n, 50), of(80n, 50, 0n, 0xc), of(85n, 40), of(85n, 40, 0n, 0xb), of(90n, 40, 500n)]
  assert.equal(bestBid(post, list, context), list[2])
  assert.equal(bestBid(post, [of(101n, 50)], context), undefined)
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.bigInt({ min: 1n, max: 120n }), discounts)), (bids) => {
      const bidders = bids.map(([price, discount]) => of(price, 50, discount))
      const best = bestBid(post, bidders, context)
      for (const other of bidders) {
        if (other.bid.pricePerUnit > post.ceiling) continue
        assert.ok(
          best &&
            scoreOf(best.bid.pricePerUnit, best.discount) <= scoreOf(other.bid.pricePerUnit, other.discount),
        )
      }
    }),
  )
})
