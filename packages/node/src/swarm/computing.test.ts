import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { FaultError } from '@lockstep/tensor'
import { openComputing } from './computing.ts'

test('work is begun once, waited for by nobody, and its result is taken once', async () => {
  const computing = openComputing(() => assert.fail())
  const gate = Promise.withResolvers<number>()
  let begun = 0
  const take = () =>
    computing.take('answer 1', () => {
      begun++
      return gate.promise
    })
  assert.equal(take(), undefined)
  assert.equal(take(), undefined)
  assert.equal(
    computing.take('learn 1', () => assert.fail()),
    undefined,
  )
  assert.ok(computing.isBusy())
  gate.resolve(7)
  await turn()
  assert.ok(!computing.isBusy())
  assert.deepEqual(take(), { done: 7 })
  assert.equal(begun, 1)
  assert.equal(take(), undefined)
  assert.equal(begun, 2)
})

test('work that failed is begun again, three times in a row; a fault is not', async () => {
  const told: string[] = []
  const computing = openComputing((name) => told.push(name))
  const take = () => computing.take('learn 2', () => Promise.reject(new Error('killed')))
  for (const times of [0, 1, 2]) {
    take()
    await turn()
    if (times < 2) assert.equal(take(), undefined)
  }
  assert.throws(take, /killed/)
  assert.deepEqual(told, ['learn 2', 'learn 2'])
  const fault = new FaultError({ code: 'x', field: 'a', value: 1, limit: 2, remedy: '' })
  const other = () => computing.take('open', () => Promise.reject(fault))
  other()
  await turn()
  assert.throws(other, FaultError)
})
