import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DTYPES,
  type Dtype,
  firstDifference,
  type NamedType,
  type Node,
  type Program,
  Random,
  type ScalarProgram,
  size,
  storeElement,
  type Tensor,
} from '@lockstep/tensor'
import { executorOver } from '../../src/cuda/device-executor.ts'
import { generate } from '../../src/cuda/program.ts'
import { interpretedDevice } from './interpreted-device.ts'

const at = (d: number) => ({ base: 0, terms: [{ at: d, by: 1 }] })
const ADD: ScalarProgram = { args: ['f', 'f'], code: [{ op: 'fadd', args: [0, 1] }], result: 2 }
const named = (name: string, dtype: Dtype, shape: readonly number[]): NamedType => ({ name, dtype, shape })

const values = ({ dtype, shape }: NamedType, r: Random, most: number): Tensor => {
  const data = new Uint8Array(size(shape) * DTYPES[dtype].bytes)
  for (let i = 0; i < size(shape); i++)
    storeElement(dtype, data, i, dtype === 'u32' ? r.between(0, most) : r.float())
  return { dtype, shape, data }
}

/** One node over its inputs gives the reference's bytes; `kernels` is how many launches it must take. */
const agrees = async (node: Node, inputs: readonly NamedType[], kernels: number, most = 1): Promise<void> => {
  const program: Program = {
    ...{ state: [], inputs, nodes: [node], next: [] },
    outputs: [{ name: 'y', ref: { from: 'node', index: 0 } }],
  }
  assert.equal(generate(program, 'step', 'sm_90').nodes.flat().length, kernels)
  const r = new Random(5)
  const run = { program, state: [], inputs: inputs.map((t) => values(t, r, most)) }
  assert.equal(await firstDifference(executorOver(interpretedDevice(1 << 24)), run), undefined)
}

test('a long sum with few outputs gives whole blocks to threads, and their results again', async () => {
  const points = 256 * 257 + 3
  const sum: Node = {
    ...{ kind: 'fold', dtype: 'f32', shape: [2], box: [points], guards: [], step: ADD },
    reads: [{ ref: { from: 'input', index: 0 }, dtype: 'f32', view: [points, 2], coords: [at(1), at(0)] }],
    order: { kind: 'blocked', init: 0x80000000, combine: ADD },
  }
  await agrees(sum, [named('x', 'f32', [points, 2])], 3)
})

test('a scatter walks only the k that name a place, in their order', async () => {
  const [places, width, points] = [40, 24, 90]
  const word = {
    ref: { from: 'input' as const, index: 1 },
    dtype: 'u32' as const,
    view: [points],
    coords: [at(2)],
  }
  const scatter = (init: Extract<Node, { kind: 'fold' }>['order']): Node => ({
    ...{ kind: 'fold', dtype: 'f32', shape: [places, width], box: [points], step: ADD, order: init },
    reads: [
      { ref: { from: 'input', index: 0 }, dtype: 'f32', view: [points, width], coords: [at(2), at(1)] },
    ],
    guards: [{ test: 'eq', left: { word }, right: at(0) }],
  })
  const inputs = [
    named('x', 'f32', [points, width]),
    named('i', 'u32', [points]),
    named('y', 'f32', [places, width]),
  ]
  await agrees(scatter({ kind: 'chain', init: 0x80000000 }), inputs, 3, places + 5)
  const read = {
    ref: { from: 'input' as const, index: 2 },
    dtype: 'f32' as const,
    view: [places, width],
    coords: [at(0), at(1)],
  }
  await agrees(scatter({ kind: 'chain', init: read }), inputs, 3, 7)
})

test('four elements a thread are read together, apart, or as one', async () => {
  const program: ScalarProgram = {
    args: ['f', 'f', 'f', 'f'],
    code: [
      { op: 'fadd', args: [0, 1] },
      { op: 'fma', args: [2, 3, 4] },
      { op: 'index', immediate: 1 },
      { op: 'u2f', args: [6] },
      { op: 'fsub', args: [5, 7] },
    ],
    result: 8,
  }
  for (const dtype of ['f32', 'bf16', 'f16'] as const) {
    const read = (
      index: number,
      view: number[],
      coords: { base: number; terms: { at: number; by: number }[] }[],
    ) => ({
      ...{ ref: { from: 'input' as const, index }, dtype, view, coords },
    })
    const map: Node = {
      ...{ kind: 'map', dtype, shape: [5, 12], program },
      reads: [
        read(0, [5, 12], [at(0), at(1)]),
        read(1, [12, 5], [at(1), at(0)]),
        read(2, [5], [at(0)]),
        read(0, [5, 12], [at(0), { base: 11, terms: [{ at: 1, by: -1 }] }]),
      ],
    }
    await agrees(map, [named('a', dtype, [5, 12]), named('b', dtype, [12, 5]), named('c', dtype, [5])], 1)
  }
})
