import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

const { LOCKSTEP_SEED } = process.env

test('properties are tried with the seed of the run', {
  skip: LOCKSTEP_SEED === undefined && 'outside of npm test the seed is another each time',
}, () => {
  assert.equal(fc.readConfigureGlobal().seed, Number(LOCKSTEP_SEED))
  const drawn = (): number[] => fc.sample(fc.integer(), 3)
  assert.deepEqual(drawn(), drawn())
})
