import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '@lockstep/tensor'
import fc from 'fast-check'
import { familyTable } from '../learn/group.ts'
import { copying } from '../tasks/copying.ts'
import { sorting } from '../tasks/sorting.ts'
import { heldOutSeeds, isOn } from '../tasks/split.ts'
import { type Measure, measuredTasks } from './judge.ts'

const families = familyTable([copying, sorting])
const measure: Measure = {
  kinds: [
    { family: 'copying', level: 0 },
    { family: 'copying', level: 1 },
    { family: 'sorting', level: 1 },
  ],
  ...{ validation: 6, heldOut: 5, reward: 'right', temperature: 0, seed: 1 },
}
const all = (): boolean => true
const promptOf = ({ family, seed, level }: { family: string; seed: number; level: number }): string =>
  families.get(family)!.play(seed, level).prompt

test('no prompt is in both sorts of tasks, none is of the training side, and only validation follows the seed', () => {
  const { heldOut } = measuredTasks(families, measure, all)
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), (seed) => {
      const tasks = measuredTasks(families, { ...measure, seed }, all)
      assert.deepEqual(tasks.heldOut, heldOut)
      const reported = new Set(heldOut.map(promptOf))
      assert.ok(tasks.validation.every((task) => !reported.has(promptOf(task))))
      for (const task of [...tasks.validation, ...tasks.heldOut])
        assert.ok(isOn('held-out', families.get(task.family)!, task.seed, task.level))
    }),
    { numRuns: 30 },
  )
  const other = measuredTasks(families, { ...measure, seed: 2 }, all)
  assert.notDeepEqual(other.validation, measuredTasks(families, measure, all).validation)
  assert.deepEqual(
    heldOut.filter(({ family }) => family === 'sorting').map(({ seed }) => seed),
    heldOutSeeds(sorting, 1, 5),
  )
})

test('tasks that nobody can read are left out, and none at all is a fault', () => {
  const tasks = measuredTasks(families, measure, (prompt) => prompt.startsWith('copy'))
  assert.ok([...tasks.validation, ...tasks.heldOut].every(({ family }) => family === 'copying'))
  assert.throws(
    () => measuredTasks(families, measure, () => false),
    (e) => e instanceof FaultError && e.fault.field === 'heldOut',
  )
})
