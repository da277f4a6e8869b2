import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Builder, MAX_TEXT, STEPS } from '../src/index.ts'
import { families } from '../src/tasks/families.ts'
import { stackCode } from '../src/tasks/stack-code.ts'
import { answersNear } from './answers.ts'

/**
 * Families are written with lists that check every index, which those that are used do not: here a run that leaves
 * a list never ends.
 */

const seeds = process.env.LOCKSTEP_NIGHTLY === '1' ? 200 : 4

let checks = 0
// The stack language looks at words below the stack before it knows that it does not need them.
let reads = true
const checked = (m: Builder, index: unknown, length: number): void => {
  if (typeof index === 'number') return
  checks++
  const word = index as ReturnType<Builder['word']>
  m.while(
    () => word.ge(length),
    () => {},
  )
}
const { load, store } = Builder.prototype
Builder.prototype.load = function (list, index) {
  if (reads) checked(this, index, list.length)
  return load.call(this, list, index)
}
Builder.prototype.store = function (list, index, value) {
  checked(this, index, list.length)
  store.call(this, list, index, value)
}

test('no answer makes a family leave its lists, or run for long', () => {
  for (const family of families) {
    reads = family !== stackCode
    for (let level = 0; level < family.levels; level++) {
      for (let i = 0; i < seeds; i++) {
        const seed = 7_919 * (i + 1)
        const { solution } = family.play(seed, level)
        for (const answer of answersNear(solution, family.play(seed + 1, level).solution, seed)) {
          const steps = family.steps(seed, level, answer)
          const what = `${family.name}, seed ${seed}, level ${level}, ${JSON.stringify(answer)}`
          assert.ok(steps < STEPS, `${what} does not end`)
        }
      }
    }
  }
  assert.ok(checks > 400, `only ${checks} indices were checked`)
  assert.equal(MAX_TEXT, 96)
})
