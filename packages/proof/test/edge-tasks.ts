import {
  type Affine,
  DTYPES,
  type Dtype,
  type FoldNode,
  f32Bits,
  type NamedType,
  type Node,
  type Program,
  type Read,
  type Ref,
  traceScalar,
  unwrap,
  validateProgram,
} from '@lockstep/tensor'
import { commitProgram } from '../src/program-id.ts'
import type { Task } from '../src/task.ts'
import { tensorFrom } from './tiny-task.ts'

/**
 * Small tasks, each at an edge of what a dispute's vectors can be: of one item, of one leaf, of a power of two and one
 * more, of every dtype, of folds at the ends of their blocks, with and without states and outputs.
 */

const at = (...terms: readonly (readonly [at: number, by: number])[]): Affine => ({
  base: 0,
  terms: terms.map(([index, by]) => ({ at: index, by })),
})
const state: Ref = { from: 'state', index: 0 }
const input: Ref = { from: 'input', index: 0 }
const node: Ref = { from: 'node', index: 0 }
const first = (ref: Ref, dtype: Dtype, elements: number): Read => ({
  ref,
  dtype,
  view: [elements],
  coords: [at()],
})
const isF = (dtype: Dtype): boolean => DTYPES[dtype].register === 'f'
const plus = (dtype: Dtype) =>
  isF(dtype) ? traceScalar(['f', 'f'], (a, b) => a.add(b)) : traceScalar(['u', 'u'], (a, b) => a.add(b))

const taskOf = (
  nodes: readonly Node[],
  types: readonly (readonly [Dtype, readonly number[]])[],
  next: readonly Ref[],
  outputs: readonly Ref[],
  inputType: readonly [Dtype, readonly number[]] = ['f32', [3]],
): Task => {
  const named = (prefix: string, list: typeof types): NamedType[] =>
    list.map(([dtype, shape], i) => ({ name: `${prefix}${i}`, dtype, shape }))
  const program: Program = {
    state: named('s', types),
    inputs: named('i', [inputType]),
    nodes,
    next,
    outputs: outputs.map((ref, i) => ({ name: `o${i}`, ref })),
  }
  return {
    committed: commitProgram(unwrap(validateProgram(program))),
    initial: types.map(([dtype, shape], i) => tensorFrom(dtype, shape, i)),
    inputs: [tensorFrom(...inputType, 9)],
    steps: 3,
    segmentLength: 2,
  }
}

/** A state that grows by an input's first element: a tensor of `elements` in leaves. */
const mapOf = (dtype: Dtype, shape: readonly number[]): Task => {
  const coords = shape.map((_, d) => at([d, 1]))
  const own: Read = { ref: state, dtype, view: shape, coords }
  return taskOf(
    [{ kind: 'map', dtype, shape, reads: [own, first(input, dtype, 3)], program: plus(dtype) }],
    [[dtype, shape]],
    [node],
    [node],
    [dtype, [3]],
  )
}

/** A word that folds itself K times over an input. */
const foldOf = (dtype: Dtype, box: readonly number[], order: FoldNode['order']): Task =>
  taskOf(
    [
      {
        kind: 'fold',
        dtype,
        shape: [2],
        box,
        reads: [first(input, dtype, 3)],
        guards: [{ test: 'lt', left: at([0, 1]), right: { base: 1 << 20, terms: [] } }],
        step: plus(dtype),
        order,
      },
    ],
    [[dtype, [2]]],
    [node],
    [],
    [dtype, [3]],
  )
const zeroOf = (dtype: Dtype): number => (isF(dtype) ? f32Bits(-0) : 0)
const blocked = (dtype: Dtype): FoldNode['order'] => ({
  kind: 'blocked',
  init: zeroOf(dtype),
  combine: plus(dtype),
})
const chain = (dtype: Dtype): FoldNode['order'] => ({
  kind: 'chain',
  init: { ref: state, dtype, view: [2], coords: [at([0, 1])] },
})
const scanOf = (dtype: 'f32' | 'u32', shape: readonly number[], box: readonly number[]): Task =>
  taskOf(
    [
      {
        kind: 'fold',
        dtype,
        shape,
        box,
        reads: [first(input, dtype, 3)],
        guards: [],
        step: plus(dtype),
        order: {
          kind: 'scan',
          init: {
            ref: state,
            dtype,
            view: shape,
            coords: shape.map((_, d) => at(...(d < shape.length - box.length ? [[d, 1] as const] : []))),
          },
        },
      },
    ],
    [[dtype, shape]],
    [node],
    [],
    [dtype, [3]],
  )

const increments: Node = {
  kind: 'map',
  dtype: 'f32',
  shape: [3],
  reads: [{ ref: input, dtype: 'f32', view: [3], coords: [at([0, 1])] }],
  program: traceScalar(['f'], (a) => a.mul(2)),
}
const three: readonly [Dtype, readonly number[]] = ['f32', [3]]
const many = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i))

export type EdgeTask = { readonly name: string; readonly task: Task }

export const edgeTasks = (): EdgeTask[] => {
  const tasks: EdgeTask[] = []
  const add = (name: string, task: Task): void => {
    tasks.push({ name, task })
  }
  add('rank 0', mapOf('f32', []))
  for (const dtype of ['f32', 'u32', 'bf16', 'f16', 'u8'] as const) {
    const leaf = 256 / DTYPES[dtype].bytes
    for (const elements of [1, leaf - 1, leaf, leaf + 1, 2 * leaf, 32 * leaf, 32 * leaf + 1, 64 * leaf - 3]) {
      add(`${elements} elements of ${dtype}`, mapOf(dtype, [elements]))
    }
    for (const points of [0, 1, 2, 255, 256, 257, 512, 513])
      add(`${points} points of blocked ${dtype}`, foldOf(dtype, [points], blocked(dtype)))
    for (const points of [0, 1, 2, 256, 257])
      add(`${points} points of ${dtype} in a chain`, foldOf(dtype, [points], chain(dtype)))
  }
  for (const points of [65_536, 65_537, 65_793]) {
    add(`${points} points of blocked f32`, foldOf('f32', [points], blocked('f32')))
    add(`${points} points of u32 in a chain`, foldOf('u32', [points], chain('u32')))
  }
  // The product of the other extents is above all limits, but there are no points.
  add('an empty box', foldOf('f32', [65_536, 65_536, 0], blocked('f32')))
  for (const [shape, box] of [
    [[1], [1]],
    [[64], [64]],
    [[65], [65]],
    [
      [2, 3, 43],
      [3, 43],
    ],
    [[129], []],
  ] as const) {
    add(`a scan of ${shape} over ${box}`, scanOf('f32', shape, box))
    add(`a scan of ${shape} over ${box} in u32`, scanOf('u32', shape, box))
  }
  for (const count of [0, 1, 2, 3, 5]) {
    add(
      `${count} states`,
      taskOf(
        [increments],
        many(count, () => three),
        many(count, () => node),
        [node],
      ),
    )
    add(
      `${count} outputs`,
      taskOf(
        [increments],
        [three],
        [node],
        many(count, () => node),
      ),
    )
  }
  add(
    'states that stay, swap and become inputs',
    taskOf(
      [increments],
      many(4, () => three),
      [input, state, { from: 'state', index: 3 }, { from: 'state', index: 2 }],
      [input, state],
    ),
  )
  // 31 and 32 nodes: the items fill a cut, and go one beyond.
  for (const count of [30, 31, 32])
    add(
      `${count} nodes`,
      taskOf(
        many(count, () => increments),
        [three],
        [{ from: 'node', index: count - 1 }],
        [],
      ),
    )
  return tasks
}
