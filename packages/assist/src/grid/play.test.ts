import assert from 'node:assert/strict'
import { test } from 'node:test'
import { blocksOn, type GridMove } from './board.ts'
import { type Family, HELD_OUT_FAMILIES, TRAINING_FAMILIES } from './goal.ts'
import { goalsOf, ORDERS, personOf, planOf } from './person.ts'
import { playGame } from './play.ts'

const FAMILIES: readonly Family[] = [...TRAINING_FAMILIES, ...HELD_OUT_FAMILIES]
const sorted = (blocks: readonly { cell: number }[]): { cell: number }[] =>
  [...blocks].sort((a, b) => a.cell - b.cell)

test('a person alone builds every goal, and the same again', async () => {
  for (let seed = 0; seed < 6; seed++) {
    const person = personOf(seed, FAMILIES)
    for (const [game, goal] of goalsOf(person, 8).entries()) {
      const played = await playGame(person, game, goal)
      assert.deepEqual(blocksOn(played.last.board), goal.blocks)
      assert.ok(played.actions >= goal.blocks.length)
      assert.deepEqual(await playGame(person, game, goal), played)
    }
  }
})

test('whatever is offered the goal is built, and the count of actions is what was done', async () => {
  const person = { ...personOf(3, FAMILIES), slips: 0, overlooks: 0, hasty: 1000 }
  const [goal] = goalsOf(person, 1)
  const wanted: GridMove[] = goal!.blocks.map((block) => ({ kind: 'place', ...block }))
  const free = wanted[0]!.cell === 0 ? 63 : 0
  const right = await playGame(person, 0, goal!, {
    offer: async ({ board }) => wanted.filter(({ cell }) => !board[cell]).slice(0, 4),
  })
  assert.equal(right.accepted, Math.ceil(wanted.length / 4))
  assert.equal(right.actions, right.accepted)
  // One wrong block in four is taken in haste, and taken away again.
  const hasty = await playGame(person, 0, goal!, {
    offer: async ({ board, moves }) =>
      moves.length > 0
        ? undefined
        : [
            ...wanted.filter(({ cell }) => !board[cell]).slice(0, 3),
            { kind: 'place', cell: free, colour: 1 },
          ],
  })
  assert.deepEqual(blocksOn(hasty.last.board), goal!.blocks)
  assert.deepEqual([hasty.offered, hasty.accepted, hasty.undone], [1, 0, 1])
  assert.equal(hasty.actions, 1 + 1 + wanted.length - 3)
  const careful = await playGame({ ...person, hasty: 0 }, 0, goal!, {
    offer: async ({ board }) =>
      board[free] ? undefined : [wanted[0]!, { kind: 'place', cell: free, colour: 1 }],
  })
  assert.equal(careful.accepted + careful.undone, 0)
  assert.equal(careful.actions, wanted.length)
})

test('people differ: in their orders, and goals come back', () => {
  const people = Array.from({ length: 40 }, (_, seed) => personOf(seed, FAMILIES))
  assert.equal(new Set(people.map(({ order }) => order)).size, ORDERS.length)
  for (const person of people.slice(0, 5)) {
    const goals = goalsOf(person, 40)
    const shapes = goals.map(({ blocks }) =>
      blocks.map(({ cell, colour }) => (cell - blocks[0]!.cell) * 8 + colour).join(),
    )
    const again = 40 - new Set(shapes).size
    assert.ok(again > 8 && again < 32, `${again} of 40 goals came back`)
    for (const goal of goals.slice(0, 6)) assert.deepEqual(sorted(planOf(person, 0, goal)), [...goal.blocks])
  }
})
