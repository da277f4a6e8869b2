import {
  type Affine,
  type Coord,
  DTYPES,
  type Dtype,
  type FoldNode,
  f32Bits,
  type Node,
  type Program,
  type Read,
  type Ref,
  size,
  storeElement,
  type Tensor,
  traceScalar,
  unwrap,
  validateProgram,
} from '@lockstep/tensor'
import { commitProgram } from '../src/program-id.ts'
import type { Task } from '../src/task.ts'

/**
 * A task of a few steps that has every kind of node, read, guard and storage that disputes can lead into, each as small
 * as it can be and still take its own way down.
 */

const at = (...terms: readonly (readonly [at: number, by: number])[]): Affine => ({
  base: 0,
  terms: terms.map(([index, by]) => ({ at: index, by })),
})
const constant = (base: number): Affine => ({ base, terms: [] })
const state = (index: number): Ref => ({ from: 'state', index })
const input = (index: number): Ref => ({ from: 'input', index })
const node = (index: number): Ref => ({ from: 'node', index })
const read = (ref: Ref, dtype: Dtype, view: number[], coords: Coord[], pad?: number): Read => ({
  ref,
  dtype,
  view,
  coords,
  ...(pad === undefined ? {} : { pad }),
})

const identityF = traceScalar(['f'], (x) => x)
const sum = traceScalar(['f', 'f'], (a, b) => a.add(b))
const dot = traceScalar(['f', 'f', 'f'], (acc, a, b) => a.fma(b, acc))
const minusZero = 0x80000000
const blocked = { kind: 'blocked', init: minusZero, combine: sum } as const

const STATE = [
  { name: 'counter', dtype: 'u32', shape: [1] },
  { name: 'weights', dtype: 'f32', shape: [4, 300] },
  { name: 'buffer', dtype: 'f32', shape: [8] },
  { name: 'half', dtype: 'bf16', shape: [200] },
  { name: 'bytes', dtype: 'u8', shape: [300] },
] as const
const INPUTS = [
  { name: 'data', dtype: 'f32', shape: [6, 300] },
  { name: 'order', dtype: 'u32', shape: [6] },
  { name: 'lengths', dtype: 'u8', shape: [4] },
] as const

/** The nodes by name: a test that needs one asks for it here. */
export const NODES = [
  'counter', 'row', 'x', 'hidden', 'short', 'put', 'scan', 'weights', 'half', 'bytes', 'padded', 'long', 'empty',
  'emptyRead', 'single', 'wide', 'count', 'halfSum', 'noise', 'scanInit',
] as const // biome-ignore format: one list
export const nodeIndex = (name: (typeof NODES)[number]): number => NODES.indexOf(name)

const fold = (
  shape: number[],
  box: number[],
  reads: Read[],
  step: FoldNode['step'],
  order: FoldNode['order'],
  rest: Partial<FoldNode> = {},
): FoldNode => ({ kind: 'fold', dtype: 'f32', shape, box, reads, guards: [], step, order, ...rest })

const x = (coord: Affine, pad?: number): Read => read(node(nodeIndex('x')), 'f32', [300], [coord], pad)

const nodes: { readonly [N in (typeof NODES)[number]]: Node } = {
  counter: {
    kind: 'map',
    dtype: 'u32',
    shape: [1],
    reads: [read(state(0), 'u32', [1], [at([0, 1])])],
    program: traceScalar(['u'], (n) => n.add(1)),
  },
  // Which row of the data this step reads: a clamped word as a coordinate.
  row: {
    kind: 'map',
    dtype: 'u32',
    shape: [1],
    reads: [
      read(
        input(1),
        'u32',
        [6],
        [{ word: { ref: state(0), dtype: 'u32', view: [1], coords: [at([0, 1])] } }],
      ),
    ],
    program: traceScalar(['u'], (row) => row.add(0)),
  },
  // The row itself, gathered.
  x: {
    kind: 'map',
    dtype: 'f32',
    shape: [300],
    reads: [
      read(
        input(0),
        'f32',
        [6, 300],
        [{ word: { ref: node(1), dtype: 'u32', view: [1], coords: [constant(0)] } }, at([0, 1])],
      ),
    ],
    program: identityF,
  },
  // (4): two blocks, so combined.
  hidden: fold(
    [4],
    [300],
    [read(state(1), 'f32', [4, 300], [at([0, 1]), at([1, 1])]), x(at([1, 1]))],
    dot,
    blocked,
  ),
  // (3): one block of 40.
  short: fold([3], [40], [x(at([1, 1])), x(at([0, 7], [1, 1]))], dot, blocked),
  // (8): a word is put at the place that the row names, carried in from the buffer.
  put: fold(
    [8],
    [5],
    [read(node(3), 'f32', [4], [at([1, 1])], f32Bits(0.5))],
    traceScalar(['f', 'f'], (_, h) => h),
    { kind: 'chain', init: read(state(2), 'f32', [8], [at([0, 1])]) },
    {
      guards: [
        {
          test: 'eq',
          left: { word: { ref: node(1), dtype: 'u32', view: [1], coords: [constant(0)] } },
          right: at([0, 1], [1, -1]),
        },
      ],
    },
  ),
  // (2, 70): running sums over three leaves.
  scan: fold([2, 70], [70], [x(at([0, 70], [1, 1]))], sum, { kind: 'scan', init: f32Bits(0.25) }),
  weights: {
    kind: 'map',
    dtype: 'f32',
    shape: [4, 300],
    reads: [
      read(state(1), 'f32', [4, 300], [at([0, 1]), at([1, 1])]),
      read(node(3), 'f32', [4], [at([0, 1])]),
      x(at([1, 1])),
    ],
    program: traceScalar(['f', 'f', 'f'], (w, h, v) => h.mul(-0.001).fma(v, w)),
  },
  half: {
    kind: 'map',
    dtype: 'bf16',
    shape: [200],
    reads: [read(state(3), 'bf16', [200], [at([0, 1])]), x(at([0, 1]))],
    program: sum,
  },
  bytes: {
    kind: 'map',
    dtype: 'u8',
    shape: [300],
    reads: [read(state(4), 'u8', [300], [at([0, 1])]), x(at([0, 1]))],
    program: traceScalar(['u', 'f'], (b, v) => b.add(v.mul(100).abs().toU32())),
  },
  // (20): reads left and right of x give the pad.
  padded: {
    kind: 'map',
    dtype: 'f32',
    shape: [20],
    reads: [x({ base: -5, terms: [{ at: 0, by: 20 }] }, f32Bits(2))],
    program: traceScalar(['f'], (v) => v.mul(3)),
  },
  // (2): an uncut chain of 600, guarded by a length word, so that its accumulators take two vectors.
  long: fold(
    [2],
    [600],
    [read(state(1), 'f32', [1200], [at([0, 600], [1, 1])])],
    traceScalar(['f', 'f'], (acc, w) => acc.mul(0.5).add(w)),
    { kind: 'chain', init: 0 },
    {
      guards: [
        {
          test: 'lt',
          left: at([1, 1]),
          right: { word: { ref: state(4), dtype: 'u8', view: [300], coords: [at([0, 1])] } },
        },
        { test: 'lt', left: constant(2), right: at([1, 1]) },
      ],
    },
  ),
  empty: fold([2], [0], [x(at([1, 1]))], sum, blocked),
  emptyRead: fold([8], [3, 0], [x(at([1, 1]))], sum, {
    kind: 'chain',
    init: read(state(2), 'f32', [8], [at([0, 1])]),
  }),
  single: fold([2], [1], [x(at([0, 1]))], sum, blocked, { dtype: 'bf16' }),
  // (1): 65,537 steps, so that block results are combined twice; the last block of all has one step.
  wide: fold([1], [65537], [read(node(2), 'f32', [300], [constant(7)])], sum, blocked),
  // (5): an integer fold with a box of two coordinates.
  count: fold(
    [5],
    [3, 10],
    [read(state(4), 'u8', [300], [at([0, 30], [1, 10], [2, 1])])],
    traceScalar(['u', 'u'], (acc, b) => acc.add(b)),
    { kind: 'blocked', init: 0, combine: traceScalar(['u', 'u'], (a, b) => a.add(b)) },
    { dtype: 'u32' },
  ),
  // (130): a fold that is stored as bf16, in two leaves.
  halfSum: fold(
    [130],
    [3],
    [x(at([0, 1], [1, 2]))],
    sum,
    { kind: 'chain', init: f32Bits(1) },
    { dtype: 'bf16' },
  ),
  // Not-a-number has one pattern: one element in seven is one.
  noise: {
    kind: 'map',
    dtype: 'f32',
    shape: [70],
    reads: [x(at([0, 1])), x(at([0, 2]))],
    program: traceScalar(['f', 'f'], (a, b) => a.sub(b).sqrt()),
  },
  scanInit: fold(
    [1, 80],
    [80],
    [read(node(9), 'u8', [300], [at([1, 1])])],
    traceScalar(['u', 'u'], (a, b) => a.mul(3).add(b)),
    {
      kind: 'scan',
      init: read(state(0), 'u32', [1], [at([0, 1])]),
    },
    { dtype: 'u32' },
  ),
}

export const tinyProgram: Program = unwrap(
  validateProgram({
    state: STATE,
    inputs: INPUTS,
    nodes: NODES.map((name) => nodes[name]),
    next: [node(0), node(7), node(5), node(8), node(9)],
    outputs: [
      { name: 'hidden', ref: node(3) },
      { name: 'scan', ref: node(6) },
      { name: 'lengths', ref: input(2) },
    ],
  }),
)

/** Tensor data from a counter, the same in every run. */
export const tensorFrom = (dtype: Dtype, shape: readonly number[], salt: number): Tensor => {
  const data = new Uint8Array(size(shape) * DTYPES[dtype].bytes)
  for (let i = 0; i < size(shape); i++) {
    const word = Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(salt + 1, 0x85ebca6b)
    const fraction = ((word >>> 8) / 2 ** 24 - 0.5) * 2
    storeElement(dtype, data, i, DTYPES[dtype].register === 'f' ? f32Bits(fraction) : word & 0xff)
  }
  return { dtype, shape, data }
}

export const u32Tensor = (...words: number[]): Tensor => ({
  dtype: 'u32',
  shape: [words.length],
  data: new Uint8Array(new Uint32Array(words).buffer),
})

export const tinyTask = (change: Partial<Task> = {}): Task => ({
  committed: commitProgram(tinyProgram),
  initial: STATE.map((type, i) => (i === 0 ? u32Tensor(0) : tensorFrom(type.dtype, type.shape, i))),
  inputs: INPUTS.map((type, i) =>
    i === 1 ? u32Tensor(3, 1, 4, 0, 5, 2) : tensorFrom(type.dtype, type.shape, 10 + i),
  ),
  steps: 5,
  segmentLength: 2,
  ...change,
})
