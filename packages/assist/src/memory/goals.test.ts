import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Block, GRID_RULES } from '../grid/board.ts'
import { goalOf } from '../grid/goal.ts'
import { type Belief, goalsMemory } from './goals.ts'

const SIZE = GRID_RULES.size
const at = (x: number, y: number, colour: number): Block => ({ cell: y * SIZE + x, colour })
/** Two blocks of one colour above three of another. */
const HAT = [at(0, 1, 1), at(1, 1, 1), at(2, 1, 1), at(0, 0, 2), at(1, 0, 2)]
const changed = (blocks: readonly Block[], right: number, down: number, by = 0): Block[] =>
  blocks.map(({ cell, colour }) => ({ cell: cell + down * SIZE + right, colour: (colour + by) % 4 }))
/** How much of what is known holds that the goal has a block. */
const holds = ({ known }: Belief, { cell, colour }: Block): number => {
  let [all, some] = [0, 0]
  for (const { weight, parts, colours } of known) {
    all += weight
    if (parts[cell]! >= 0 && colours[parts[cell]!] === colour) some += weight
  }
  return all > 0 ? some / all : 0
}

test('what was finished is seen again elsewhere, and before it in other colours', () => {
  const memory = goalsMemory()
  assert.deepEqual(memory.believe(HAT.slice(0, 2), []).known, [])
  memory.learn(HAT, 0)
  const there = changed(HAT, 3, 4)
  const belief = memory.believe(there.slice(0, 4), [])
  assert.ok(holds(belief, there[4]!) > 0.8, String(holds(belief, there[4]!)))
  const dyed = changed(HAT, 3, 4, 1)
  const other = memory.believe(dyed.slice(0, 4), [])
  assert.ok(holds(other, dyed[4]!) > 0.5)
  assert.ok(other.known.some(({ placement }) => placement.kinship === 'same'))
  // The colour of a part of which nothing lies there is not known; that it is there is.
  const begun = memory.believe(dyed.slice(0, 3), []).known.find(({ parts }) => parts[dyed[3]!.cell] === 0)!
  assert.deepEqual([...begun.colours], [-1, dyed[0]!.colour])
})

test('turned, and a column wider, it is seen too', () => {
  const memory = goalsMemory()
  memory.learn(HAT, 0)
  const upright = HAT.map(({ cell, colour }) => at(Math.floor(cell / SIZE) + 2, (cell % SIZE) + 2, colour))
  assert.ok(holds(memory.believe(upright.slice(0, 4), []), upright[4]!) > 0.3)
  const wide = [at(0, 1, 1), at(1, 1, 1), at(2, 1, 1), at(3, 1, 1), at(0, 0, 2), at(1, 0, 2)]
  assert.ok(holds(memory.believe(wide.slice(0, 5), []), wide[5]!) > 0.9)
  // Long after it, only as it was.
  memory.learn([at(0, 0, 3), at(1, 0, 3), at(2, 0, 3)], 40)
  assert.deepEqual(memory.believe(wide.slice(0, 5), []).known, [])
  assert.ok(memory.believe(HAT.slice(0, 4), []).known.length > 0)
})

test('goals that everybody knows are known in any colours', () => {
  const { blocks } = goalOf('house', 7)
  const memory = goalsMemory(GRID_RULES, [blocks])
  const dyed = blocks.map(({ cell, colour }) => ({ cell, colour: (colour + 1) % 4 }))
  const some = dyed.slice(0, 12)
  assert.ok(memory.believe(some, []).known.length > 0)
  assert.ok(holds(memory.believe(some, []), dyed[12]!) > 0.5)
})

test('of two goals that fit, the one finished more lately and more often is likelier', () => {
  const one = [at(0, 0, 0), at(1, 0, 0), at(2, 0, 1)]
  const other = [at(0, 0, 0), at(1, 0, 0), at(2, 0, 2)]
  const memory = goalsMemory()
  memory.learn(one, 0)
  memory.learn(other, 9)
  const now = changed(one, 4, 4).slice(0, 2)
  const [first, second] = [changed(one, 4, 4)[2]!, changed(other, 4, 4)[2]!]
  const late = memory.believe(now, [])
  assert.ok(holds(late, second) > holds(late, first))
  for (const time of [7, 8, 9]) memory.learn(one, time)
  const often = memory.believe(now, [])
  assert.ok(holds(often, first) > holds(often, second))
})

test('how somebody builds tells goals apart that cover the same blocks', () => {
  const rows = (wide: number): Block[] =>
    [3, 2, 1].flatMap((y) => Array.from({ length: wide }, (_, x) => at(x, y, 0)))
  const memory = goalsMemory()
  for (let time = 0; time < 6; time++) memory.learn(rows(3 + (time % 2)), time)
  // Whoever builds by rows and goes up after three blocks has no fourth in mind.
  const belief = memory.believe([at(2, 6, 0), at(3, 6, 0), at(4, 6, 0), at(2, 5, 0)], [])
  assert.ok(holds(belief, at(3, 5, 0)) > 0.9)
  assert.ok(holds(belief, at(5, 6, 0)) < 0.2, String(holds(belief, at(5, 6, 0))))
})

test('a block that was taken away speaks against the goals that have it', () => {
  const memory = goalsMemory()
  memory.learn(HAT, 0)
  const there = changed(HAT, 2, 2)
  const sum = ({ known }: Belief): number => known.reduce((all, { weight }) => all + weight, 0)
  const [free, taken] = [[], [there[4]!]].map((gone) => sum(memory.believe(there.slice(0, 4), gone)))
  assert.ok(taken! < 0.2 * free!)
})

test('goals that turn out fresh again and again are expected to be so', () => {
  const memory = goalsMemory()
  const { fresh } = memory.believe([at(0, 0, 0)], [])
  for (let seed = 0; seed < 4; seed++) memory.learn(goalOf('mirrored', seed).blocks, seed)
  const often = memory.believe([at(0, 0, 0)], []).fresh
  assert.ok(often > fresh + 0.1)
  for (let time = 4; time < 9; time++) memory.learn(HAT, time)
  assert.ok(memory.believe([at(0, 0, 0)], []).fresh < often - 0.05)
})

test('a belief is the same whether a game is followed move by move or seen at once', () => {
  const [one, other] = [goalsMemory(), goalsMemory()]
  for (const memory of [one, other])
    for (let seed = 0; seed < 4; seed++) memory.learn(goalOf('castle', seed).blocks, seed)
  const { blocks } = goalOf('castle', 2)
  for (let count = 1; count < blocks.length; count++) one.believe(blocks.slice(0, count), [])
  const followed = one.believe(blocks.slice(0, -1), [])
  assert.ok(followed.known.length > 0)
  assert.deepEqual(other.believe(blocks.slice(0, -1), []), followed)
  // Another game is another beginning.
  assert.deepEqual(one.believe([at(3, 3, 0)], []), other.believe([at(3, 3, 0)], []))
})
