import assert from 'node:assert/strict'
import { test } from 'node:test'
import { draws } from '@lockstep/swarm'
import { GRID_RULES } from './board.ts'
import { type Goal, goalOf, HELD_OUT_FAMILIES, movedGoal, TRAINING_FAMILIES } from './goal.ts'

const { size, colours } = GRID_RULES

/** The shape of a goal wherever it lies, whatever its colours. */
const shapeOf = ({ blocks }: Goal): string => {
  const left = Math.min(...blocks.map(({ cell }) => cell % size))
  const top = Math.min(...blocks.map(({ cell }) => Math.floor(cell / size)))
  const names = new Map<number, number>()
  return blocks
    .map(({ cell, colour }) => {
      if (!names.has(colour)) names.set(colour, names.size)
      return `${(cell % size) - left},${Math.floor(cell / size) - top},${names.get(colour)}`
    })
    .join(' ')
}

test('every goal fits its board with 6 to 40 blocks, and one seed has one goal', () => {
  for (const family of [...TRAINING_FAMILIES, ...HELD_OUT_FAMILIES])
    for (let seed = 0; seed < 60; seed++) {
      const goal = goalOf(family, seed)
      assert.deepEqual(goalOf(family, seed), goal)
      assert.ok(
        goal.blocks.length >= 6 && goal.blocks.length <= 40,
        `${family} ${seed}: ${goal.blocks.length}`,
      )
      assert.ok(goal.blocks.every(({ cell, colour }) => cell < size * size && colour < colours))
      assert.equal(new Set(goal.blocks.map(({ cell }) => cell)).size, goal.blocks.length)
    }
})

test('what is held out is never in training, whatever its place and colours', () => {
  const shapes = (families: typeof TRAINING_FAMILIES | typeof HELD_OUT_FAMILIES): Set<string> =>
    new Set(
      families.flatMap((family) => Array.from({ length: 120 }, (_, seed) => shapeOf(goalOf(family, seed)))),
    )
  const trained = shapes(TRAINING_FAMILIES)
  for (const shape of shapes(HELD_OUT_FAMILIES)) assert.ok(!trained.has(shape), shape)
})

test('a goal that is moved keeps its shape and stays on the board', () => {
  const places = new Set<number>()
  for (let seed = 0; seed < 40; seed++) {
    const goal = goalOf('letter', seed)
    const there = movedGoal(goal, draws(seed, 1))
    assert.equal(shapeOf(there), shapeOf(goal))
    places.add(there.blocks[0]!.cell - goal.blocks[0]!.cell)
  }
  assert.ok(places.size > 5)
})
