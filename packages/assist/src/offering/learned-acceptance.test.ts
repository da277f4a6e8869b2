import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWasmExecutor, referenceExecutor } from '@lockstep/tensor'
import type { OfferFeatures, Outcome } from './acceptance.ts'
import { learnedAcceptance, OUTCOMES } from './learned-acceptance.ts'

const offer = (log: number, more: Partial<OfferFeatures> = {}): OfferFeatures => ({
  ...{
    log,
    mean: log / 4,
    worst: log / 2,
    length: 4,
    saved: 3,
    matched: 4,
    pause: 0.2,
    since: 5,
    recent: 0.5,
    shown: 1,
  },
  ...more,
})
const within = (p: number | undefined, low: number, high: number): void =>
  assert.ok(p !== undefined && p >= low && p <= high, `${p} is not from ${low} to ${high}`)

/** Wanted as often as it seems, but never after a short pause. */
const outcomes = (count: number): Outcome[] =>
  Array.from({ length: count }, (_, i) => {
    const pause = i % 2 === 0 ? 0.1 : 2
    return { features: offer(-0.1, { pause }), wanted: pause > 1 }
  })

test('before it has learned it takes the model at its word', async () => {
  const acceptance = await learnedAcceptance(await createWasmExecutor())
  const p = await acceptance.probabilities([
    offer(-0.105),
    offer(-Math.LN2),
    offer(-4),
    offer(0),
    offer(-200),
  ])
  for (const [i, expected] of [0.9, 0.5, 0.018, 0.9997, 0.0003].entries())
    within(p[i], expected - 0.001, expected + 0.001)
  assert.equal((await acceptance.probabilities([])).length, 0)
  assert.equal((await acceptance.probabilities(new Array(70).fill(offer(-1)))).length, 70)
  await acceptance.close()
})

test('it learns when offers are wanted, and forgets wholly', async () => {
  const acceptance = await learnedAcceptance(await createWasmExecutor())
  const asked = [offer(-0.1, { pause: 0.1 }), offer(-0.1, { pause: 2 })]
  const before = await acceptance.probabilities(asked)
  await acceptance.learn(outcomes(OUTCOMES + 50))
  const [short, long] = await acceptance.probabilities(asked)
  within(short, 0, 0.2)
  within(long, 0.8, 1)
  await acceptance.learn(outcomes(8))
  const [few] = await acceptance.probabilities(asked)
  within(few, 0.2, 0.9)
  await acceptance.learn([])
  assert.deepEqual(await acceptance.probabilities(asked), before)
  await acceptance.close()
})

test('every executor comes to the same bytes', async () => {
  const said = await Promise.all(
    [await createWasmExecutor(), referenceExecutor].map(async (executor) => {
      const acceptance = await learnedAcceptance(executor)
      if (executor !== referenceExecutor) await acceptance.learn([])
      return acceptance.probabilities([offer(-0.4), offer(-2, { pause: 3 })])
    }),
  )
  assert.deepEqual(said[0], said[1])
})
