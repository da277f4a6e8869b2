import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '@lockstep/tensor'
import { openComputing } from './computing.ts'

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('what a piece of work came to waits until it is taken, whatever is begun meanwhile', async () => {
  const computing = openComputing(assert.fail)
  let learned = 0
  const learn = () => computing.take('learn 1', async () => ++learned)
  const answer = () => computing.take('answer 2', async () => 'answers')
  assert.equal(learn(), undefined)
  assert.equal(answer(), undefined, 'one piece of work at a time')
  await settled()
  assert.equal(answer(), undefined, 'begun, though nobody has taken what learning came to')
  await settled()
  assert.deepEqual(learn(), { done: 1 })
  assert.deepEqual(answer(), { done: 'answers' })
  assert.equal(learned, 1)
  assert.equal(learn(), undefined)
})

test('results that nobody takes are forgotten, the oldest first', async () => {
  const computing = openComputing(assert.fail)
  let begun = 0
  const work = (round: number) => computing.take(`answer ${round}`, async () => ++begun)
  for (let round = 1; round <= 40; round++) {
    work(round)
    await settled()
  }
  assert.deepEqual(work(40), { done: 40 })
  assert.deepEqual(work(26), { done: 26 })
  assert.equal(work(2), undefined, 'begun anew')
  assert.equal(begun, 41)
})

test('work that fails is begun again, nothing that was computed beside it counts, and the third time in a row is the last', async () => {
  const told: string[] = []
  const computing = openComputing((name) => void told.push(name))
  const other = () => computing.take('other', async () => 1)
  other()
  await settled()
  const work = () =>
    computing.take('learn 1', async () => {
      throw new Error('killed')
    })
  for (let time = 1; time <= 2; time++) {
    assert.equal(work(), undefined)
    await settled()
    assert.equal(work(), undefined)
  }
  assert.deepEqual(told, ['learn 1', 'learn 1'])
  assert.equal(other(), undefined, 'it was forgotten')
  await settled()
  work()
  await settled()
  assert.throws(work, /killed/)
})

test('a fault is thrown at once: it would stay', async () => {
  const computing = openComputing(assert.fail)
  const fault = { code: 'x', field: 'x', value: 1, limit: 'x', remedy: 'x' }
  const work = () =>
    computing.take('open 0', async () => {
      throw new FaultError(fault)
    })
  work()
  await settled()
  assert.throws(work, FaultError)
})
