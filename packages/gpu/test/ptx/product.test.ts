import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DTYPES,
  type Dtype,
  type FoldNode,
  Random,
  runNode,
  size,
  storeElement,
  type Tensor,
  tensorSource,
} from '@lockstep/tensor'
import type { Tiling } from '../../src/ptx/contraction.ts'
import { moduleText, type PtxTarget } from '../../src/ptx/kernel-text.ts'
import { scratchOffset } from '../../src/ptx/launch.ts'
import { productLaunches } from '../../src/ptx/product-kernel.ts'
import { assemble, NO_PTXAS, ptxas } from './assembler.ts'
import { BASE, Interpreter } from './interpreter.ts'

type Case = {
  readonly name: string
  readonly m: number
  readonly n: number
  readonly depth: number
  readonly batch?: number
  /** Whether k lies together in the left and the right factor. */
  readonly kTogether: readonly [boolean, boolean]
  readonly dtype?: Dtype
  readonly out?: Dtype
  /** Whether the output is written column by column. */
  readonly transposed?: boolean
  /** left < right over (batch, row, column, k): [base, row, column, k] of right less left. */
  readonly guard?: readonly [number, number, number, number]
  readonly tiling: Tiling
  readonly target?: PtxTarget
}

const SMALL: Tiling = { rows: 64, columns: 64, split: false }
const SPLIT: Tiling = { ...SMALL, split: true }

const CASES: readonly Case[] = [
  { name: 'one block, edges', m: 70, n: 68, depth: 36, kTogether: [true, false], tiling: SMALL },
  { name: 'odd extents', m: 17, n: 67, depth: 37, kTogether: [true, true], tiling: SMALL },
  { name: 'blocks', m: 16, n: 20, depth: 529, kTogether: [false, false], tiling: SMALL },
  { name: 'blocks, split', m: 20, n: 18, depth: 530, kTogether: [false, true], tiling: SPLIT },
  {
    name: 'blocks, split, whole',
    m: 16,
    n: 16,
    depth: 512,
    kTogether: [true, false],
    tiling: SPLIT,
    target: 'sm_75',
  },
  { name: 'whole blocks', m: 24, n: 64, depth: 512, kTogether: [true, false], tiling: SMALL },
  { name: 'batched', m: 20, n: 24, depth: 16, batch: 3, kTogether: [false, true], tiling: SMALL },
  {
    name: 'without async copies',
    m: 64,
    n: 64,
    depth: 24,
    kTogether: [false, false],
    tiling: SMALL,
    target: 'sm_75',
  },
  {
    name: 'bf16',
    m: 20,
    n: 24,
    depth: 20,
    kTogether: [true, false],
    dtype: 'bf16',
    out: 'f16',
    tiling: SMALL,
  },
  {
    name: 'f16, output transposed',
    m: 20,
    n: 24,
    depth: 20,
    kTogether: [false, true],
    dtype: 'f16',
    transposed: true,
    tiling: SMALL,
  },
  {
    name: 'large tiles',
    m: 132,
    n: 130,
    depth: 20,
    kTogether: [true, false],
    tiling: { rows: 128, columns: 128, split: false },
  },
  {
    name: 'guarded by row and column',
    m: 70,
    n: 132,
    depth: 24,
    kTogether: [true, true],
    guard: [1, 1, -1, 0],
    tiling: SMALL,
  },
  {
    name: 'guarded, k up to the row',
    m: 130,
    n: 20,
    depth: 100,
    kTogether: [true, false],
    guard: [1, 1, 0, -1],
    tiling: SMALL,
  },
  {
    name: 'guarded, k from the row on',
    m: 130,
    n: 20,
    depth: 150,
    kTogether: [false, false],
    guard: [1, -1, 0, 1],
    tiling: SMALL,
  },
  {
    name: 'guarded, blocks',
    m: 70,
    n: 16,
    depth: 300,
    kTogether: [true, false],
    guard: [-3, 4, 0, -1],
    tiling: SMALL,
  },
  {
    name: 'guarded, blocks, split',
    m: 70,
    n: 16,
    depth: 300,
    kTogether: [true, false],
    guard: [5, -4, 0, 1],
    tiling: SPLIT,
  },
]

const nodeOf = ({
  m,
  n,
  depth,
  batch = 1,
  kTogether,
  dtype = 'f32',
  out = 'f32',
  transposed,
  guard,
}: Case): FoldNode => {
  const [b, r, c, k] = transposed ? [0, 2, 1, 3] : [0, 1, 2, 3]
  const at = (d: number) => ({ base: 0, terms: [{ at: d, by: 1 }] })
  const read = (index: number, extent: number, dim: number) => ({
    ref: { from: 'input' as const, index },
    dtype,
    view: kTogether[index] ? [batch, extent, depth] : [batch, depth, extent],
    coords: kTogether[index] ? [at(b), at(dim), at(k)] : [at(b), at(k), at(dim)],
  })
  return {
    kind: 'fold',
    dtype: out,
    shape: transposed ? [batch, n, m] : [batch, m, n],
    box: [depth],
    reads: [read(0, m, r), read(1, n, c)],
    guards: guard
      ? [
          {
            test: 'lt',
            left: { base: 0, terms: [] },
            right: {
              base: guard[0],
              terms: [r, c, k].flatMap((d, i) => (guard[i + 1] ? [{ at: d!, by: guard[i + 1]! }] : [])),
            },
          },
        ]
      : [],
    step: { args: ['f', 'f', 'f'], code: [{ op: 'fma', args: [1, 2, 0] }], result: 3 },
    order: {
      kind: 'blocked',
      init: 0x80000000,
      combine: { args: ['f', 'f'], code: [{ op: 'fadd', args: [0, 1] }], result: 2 },
    },
  }
}

/** Numbers of ordinary size, with zeros of both signs, subnormals and here and there an infinity. */
const values = (dtype: Dtype, shape: readonly number[], r: Random): Tensor => {
  const data = new Uint8Array(size(shape) * DTYPES[dtype].bytes)
  for (let i = 0; i < size(shape); i++)
    storeElement(dtype, data, i, r.between(0, 40) === 0 ? r.float() : r.atExponent(r.between(118, 130)))
  return { dtype, shape, data }
}

const run = (node: FoldNode, inputs: readonly Tensor[], tiling: Tiling, target: PtxTarget): Uint8Array => {
  const launches = productLaunches(node, 'product', target, tiling)
  assert.ok(launches)
  const scratch = Math.max(...launches.map((l) => l.scratch))
  const bytes = size(node.shape) * DTYPES[node.dtype].bytes
  // Each tensor ends where memory ends for its reader: none may be read past its last element.
  let next = BASE
  const place = (n: number): number => {
    const at = next
    next += Math.ceil(n / 64) * 64
    return at
  }
  const places = inputs.map((t) => place(t.data.length))
  const [out, scratchAt] = [place(bytes), place(scratch)]
  const interpreter = new Interpreter(next)
  interpreter.load(
    moduleText(
      target,
      launches.map((l) => l.kernel),
    ),
  )
  inputs.forEach((t, i) => interpreter.memory.set(t.data, places[i]!))
  for (const { kernel, blocks, slots, writes } of launches)
    interpreter.launch(kernel.name, blocks, kernel.threads, [
      writes === undefined ? out : scratchAt + writes,
      ...slots.map((s) => {
        const offset = scratchOffset(s)
        return offset === undefined ? places[s.index]! : scratchAt + offset
      }),
    ])
  return interpreter.memory.slice(out, out + bytes)
}

for (const c of CASES)
  test(`tiled product: ${c.name}`, () => {
    const node = nodeOf(c)
    const r = new Random(c.m + c.depth)
    const inputs = node.reads.map((read) => values(read.dtype, read.view, r))
    const expected = runNode(
      node,
      tensorSource((ref) => inputs[ref.index]!),
    )
    const got = run(node, inputs, c.tiling, c.target ?? 'sm_90')
    assert.equal(
      got.findIndex((byte, i) => byte !== expected.data[i]),
      -1,
    )
  })

const path = ptxas()
for (const target of ['sm_75', 'sm_80', 'sm_90'] as const)
  test(`tiled products assemble for ${target} without spilling`, { skip: path ? false : NO_PTXAS }, () => {
    const kernels = CASES.flatMap((c, i) =>
      i === 0 || i === 12 ? productLaunches(nodeOf(c), `product${i}`, target, c.tiling)! : [],
    )
    const square = {
      ...CASES[0]!,
      m: 512,
      n: 512,
      depth: 512,
      tiling: { rows: 128, columns: 128, split: false },
    }
    kernels.push(...productLaunches(nodeOf(square), 'square', target, square.tiling)!)
    const said = assemble(
      path!,
      moduleText(
        target,
        kernels.map((l) => l.kernel),
      ),
      target,
    )
    assert.doesNotMatch(said, /[1-9]\d* bytes spill/)
  })
