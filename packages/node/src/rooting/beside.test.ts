import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createBeside } from './beside.ts'

test('work goes on beside its beginner, one piece at a time', async () => {
  const beside = createBeside()
  const gate = Promise.withResolvers<void>()
  let done = 0
  beside.begin(async () => {
    await gate.promise
    done++
  })
  assert.ok(beside.isBusy())
  assert.throws(() => beside.begin(async () => {}), /goes on/)
  beside.check()
  gate.resolve()
  await beside.ended()
  assert.deepEqual([done, beside.isBusy()], [1, false])
})

test('what work failed with is thrown where somebody looks, and no more is begun', async () => {
  const beside = createBeside()
  beside.begin(async () => {
    throw new Error('no space')
  })
  beside.check() // it has not failed yet
  await beside.settled()
  assert.throws(beside.check, /no space/)
  await assert.rejects(beside.ended(), /no space/)
  assert.throws(() => beside.begin(async () => {}), /no space/)
})
