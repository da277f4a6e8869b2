import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f32Bits, referenceExecutor, type Tensor } from '@lockstep/tensor'
import { lyingSource } from '../test/lying-source.ts'
import { settle, termsFor } from '../test/settle.ts'
import { nodeIndex, tinyTask, u32Tensor } from '../test/tiny-task.ts'
import type { Digest } from './digest.ts'
import { runRemembering } from './executor-trace.ts'
import { leafDigest } from './hash.ts'
import type { Task } from './task.ts'
import type { TraceSource } from './trace-source.ts'
import { type Tree, treeOf } from './tree.ts'

const task = tinyTask()
const honestRun = await runRemembering(task, referenceExecutor)
const honest = honestRun.trace

const changed = (tensor: Tensor, byte: number): Tensor => {
  const data = tensor.data.slice()
  data[byte]! ^= 0x10
  return { ...tensor, data }
}
const digestsOf = (tree: Tree): Digest[] => Array.from({ length: tree.count }, (_, i) => tree.at(0, i))

/** A liar that really runs something else. */
const ranAnother = async (change: Partial<Task>): Promise<TraceSource> =>
  (await runRemembering({ ...task, ...change }, referenceExecutor)).trace

const caught = async (liar: TraceSource, how: 'judged' | 'by time'): Promise<void> => {
  const settled = await settle(task, await termsFor(task, liar), liar, honest)
  assert.equal(settled.outcome, 'challenger', settled.gaveUp)
  assert.equal(settled.gaveUp === undefined ? 'judged' : 'by time', how, settled.gaveUp)
}

test('a run on other inputs is caught', async () => {
  const inputs = task.inputs.map((tensor, i) => (i === 0 ? changed(tensor, 2 * 1200 + 40) : tensor))
  await caught(
    await ranAnother({ inputs: inputs.map((t, i) => (i === 0 ? changed(t, 3 * 1200) : t)) }),
    'judged',
  )
})

test('an input that only the outputs join is caught', async () => {
  const inputs = task.inputs.map((tensor, i) => (i === 2 ? changed(tensor, 3) : tensor))
  await caught(await ranAnother({ inputs }), 'judged')
})

test('a run from another initial state is caught', async () => {
  const initial = task.initial.map((tensor, i) => (i === 1 ? changed(tensor, 100) : tensor))
  await caught(await ranAnother({ initial }), 'judged')
})

test('a run on the data in another order is caught', async () => {
  const inputs = task.inputs.map((tensor, i) => (i === 1 ? u32Tensor(3, 4, 1, 0, 5, 2) : tensor))
  await caught(await ranAnother({ inputs }), 'judged')
})

test('a swapped gather index is caught', async () => {
  const lie = { step: 1, item: nodeIndex('row'), element: { index: 0, xor: 3 } }
  await caught(lyingSource(honest, task, lie), 'judged')
})

test('a gather from another row is caught', async () => {
  const lie = { step: 1, item: nodeIndex('x'), element: { index: 299, xor: 1 } }
  await caught(lyingSource(honest, task, lie), 'judged')
})

test('a history that stops early, or goes on too long, cannot be posted', async () => {
  const checkpoints = honestRun.claim.checkpoints
  for (const vector of [checkpoints.slice(0, 2), [...checkpoints, leafDigest(new Uint8Array(1))], []]) {
    await caught({ ...honest, checkpoints: async () => treeOf(vector) }, 'by time')
  }
})

test('a claim that is the root of nothing cannot be posted', async () => {
  const nothing = { ...honest, checkpoints: async () => treeOf([leafDigest(new Uint8Array(2))]) }
  await caught(nothing, 'by time')
})

test('a segment of other steps cannot be tied to its checkpoint', async () => {
  const other = lyingSource(honest, task, { step: 2, item: nodeIndex('bytes') })
  const liar = { ...other, segment: async (s: number) => treeOf(digestsOf(await other.segment(s)).reverse()) }
  await caught(liar, 'by time')
})

test('a not-a-number with a payload is not the not-a-number', async () => {
  const element = nodeIndex('noise')
  const data = await honest.leaf(2, { from: 'node', index: element }, 0)
  const view = new DataView(data.slice().buffer)
  const nan = Array.from({ length: 64 }, (_, i) => i).filter(
    (i) => view.getUint32(4 * i, true) === 0x7fc00000,
  )
  assert.ok(nan.length > 0, 'the test needs a not-a-number')
  await caught(
    lyingSource(honest, task, { step: 2, item: element, element: { index: nan[0]!, xor: 1 } }),
    'judged',
  )
})

test('right nodes under a wrong state root are caught at the join', async () => {
  const { header } = task.committed
  for (let join = header.nodes; join < header.items; join++) {
    await caught(lyingSource(honest, task, { step: 4, item: join }), 'judged')
  }
})

test('an honest history of a task with a step as segment, and of one segment, stands', async () => {
  for (const segmentLength of [1, 5, 7]) {
    const other = tinyTask({ segmentLength })
    const { trace } = await runRemembering(other, referenceExecutor)
    const terms = await termsFor(other, trace)
    const lie = { step: 3, item: nodeIndex('hidden'), element: { index: 2, xor: 1 }, foldAt: 0.7 }
    const lied = lyingSource(trace, other, lie)
    assert.equal((await settle(other, terms, trace, lied)).outcome, 'claimant')
    assert.equal((await settle(other, await termsFor(other, lied), lied, trace)).outcome, 'challenger')
  }
})

test('a number that a fold reaches in another order is caught', async () => {
  // The liar's accumulators are right up to the end of every vector, as those of a sum in another order may be.
  const lie = { step: 0, item: nodeIndex('wide'), element: { index: 0, xor: f32Bits(0) ^ 1 }, foldAt: 0.9999 }
  await caught(lyingSource(honest, task, lie), 'judged')
})
