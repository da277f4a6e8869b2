import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FoldNode, Node } from './node.ts'
import { runStep } from './reference.ts'
import { f32Bits } from './scalar/pattern.ts'
import { traceScalar } from './scalar/trace.ts'

const at = (index: number, by = 1) => ({ base: 0, terms: [{ at: index, by }] })
const f32s = (...xs: number[]) => ({
  dtype: 'f32' as const,
  shape: [xs.length],
  data: new Uint8Array(new Float32Array(xs).buffer),
})
const u32s = (...xs: number[]) => ({
  dtype: 'u32' as const,
  shape: [xs.length],
  data: new Uint8Array(new Uint32Array(xs).buffer),
})
const values = (t: { data: Uint8Array }) => [...new Float32Array(t.data.slice().buffer)]
const run = (nodes: Node[], inputs: ReturnType<typeof f32s | typeof u32s>[]) =>
  values(runStep({ state: [], inputs: [], nodes, next: [], outputs: [] }, [], inputs).nodes.at(-1)!)
const add = traceScalar(['f', 'f'], (a, b) => a.add(b))

const sum = (n: number, change: Partial<FoldNode> = {}): FoldNode => ({
  kind: 'fold',
  dtype: 'f32',
  shape: [],
  box: [n],
  reads: [{ ref: { from: 'input', index: 0 }, dtype: 'f32', view: [n], coords: [at(0)] }],
  guards: [],
  step: add,
  order: { kind: 'chain', init: 0x80000000 },
  ...change,
})

test('a blocked fold folds each run of 256 from init and then the results from init', () => {
  // 2^24 absorbs single ones: where the cut lies decides the sum.
  const xs = Array(257).fill(1)
  xs[0] = 2 ** 24
  const blocked = sum(257, { order: { kind: 'blocked', init: f32Bits(-0), combine: add } })
  assert.deepEqual(run([blocked], [f32s(...xs)]), [2 ** 24]) // (2^24 + 255 ones, absorbed) + 1, ties to even
  xs[0] = 0
  xs[256] = 2 ** 24
  assert.deepEqual(run([blocked], [f32s(...xs)]), [255 + 2 ** 24 + 1]) // 255 + 2^24 rounds to even
})

test('a blocked fold of more than 65,536 recurs', () => {
  const n = 256 * 256 + 1
  const blocked = sum(n, { order: { kind: 'blocked', init: f32Bits(-0), combine: add } })
  assert.deepEqual(run([blocked], [f32s(...Array(n).fill(1))]), [n])
})

test('an empty fold is its init', () => {
  assert.deepEqual(
    run([sum(1, { box: [0], order: { kind: 'blocked', init: f32Bits(2.5), combine: add } })], [f32s(1)]),
    [2.5],
  )
})

test('a failed guard keeps the accumulator; a padded read executes the step', () => {
  const fma = traceScalar(['f', 'f'], (acc, x) => x.fma(-(2 ** -100), acc))
  const read = {
    ref: { from: 'input' as const, index: 0 },
    dtype: 'f32' as const,
    view: [1],
    coords: [at(0)],
  }
  const node = { ...sum(1), reads: [read], step: fma, order: { kind: 'chain' as const, init: f32Bits(0) } }
  assert.ok(Object.is(run([node], [f32s(2 ** -100)])[0], -0))
  const never = { test: 'lt' as const, left: at(0), right: { base: 0, terms: [] } }
  assert.ok(Object.is(run([{ ...node, guards: [never] }], [f32s(2 ** -100)])[0], 0))
  const padded = { ...read, coords: [{ base: 5, terms: [] }], pad: f32Bits(2 ** -100) }
  assert.ok(Object.is(run([{ ...node, reads: [padded] }], [f32s(1)])[0], -0))
})

test('a scan emits every accumulator from an init that it reads', () => {
  const node: FoldNode = {
    ...sum(3),
    shape: [2, 3],
    reads: [{ ref: { from: 'input', index: 0 }, dtype: 'f32', view: [2, 3], coords: [at(0), at(1)] }],
    order: {
      kind: 'scan',
      init: { ref: { from: 'input', index: 1 }, dtype: 'f32', view: [2], coords: [at(0)] },
    },
  }
  assert.deepEqual(run([node], [f32s(1, 2, 3, 4, 5, 6), f32s(10, 20)]), [11, 13, 16, 24, 29, 35])
})

test('a word coordinate is clamped to the view', () => {
  const node: Node = {
    kind: 'map',
    dtype: 'f32',
    shape: [3],
    reads: [
      {
        ref: { from: 'input', index: 0 },
        dtype: 'f32',
        view: [2],
        coords: [{ word: { ref: { from: 'input', index: 1 }, dtype: 'u32', view: [3], coords: [at(0)] } }],
      },
    ],
    program: traceScalar(['f'], (x) => x),
  }
  assert.deepEqual(run([node], [f32s(7, 8), u32s(0, 1, 0xffffffff)]), [7, 8, 8])
})
