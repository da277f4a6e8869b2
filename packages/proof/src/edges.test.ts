import assert from 'node:assert/strict'
import { test } from 'node:test'
import { referenceExecutor, size } from '@lockstep/tensor'
import { edgeTasks } from '../test/edge-tasks.ts'
import { type Lie, lyingSource } from '../test/lying-source.ts'
import { settle, termsFor } from '../test/settle.ts'
import { runRemembering } from './executor-trace.ts'

test('at every edge the liar loses, and every truth can be defended', async () => {
  for (const { name, task } of edgeTasks()) {
    const { program, header } = task.committed
    const { trace: honest } = await runRemembering(task, referenceExecutor)
    for (let item = 0; item < header.items; item++) {
      const node = program.nodes[item]
      const elements = node ? size(node.shape) : 1
      const lies: Lie[] = [0, 1].map((end) => ({
        step: 1 + end,
        item,
        foldAt: end ? 0.999 : 0,
        ...(node ? { element: { index: end * (elements - 1), xor: 1 } } : {}),
      }))
      for (const lie of lies) {
        const what = `${name}: ${JSON.stringify(lie)}`
        const liar = lyingSource(honest, task, lie)
        const wrong = await settle(task, await termsFor(task, liar), liar, honest)
        assert.deepEqual([wrong.outcome, wrong.gaveUp], ['challenger', undefined], what)
        const right = await settle(task, await termsFor(task, honest), honest, liar)
        assert.deepEqual([right.outcome, right.gaveUp], ['claimant', undefined], what)
      }
    }
  }
})
