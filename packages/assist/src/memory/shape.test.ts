import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goalOf, HELD_OUT_FAMILIES } from '../grid/goal.ts'
import { type Coloured, shapeOf, stretched, turned } from './shape.ts'

const ELL: readonly Coloured[] = [
  { x: 2, y: 1, colour: 3 },
  { x: 2, y: 2, colour: 3 },
  { x: 3, y: 2, colour: 0 },
]
const keyOf = (blocks: readonly Coloured[]): string => shapeOf(blocks).shape.key

test('a shape is the same wherever it lies, in whatever colours and order it is built', () => {
  const key = keyOf(ELL)
  assert.equal(keyOf(ELL.toReversed()), key)
  assert.equal(keyOf(ELL.map(({ x, y, colour }) => ({ x: x + 3, y: y - 1, colour: (colour + 2) % 4 }))), key)
  assert.deepEqual(shapeOf(ELL).colours, [3, 0])
  assert.notEqual(keyOf(ELL.map((block) => ({ ...block, colour: 1 }))), key)
  assert.notEqual(keyOf([...ELL, { x: 3, y: 1, colour: 0 }]), key)
})

test('a shape is turned and mirrored in all ways that make another one, and back again', () => {
  const { shape } = shapeOf(ELL)
  assert.equal(turned(shape).length, 7)
  const line = shapeOf([0, 1, 2].map((x) => ({ x, y: 0, colour: 0 }))).shape
  assert.deepEqual(
    turned(line).map(({ wide, high }) => [wide, high]),
    [[1, 3]],
  )
  for (const family of HELD_OUT_FAMILIES) {
    const blocks = goalOf(family, 5).blocks.map(({ cell, colour }) => ({
      ...{ x: cell % 8, y: Math.floor(cell / 8) },
      colour,
    }))
    const { shape } = shapeOf(blocks)
    const ways = turned(shape)
    assert.equal(new Set([shape.key, ...ways.map(({ key }) => key)]).size, ways.length + 1)
    for (const way of ways) {
      assert.equal(way.spots.length, shape.spots.length)
      assert.ok(turned(way).some(({ key }) => key === shape.key))
    }
  }
})

test('a shape is stretched by a line or column and cut by one, and the one undoes the other', () => {
  const wall = (wide: number, high: number): Coloured[] =>
    Array.from({ length: wide * high }, (_, i) => ({
      x: i % wide,
      y: Math.floor(i / wide),
      colour: i < wide ? 1 : 2,
    }))
  const keys = stretched(shapeOf(wall(3, 3)).shape).map(({ key }) => key)
  for (const [wide, high] of [
    [4, 3],
    [2, 3],
    [3, 4],
    [3, 2],
  ] as const)
    assert.ok(keys.includes(keyOf(wall(wide, high))), `${wide} x ${high}`)
  assert.ok(!keys.includes(keyOf(wall(3, 3))))
  // Where a colour went with its only line, the line is gone for good.
  for (const one of stretched(shapeOf(wall(3, 3)).shape).filter(({ parts }) => parts === 2))
    assert.ok(stretched(one).some(({ key }) => key === keyOf(wall(3, 3))))
})
