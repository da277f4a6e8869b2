import assert from 'node:assert/strict'
import { test } from 'node:test'
import { familyTable } from '../learn/group.ts'
import { addition } from '../tasks/addition.ts'
import { LEVEL_RULE } from '../tasks/level.ts'
import { sorting } from '../tasks/sorting.ts'
import { firstLevels, levelsOf, observeLevels, ownTaskOf, ownTasks } from './own-tasks.ts'

const families = familyTable([sorting, addition])
const kinds = [
  { family: sorting.name, level: 1, most: 3 },
  { family: addition.name, level: 2 },
]
const place = { seed: 9, round: 4, member: 1, count: 6 }

test('own tasks at own levels are of the same families, and each is found among those that were drawn', () => {
  const lowest = ownTasks(families, kinds, place)
  const own = ownTasks(families, kinds, { ...place, levels: [3, 2] })
  assert.deepEqual(
    own.map(({ kind, draw }) => [kind, draw]),
    lowest.map(({ kind, draw }) => [kind, draw]),
  )
  assert.ok(own.some(({ family, level }) => family === sorting.name && level === 3))
  for (const [i, task] of own.entries()) assert.equal(ownTaskOf(families, kinds, lowest, task), i)
  const [other] = ownTasks(families, kinds, { ...place, member: 2 })
  assert.equal(ownTaskOf(families, kinds, lowest, other!), -1)
})

test("levels follow each kind's own scores, from the lowest to the highest of its range", () => {
  const full = (score: number) => Array<number>(LEVEL_RULE.window).fill(score)
  let states = firstLevels(kinds)
  assert.deepEqual(levelsOf(kinds, states), [1, 2])
  const rise = [
    { kind: 0, scores: full(100) },
    { kind: 1, scores: full(100) },
  ]
  for (const sorted of [2, 3, 3]) {
    states = observeLevels(kinds, states, rise)
    assert.deepEqual(levelsOf(kinds, states), [sorted, 2])
  }
  for (const sorted of [2, 1, 1]) {
    states = observeLevels(kinds, states, [{ kind: 0, scores: full(0) }])
    assert.deepEqual(levelsOf(kinds, states), [sorted, 2])
  }
})
