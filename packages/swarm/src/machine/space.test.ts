import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MEMORY } from './instruction.ts'
import { Space } from './space.ts'

test('a block gives its words back, and no word taken for good is ever one that a block has used', () => {
  const space = new Space(100)
  const first = space.within('a block', () => space.take(1000))
  assert.equal(space.take(), first)
  const room = MEMORY - 1100
  for (let i = 0; i < room; i++) assert.ok(space.reserve() >= 1100)
  assert.throws(() => space.reserve(), /allowed: 2048/)
})

test('what a routine takes is nobody else\u2019s', () => {
  const space = new Space(0)
  const inner = space.withinRoutine(() => space.within('a loop', () => space.take(10)))
  const others = space.withinRoutine(() => space.take(10))
  assert.ok(others + 10 <= inner)
  assert.equal(space.take(5), 0)
})

test('a block is open until its end, whatever happens in it', () => {
  const space = new Space(0)
  const outer = space.block
  let inner = outer
  assert.throws(() =>
    space.within('a block', () => {
      inner = space.block
      throw new Error('a mistake')
    }),
  )
  assert.deepEqual([inner.open, outer.open, space.block === outer], [false, true, true])
})
