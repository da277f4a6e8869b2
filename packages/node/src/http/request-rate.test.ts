import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRequestRate } from './request-rate.ts'

test('in any stretch of time no more pass than the burst and what the rate adds', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 20 }),
      fc.array(fc.nat(500), { maxLength: 200 }),
      (perSecond, burst, gaps) => {
        let time = 1000
        const may = createRequestRate({ perSecond, burst }, () => time)
        const passed: number[] = []
        for (const gap of gaps) {
          time += gap
          if (may('caller') === 0) passed.push(time)
        }
        for (const [i, first] of passed.entries())
          for (const [j, last] of passed.entries())
            if (j >= i) assert.ok(j - i + 1 <= burst + ((last - first) / 1000) * perSecond + 1e-6)
      },
    ),
  )
})

test('who waits as long as it is told may pass, and others are not held up', () => {
  let time = 0
  const may = createRequestRate({ perSecond: 2, burst: 3 }, () => time)
  for (let i = 0; i < 3; i++) assert.equal(may('a'), 0)
  const wait = may('a')
  assert.equal(wait, 0.5)
  assert.equal(may('b'), 0)
  time += wait * 1000
  assert.equal(may('a'), 0)
})

test('a crowd does not fill the memory: who was quiet longest is forgotten', () => {
  const may = createRequestRate({ perSecond: 0.001, burst: 1 }, () => 0)
  may('first')
  assert.ok(may('first') > 0)
  for (let i = 0; i < 4096; i++) may(`caller ${i}`)
  assert.equal(may('first'), 0)
  assert.ok(may('caller 4095') > 0)
})
