import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createPatience, PATIENCE_WINDOW } from './patience.ts'

/** What a person may do, and how: with one of the offers made so far, counted back from the newest. */
const doing = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ kind: 'act' as const, back: 0 }) },
  { weight: 6, arbitrary: fc.constant({ kind: 'offer' as const, back: 0 }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('accept' as const), back: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('regret' as const), back: fc.nat(12) }) },
)

test('no hundred actions have more unwanted offers than allowed, whatever is asked and done', () => {
  fc.assert(
    fc.property(fc.nat(6), fc.array(doing, { maxLength: 900, size: 'max' }), (allowed, doings) => {
      const patience = createPatience(() => allowed)
      const made: { at: number; number: number; unwanted: boolean }[] = []
      let actions = 0
      for (const { kind, back } of doings) {
        const offer = made.at(-1 - back)
        if (kind === 'act') {
          actions++
          patience.acted()
        } else if (kind === 'offer') {
          if (patience.allows()) made.push({ at: actions, number: patience.offered(), unwanted: false })
        } else if (offer !== undefined) {
          if (kind === 'accept') patience.accepted(offer.number)
          else if (patience.unwanted(offer.number)) offer.unwanted = true
        }
      }
      for (const { at } of made) {
        const within = made.filter((one) => one.unwanted && one.at >= at && one.at < at + PATIENCE_WINDOW)
        assert.ok(within.length <= allowed, `${within.length} of ${allowed}`)
        assert.ok(within.length <= patience.worst())
      }
    }),
    { numRuns: 60 },
  )
})

test('offers that are taken and left standing use up nothing', () => {
  const patience = createPatience(() => 1)
  for (let i = 0; i < 50; i++) {
    assert.equal(patience.allows(), true)
    const offer = patience.offered()
    assert.equal(patience.allows(), false)
    patience.accepted(offer)
    for (let j = 0; j < 6; j++) patience.acted()
    assert.equal(patience.unwanted(offer), false)
  }
  assert.equal(patience.worst(), 0)
})

test('what is taken back within five actions was unwanted, and uses up its place', () => {
  for (const [actions, counts] of [
    [5, true],
    [6, false],
  ] as const) {
    const patience = createPatience(() => 1)
    const offer = patience.offered()
    patience.accepted(offer)
    for (let i = 0; i < actions; i++) patience.acted()
    assert.equal(patience.allows(), !counts)
    assert.equal(patience.unwanted(offer), counts)
    assert.equal(patience.allows(), !counts)
    assert.equal(patience.worst(), counts ? 1 : 0)
  }
})

test('no patience, no offers', () => {
  assert.equal(createPatience(() => 0).allows(), false)
})
