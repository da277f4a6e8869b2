import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurns } from './turns.ts'

const never = new AbortController().signal

test('turns are given in order, and each is released once', async () => {
  const turns = createTurns(2, 10)
  const order: string[] = []
  const first = (await turns.take('a', never))!
  await turns.take('a', never)
  const third = turns.take('a', never).then((release) => {
    order.push('third')
    return release!
  })
  const fourth = turns.take('a', never).then(() => order.push('fourth'))
  assert.ok(await turns.take('b', never), 'keys do not share')
  first()
  first()
  await third
  assert.deepEqual(order, ['third'])
  ;(await third)()
  await fourth
  assert.deepEqual(order, ['third', 'fourth'])
})

test('too many that wait, and those who gave up, get none', async () => {
  const turns = createTurns(1, 1)
  const release = (await turns.take('a', never))!
  const impatient = new AbortController()
  const gaveUp = turns.take('a', impatient.signal)
  assert.equal(await turns.take('a', never), undefined, 'the queue is full')
  impatient.abort()
  assert.equal(await gaveUp, undefined)
  release()
  assert.ok(await turns.take('a', never))
})
