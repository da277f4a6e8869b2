import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FoldNode, referenceExecutor, size } from '@lockstep/tensor'
import { type Lie, lyingSource } from '../test/lying-source.ts'
import { segmentNamed, settle, termsFor } from '../test/settle.ts'
import { NODES, tinyTask } from '../test/tiny-task.ts'
import { runRemembering } from './executor-trace.ts'
import { isJudgedAtOnce } from './referee.ts'

const task = tinyTask()
const { trace: honest } = await runRemembering(task, referenceExecutor)
const { program, header } = task.committed

/** One lie per item, element class, bit and fold position of a step. */
function* liesOf(step: number, thorough: boolean): Generator<Lie> {
  for (let item = 0; item < header.items; item++) {
    yield { step, item }
    yield { step, item, joinsFollow: false }
    const node = program.nodes[item]
    if (!node) continue
    const elements = size(node.shape)
    const classes = [...new Set([0, Math.floor(elements / 2), elements - 1])]
    for (const index of thorough ? classes : classes.slice(-1)) {
      const isFold = !isJudgedAtOnce(node)
      const wide = isFold && size((node as FoldNode).box) > 1000
      const positions = isFold ? (wide ? [0, 0.5, 0.999] : [0, 0.01, 0.3, 0.5, 0.51, 0.9, 0.999]) : [0]
      for (const foldAt of thorough ? positions : positions.slice(0, 3)) {
        for (const xor of node.dtype === 'u8' ? [1, 0x80] : [1, 0x8000]) {
          yield { step, item, element: { index, xor }, foldAt }
        }
      }
    }
  }
}

const name = (lie: Lie): string => `${NODES[lie.item] ?? `join ${lie.item}`} ${JSON.stringify(lie)}`

test('whoever lies about an item, an element or an accumulator of any step loses', async () => {
  for (const step of [0, 3]) {
    for (const lie of liesOf(step, step === 3)) {
      const liar = lyingSource(honest, task, lie)
      const history = await settle(task, await termsFor(task, liar), liar, honest)
      assert.equal(history.outcome, 'challenger', `${name(lie)}: ${history.gaveUp} after ${history.moves}`)
      // A lie that has bytes behind it is judged; a digest of nothing cannot be opened, and loses by time.
      const judged = lie.element !== undefined || lie.item >= header.nodes
      assert.equal(history.gaveUp === undefined, judged, name(lie))
      const named = await segmentNamed(liar, honest)
      assert.equal(named?.segment, Math.floor(step / task.segmentLength))
      const segment = await settle(task, await termsFor(task, liar), liar, honest, named)
      assert.equal(segment.outcome, 'challenger', `${name(lie)} in a named segment`)
    }
  }
})

test('whoever challenges a true history at any place loses', async () => {
  const terms = await termsFor(task, honest)
  for (const lie of liesOf(3, true)) {
    const settled = await settle(task, terms, honest, lyingSource(honest, task, lie))
    assert.equal(settled.outcome, 'claimant', `${name(lie)}: ${settled.gaveUp} after ${settled.moves}`)
  }
})
