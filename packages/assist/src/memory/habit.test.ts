import assert from 'node:assert/strict'
import { test } from 'node:test'
import { goalOf } from '../grid/goal.ts'
import { type Order, type Person, personOf, planOf } from '../grid/person.ts'
import { createHabit, type Habit, type Spot, wholeOf } from './habit.ts'

const someone = (order: Order): Person => ({ ...personOf(1, ['house']), order, steady: 1000 })
const spotsOf = (person: Person, family: 'house' | 'tree', seed: number): Spot[] =>
  planOf(person, 0, goalOf(family, seed)).map(({ cell, colour }) => ({
    ...{ x: cell % 8, y: Math.floor(cell / 8) },
    part: colour,
  }))
/** The part of moves that are held likeliest. */
const foreseen = (habit: Habit, order: readonly Spot[]): number => {
  const whole = wholeOf(order)
  let right = 0
  for (let n = 1; n < order.length - 1; n++) {
    const chances = habit.chances(order.slice(n), order[n - 1], whole)
    assert.ok(Math.abs(chances.reduce((a, b) => a + b, 0) - 1) < 1e-9)
    if (chances[0] === Math.max(...chances)) right++
  }
  return right / (order.length - 2)
}

test('how somebody builds is learned from what they built, and told from how others do', () => {
  for (const [one, other] of [
    ['rows', 'columns'],
    ['columns', 'nearest'],
  ] as const) {
    const habit = createHabit()
    for (let seed = 0; seed < 8; seed++) habit.learn(spotsOf(someone(one), 'house', seed))
    const own = foreseen(habit, spotsOf(someone(one), 'tree', 3))
    const others = foreseen(habit, spotsOf(someone(other), 'tree', 3))
    assert.ok(own > 0.7 && own > others + 0.1, `${one}: ${own}, ${other}: ${others}`)
  }
})

test('who has built nothing may build anything next', () => {
  const order = spotsOf(someone('rows'), 'tree', 3)
  const chances = createHabit().chances(order, undefined, wholeOf(order))
  for (const chance of chances) assert.equal(chance, 1 / order.length)
})

test('what is surrounded by blocks is inside', () => {
  const block: Spot[] = Array.from({ length: 9 }, (_, i) => ({ x: i % 3, y: Math.floor(i / 3), part: 0 }))
  assert.deepEqual([...wholeOf(block).inner], [17])
  assert.equal(wholeOf(block).middle, 2)
})
