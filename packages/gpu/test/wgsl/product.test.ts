import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DTYPES,
  type Dtype,
  type FoldNode,
  firstDifference,
  type Program,
  Random,
  size,
  storeElement,
  type Tensor,
} from '@lockstep/tensor'
import { createWebGpuExecutor, everywhere, type WebGpuExecutor } from '../../src/webgpu/index.ts'
import { isLarge, tileOf } from '../../src/webgpu/tile.ts'
import { FLUSHES } from './devices.ts'
import { softwareGpu } from './software-gpu.ts'

type Case = {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly box: readonly number[]
  /** Whether k lies together in the left and the right factor. */
  readonly kTogether: readonly [boolean, boolean]
  readonly dtype?: Dtype
  /** Whether columns come before rows in the output. */
  readonly transposed?: boolean
}
const CASES: readonly Case[] = [
  { batch: 1, m: 32, n: 32, box: [16], kTogether: [true, false] },
  { batch: 2, m: 33, n: 34, box: [19], kTogether: [true, true] },
  { batch: 1, m: 32, n: 33, box: [300], kTogether: [false, false] },
  { batch: 1, m: 32, n: 37, box: [3, 7, 5], kTogether: [false, true], transposed: true },
  { batch: 1, m: 32, n: 32, box: [530], kTogether: [true, false], dtype: 'bf16' },
  { batch: 3, m: 20, n: 40, box: [300], kTogether: [true, true] }, // too few rows: a tile an item
]

const nodeOf = ({ batch, m, n, box, kTogether, dtype = 'f32', transposed }: Case): FoldNode => {
  const [r, c] = transposed ? [2, 1] : [1, 2]
  const at = (d: number) => ({ base: 0, terms: [{ at: d, by: 1 }] })
  const ks = box.map((_, i) => at(3 + i))
  const read = (index: number, extent: number, dim: number) => ({
    ...{ ref: { from: 'input' as const, index }, dtype },
    view: kTogether[index] ? [batch, extent, ...box] : [batch, ...box, extent],
    coords: kTogether[index] ? [at(0), at(dim), ...ks] : [at(0), ...ks, at(dim)],
  })
  return {
    ...{ kind: 'fold', dtype: 'f32', shape: transposed ? [batch, n, m] : [batch, m, n], box, guards: [] },
    reads: [read(0, m, r!), read(1, n, c!)],
    step: { args: ['f', 'f', 'f'], code: [{ op: 'fma', args: [1, 2, 0] }], result: 3 },
    order: {
      ...{ kind: 'blocked', init: 0x80000000 },
      combine: { args: ['f', 'f'], code: [{ op: 'fadd', args: [0, 1] }], result: 2 },
    },
  }
}

/** Numbers of ordinary size, and here and there any. */
const values = (dtype: Dtype, shape: readonly number[], r: Random): Tensor => {
  const data = new Uint8Array(size(shape) * DTYPES[dtype].bytes)
  for (let i = 0; i < size(shape); i++)
    storeElement(dtype, data, i, r.between(0, 300) === 0 ? r.float() : r.atExponent(r.between(118, 130)))
  return { dtype, shape, data }
}

const wrong = async (executor: WebGpuExecutor, c: Case): Promise<string | undefined> => {
  const node = nodeOf(c)
  const r = new Random(c.m + c.n)
  const inputs = node.reads.map((read) => values(read.dtype, read.view, r))
  const program: Program = {
    ...{ state: [], nodes: [node], next: [] },
    inputs: inputs.map(({ dtype, shape }, i) => ({ name: `x${i}`, dtype, shape })),
    outputs: [{ name: 'y', ref: { from: 'node', index: 0 } }],
  }
  return firstDifference(executor, { program, state: [], inputs })
}

test('a workgroup computes the tiles of large products together, with the reference’s bits', async () => {
  assert.deepEqual(
    CASES.map((c) => isLarge(tileOf(nodeOf(c))!)),
    [true, true, true, true, true, false],
  )
  const native = await createWebGpuExecutor({ gpu: softwareGpu() })
  for (const [i, c] of CASES.entries()) assert.equal(await wrong(native, c), undefined, `case ${i}`)
  const gpu = softwareGpu({ float: FLUSHES })
  const guarded = await createWebGpuExecutor({ gpu, arithmetic: everywhere('guarded') })
  assert.equal(await wrong(guarded, CASES[0]!), undefined)
})

test('a device whose barriers do not hold is refused', async () => {
  for (const nth of [0, 1]) {
    let seen = 0
    const compile = (code: string): string => {
      const parts = code.split('workgroupBarrier();')
      if (parts.length === 1) return code
      seen++
      return `${parts.slice(0, nth + 1).join('workgroupBarrier();')}${parts.slice(nth + 1).join('workgroupBarrier();')}`
    }
    await assert.rejects(
      createWebGpuExecutor({ gpu: softwareGpu({ compile }) }),
      /a product of 33 rows and 32 columns: of 0x/,
    )
    assert.ok(seen > 0)
  }
})
