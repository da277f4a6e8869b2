import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  emptyGrid,
  GRID_RULES,
  type GridMove,
  goalOf,
  gridEnvironment,
  gridSymbols,
  moved,
  moveFault,
} from '@lockstep/assist'
import { type ShapesMemory, shapesMemory } from './shapes.ts'

const symbols = gridSymbols()
const world = gridEnvironment()
/** A game of placements, given as cell and colour. */
const game = (...at: readonly (readonly [number, number])[]): Uint16Array =>
  world.context(
    moved(
      emptyGrid(),
      at.map(([cell, colour]): GridMove => ({ kind: 'place', cell, colour })),
    ),
    128,
  )
/** The likeliest next placement, with its tool. */
const nextOf = (memory: ShapesMemory, context: Uint16Array): GridMove => {
  for (let written = context; ; ) {
    const { p } = memory.distribution(written)
    written = Uint16Array.of(...written, p.indexOf(Math.max(...p)))
    const { moves, open } = symbols.read(written.subarray(1))!
    if (!open) return moves.at(-1)!
  }
}
const block = (cell: number, colour: number): GridMove => ({ kind: 'place', cell, colour })
const ELL = [
  [0, 1],
  [8, 1],
  [16, 1],
  [17, 2],
  [18, 2],
] as const
const moveBy = (by: number) => ELL.map(([cell, colour]) => [cell + by, colour] as const)

test('what was finished is seen again wherever it is begun, in the order in which it was built', () => {
  const memory = shapesMemory()
  memory.learn(game(...ELL), 1)
  const there = moveBy(29)
  for (let n = 2; n < ELL.length; n++) {
    const context = game(...there.slice(0, n))
    assert.deepEqual(nextOf(memory, context), block(...there[n]!))
    assert.ok(memory.distribution(context).best > 0.5)
  }
  const done = memory.distribution(game(...there))
  assert.equal(done.known, 0)
})

test('a distribution sums to one, and has nothing that the board does not allow', () => {
  const memory = shapesMemory(GRID_RULES, [goalOf('house', 1).blocks])
  memory.learn(game(...ELL), 1)
  const contexts = [game(), game(...ELL.slice(0, 2)), game([5, 3], [6, 0], [63, 2])]
  for (const context of [
    ...contexts,
    ...contexts.slice(1).map((c) => Uint16Array.of(...c, symbols.toolOf(4))),
  ]) {
    const { p } = memory.distribution(context)
    assert.ok(Math.abs(p.reduce((a, b) => a + b, 0) - 1) < 1e-5)
    const { moves, tool, open } = symbols.read(context.subarray(1))!
    const state = moved(emptyGrid(), moves)
    for (const [symbol, chance] of p.entries()) {
      const read = symbols.read([...context.subarray(1), symbol])
      const isNext =
        read && (read.open ? read.tool !== 4 || moves.length > 0 : !moveFault(state, read.moves.at(-1)!))
      assert.equal(chance > 0, Boolean(isNext), `${symbol} after ${tool} ${open}`)
    }
  }
})

test('blocks that were taken away are no part of the shape', () => {
  const memory = shapesMemory()
  const state = moved(emptyGrid(), [
    { kind: 'place', cell: 40, colour: 0 },
    { kind: 'remove', cell: 40 },
    ...ELL.map(([cell, colour]): GridMove => ({ kind: 'place', cell, colour })),
  ])
  memory.learn(world.context(state, 128), 1)
  const other = shapesMemory()
  other.learn(game(...ELL), 1)
  const context = game(...ELL.slice(0, 3))
  assert.deepEqual(memory.distribution(context), other.distribution(context))
})

test('what is forgotten leaves nothing behind', () => {
  const [one, two] = [shapesMemory(), shapesMemory()]
  const tall = game([1, 0], [9, 0], [17, 0], [25, 0])
  for (const memory of [one, two]) memory.learn(game(...ELL), 1)
  one.learn(tall, 2)
  one.learn(tall, 2)
  one.learn(game(...moveBy(3)), 3)
  one.forget(tall, 2)
  one.forget(game(...moveBy(3)), 3)
  assert.notDeepEqual(one.distribution(game([30, 0])), two.distribution(game([30, 0])))
  one.forget(tall, 2)
  one.forget(tall, 7)
  assert.equal(one.size, 1)
  // The order in which shapes were first seen does not stay either.
  for (const memory of [one, two]) memory.learn(tall, 4)
  two.learn(game(...ELL), 5)
  one.forget(game(...ELL), 1)
  two.forget(game(...ELL), 1)
  one.learn(game(...ELL), 5)
  for (const context of [game(), game([30, 0]), game(...ELL.slice(0, 2))])
    assert.deepEqual(one.distribution(context), two.distribution(context))
})

test('of two goals that fit the one finished more lately and more often weighs more', () => {
  const memory = shapesMemory()
  memory.learn(game([0, 0], [1, 0], [2, 1]), 1)
  memory.learn(game([0, 0], [1, 0], [2, 2]), 9)
  const now = game([32, 0], [33, 0])
  assert.deepEqual(nextOf(memory, now), block(34, 2))
  for (const at of [7, 8, 9]) memory.learn(game([0, 0], [1, 0], [2, 1]), at)
  assert.deepEqual(nextOf(memory, now), block(34, 1))
})
