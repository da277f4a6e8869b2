import assert from 'node:assert/strict'
import { test } from 'node:test'
import { referenceExecutor } from '@lockstep/tensor'
import { liesOf, nameOfLie } from '../test/lies-of.ts'
import { lyingSource } from '../test/lying-source.ts'
import { segmentNamed, settle, termsFor } from '../test/settle.ts'
import { tinyTask } from '../test/tiny-task.ts'
import { runRemembering } from './executor-trace.ts'

const task = tinyTask()
const { trace: honest } = await runRemembering(task, referenceExecutor)
const { header } = task.committed

test('whoever lies about an item, an element or an accumulator of any step loses', async () => {
  for (const step of [0, 3]) {
    for (const lie of liesOf(step, step === 3)) {
      const liar = lyingSource(honest, task, lie)
      const history = await settle(task, await termsFor(task, liar), liar, honest)
      assert.equal(
        history.outcome,
        'challenger',
        `${nameOfLie(lie)}: ${history.gaveUp} after ${history.moves}`,
      )
      // A lie that has bytes behind it is judged; a digest of nothing cannot be opened, and loses by time.
      const judged = lie.element !== undefined || lie.item >= header.nodes
      assert.equal(history.gaveUp === undefined, judged, nameOfLie(lie))
      const named = await segmentNamed(liar, honest)
      assert.equal(named?.segment, Math.floor(step / task.segmentLength))
      const segment = await settle(task, await termsFor(task, liar), liar, honest, named)
      assert.equal(segment.outcome, 'challenger', `${nameOfLie(lie)} in a named segment`)
    }
  }
})

test('whoever challenges a true history at any place loses', async () => {
  const terms = await termsFor(task, honest)
  for (const lie of liesOf(3, true)) {
    const settled = await settle(task, terms, honest, lyingSource(honest, task, lie))
    assert.equal(settled.outcome, 'claimant', `${nameOfLie(lie)}: ${settled.gaveUp} after ${settled.moves}`)
  }
})
