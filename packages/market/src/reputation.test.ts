import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { dayOf, decayed, discountOf, NO_REPUTATION, recorded, scoreAt } from './reputation.ts'

const scores = fc.bigInt({ min: 0n, max: 2n ** 96n - 1n })
const DAY = 86_400

test('a score halves in 30 days, to within the last units, and is nothing after 128 halvings', () => {
  fc.assert(
    fc.property(scores, fc.integer({ min: 0, max: 100 }), (score, halvings) => {
      const exact = score >> BigInt(halvings)
      const left = decayed(score, 30 * halvings)
      const error = exact > left ? exact - left : left - exact
      assert.ok(error <= 2n + (score >> 55n), `${score} ${halvings}: ${error}`)
    }),
  )
  assert.equal(decayed(2n ** 96n, 3_840), 0n)
})

test("scores have the contract's values, to the last unit", () => {
  assert.equal(decayed(10n ** 18n, 1), 977_159_968_434_245_954n)
  assert.equal(decayed(10n ** 18n, 7), 850_667_160_950_855_698n)
  assert.equal(decayed(10n ** 18n, 30), 10n ** 18n / 2n - 1n)
})

test('a score never rises by waiting', () => {
  fc.assert(
    fc.property(scores, fc.nat(4000), fc.nat(100), (score, a, b) => {
      assert.ok(decayed(score, a + b) <= decayed(score, a))
    }),
  )
})

test('a discount grows with the score, is half of a tenth at the scale, and stays below a tenth', () => {
  fc.assert(
    fc.property(scores, scores, fc.bigInt({ min: 1n, max: 2n ** 96n }), (a, b, scale) => {
      const [low, high] = a < b ? [a, b] : [b, a]
      assert.ok(discountOf(low, scale) <= discountOf(high, scale))
      assert.ok(discountOf(high, scale) < 1_000n)
      assert.equal(discountOf(scale, scale), 500n)
    }),
  )
})

test('completed slices add their fee after the decay; late, failed and slashed leave nothing; declining costs nothing', () => {
  const first = recorded(NO_REPUTATION, 'completed', 1000n, 100 * DAY)
  assert.equal(first.score, 1000n)
  const later = recorded(first, 'completed', 7n, 130 * DAY + 5)
  assert.equal(later.score, decayed(1000n, 30) + 7n)
  assert.equal(later.completed, 2)
  assert.equal(scoreAt(later, 130 * DAY + 80_000), later.score)
  const declined = recorded(later, 'declined', 0n, 131 * DAY)
  assert.equal(declined.score, decayed(later.score, 1))
  for (const outcome of ['late', 'failed', 'slashed'] as const) {
    const after = recorded(declined, outcome, 0n, 132 * DAY)
    assert.equal(after.score, 0n)
    assert.equal(after[outcome], 1)
    assert.equal(after.slashed, 1)
    assert.equal(after.completed, 2)
  }
  assert.equal(dayOf(2 * DAY - 1), 1)
})
