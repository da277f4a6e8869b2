import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createWasmExecutor } from '@lockstep/tensor'
import { trainedOn } from './base.ts'
import { CONDITIONS, type Condition } from './conditions.ts'
import { savedOf, sum } from './measure.ts'
import { PLAN } from './plan.ts'
import { type StudyResult, work, writersOf } from './study.ts'
import { checkDisjoint } from './writers.ts'

const executor = await createWasmExecutor()
after(() => executor.close())

const use = (condition: Condition, length: number, patience = 10): Promise<StudyResult> =>
  work(executor, '', {
    ...{ name: 'test', kind: 'code', writer: 4, condition, length, plan: PLAN },
    settings: { patience, steps: 2 },
  })

test('the base was trained on nothing that is replayed', () => {
  assert.ok(trainedOn().length > 3)
  checkDisjoint([...writersOf('prose', 2000), ...writersOf('code', 2000)], trainedOn())
})

test('every condition helps through a whole assistant, twice the same, within the patience', async () => {
  for (const condition of CONDITIONS) {
    const { parts, worst, updates } = await use(condition, 600, 3)
    assert.ok(worst <= 3, `${condition}: ${worst}`)
    const all = sum(parts)
    assert.ok(all.characters > 400)
    assert.equal(all.accepted >= all.edited + all.undone, true)
    if (condition === 'recency' || condition === 'no-network') assert.deepEqual(updates, [0, 0])
    if (condition === 'recency')
      assert.deepEqual(await use(condition, 600, 3), { name: 'ws', parts, worst, updates })
  }
})

test('what was typed before helps: the strong baseline saves keys of code, and more of them later', async () => {
  const { parts } = await use('recency', 4000)
  const [early, late] = [savedOf(sum(parts.slice(0, 2))), savedOf(sum(parts.slice(-4)))]
  assert.ok(early >= 0 && late > early && late > 3, `${early} then ${late}`)
})
