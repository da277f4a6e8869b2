import { DTYPES, type Dtype, type Register } from '../dtype.ts'
import type { Affine, Coord, FoldNode, Guard, Read } from '../node.ts'
import type { NamedType } from '../program.ts'
import type { Instruction, ScalarProgram } from '../scalar/scalar-program.ts'
import { size } from '../shape.ts'
import type { RandomProgram } from './random-program.ts'
import { randomTensor } from './random-tensor.ts'
import { Seeded } from './seeded.ts'

/**
 * A sum of products as matrix products, batched ones and convolutions have it: dimensions of the output that one read
 * follows, or the other, or both, in any order, with operands stored in any order.
 */
export const randomContraction = (seed: number): RandomProgram => {
  const r = new Seeded(seed)
  const isConvolution = r.chance(30)
  // roles of the output's dimensions
  const roles: ('a' | 'b' | 'both')[] = r.pick([
    ['a', 'b'],
    ['b', 'a'],
    ['both', 'a', 'b'],
    ['both', 'b', 'a'],
    ['a', 'a', 'b'],
    ['a', 'both', 'b'],
    ['b', 'a', 'a'],
    ['a', 'b', 'both'],
    ['both', 'a', 'a', 'b'],
  ])
  const box = isConvolution
    ? r.pick([
        [3, 3, 5],
        [2, 3, 47],
        [3, 1, 4],
      ])
    : r.pick([[4], [7], [64], [255], [256], [257], [300], [513], [3, 100], [5, 52]])
  const rows = roles.filter((role) => role === 'a').length
  const shape = roles.map((role) =>
    role === 'both'
      ? r.between(1, 3)
      : role === 'b'
        ? r.pick([3, 4, 5, 7, 8, 9, 11, 12, 17, 19, 33])
        : r.pick(rows > 1 ? [1, 2, 3, 4, 5, 6, 9] : [3, 8, 9, 10, 11, 13, 16, 21]),
  )
  // few rows and many columns, as in generation
  if (r.chance(25))
    roles.forEach((role, d) => {
      if (role !== 'both')
        shape[d] =
          role === 'b'
            ? r.pick([8, 9, 31, 64, 70, 150, 256, 300])
            : rows > 1
              ? r.between(1, 3)
              : r.pick([1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 32])
    })
  while (size(shape) * size(box) > 200_000) {
    const longest = shape.indexOf(Math.max(...shape))
    shape[longest] = Math.ceil(shape[longest]! * 0.7)
  }
  const dtypes: Dtype[] = r.chance(70)
    ? ['f32', 'f32', 'f32']
    : [
        ...[0, 1].map(() => r.pick(['f32', 'bf16', 'f16', 'u8'] as const)),
        r.pick(['f32', 'bf16', 'f16'] as const),
      ]

  const inputs: NamedType[] = []
  const read = (side: 'a' | 'b', dtype: Dtype): Read => {
    const dims = [...roles.keys()].filter((d) => roles[d] === side || roles[d] === 'both')
    const all = [...dims, ...box.map((_, i) => roles.length + i)]
    for (let i = all.length - 1; i > 0; i--) {
      const j = r.chance(50) ? i : r.between(0, i + 1)
      ;[all[i], all[j]] = [all[j]!, all[i]!]
    }
    const extents = [...shape, ...box]
    const view: number[] = []
    const coords: Coord[] = []
    let pad: number | undefined
    for (const d of all) {
      const extent = extents[d]!
      const window = isConvolution && side === 'a' && roles[d] === 'a' && r.chance(60)
      if (window && box.length > 1) {
        // an image's rows: output coordinate plus window coordinate, less a border
        pad = r.pick([0, 0x80000000, 0x3f800000])
        view.push(extent)
        coords.push({
          base: -1,
          terms: [
            { at: d, by: 1 },
            { at: roles.length, by: 1 },
          ],
        })
        continue
      }
      view.push(extent)
      coords.push(
        r.chance(8)
          ? { base: extent - 1, terms: [{ at: d, by: -1 }] }
          : { base: 0, terms: [{ at: d, by: 1 }] },
      )
    }
    inputs.push({ name: side, dtype, shape: view })
    return {
      ref: { from: 'input', index: inputs.length - 1 },
      dtype,
      view,
      coords,
      ...(pad === undefined ? {} : { pad }),
    }
  }
  const reads = [read('a', dtypes[0]!), read('b', dtypes[1]!)]
  const factors = reads.map((from, i) => randomFactor(r, 'ab'[i]!, from, roles, shape, inputs))
  // a causal mask, or some other line through the outputs
  const coordinate = (along = r.between(0, shape.length)): Affine => ({
    base: r.between(-1, 4),
    terms: r.chance(85) ? [{ at: along, by: r.pick([1, 1, 2, -1]) }] : [],
  })
  // bounds of k, or of one dimension of the output, are what causal sums and causal scores have
  const bounded = r.pick([undefined, undefined, shape.length, r.between(0, shape.length)])
  const guard = (): Guard => {
    const one = { base: r.between(-1, 2), terms: [{ at: bounded ?? 0, by: 1 }] }
    const [left, right] = bounded === undefined ? [coordinate(), coordinate()] : [one, coordinate()]
    const test = bounded !== undefined || r.chance(85) ? 'lt' : 'eq'
    return r.chance(50) ? { test, left, right } : { test, left: right, right: left }
  }
  const guards = Array.from({ length: r.chance(45) ? r.between(1, 3) : 0 }, guard)
  const swapped = r.chance(50)
  const ordered = swapped ? [...factors].reverse() : factors
  const node: FoldNode = {
    kind: 'fold',
    dtype: dtypes[2]!,
    shape,
    box,
    reads: ordered.flatMap((f) => f.reads),
    guards,
    step: stepOf(
      ordered,
      r.pick([
        [0, 1],
        [1, 0],
      ]),
    ),
    order: {
      kind: 'blocked',
      init: r.pick([0x80000000, 0x80000000, 0x3f800000]),
      combine: {
        args: ['f', 'f'],
        code: [
          {
            op: 'fadd',
            args: r.pick([
              [0, 1],
              [1, 0],
            ]),
          },
        ],
        result: 2,
      },
    },
  }
  return {
    program: {
      state: [],
      inputs,
      nodes: [node],
      next: [],
      outputs: [{ name: 'c', ref: { from: 'node', index: 0 } }],
    },
    state: [],
    inputs: inputs.map((t) => randomTensor(r, t)),
  }
}

/** A factor of the step: a read, or a small program of it and of one number for each row (or column). */
type RandomFactor = {
  readonly reads: readonly Read[]
  /** Writes the factor's instructions; arguments are the reads' values, `push` gives the number of a new value. */
  readonly emit: (args: readonly number[], push: (i: Instruction) => number) => number
}

const randomFactor = (
  r: Seeded,
  side: string,
  from: Read,
  roles: readonly string[],
  shape: readonly number[],
  inputs: NamedType[],
): RandomFactor => {
  const isWords = from.dtype === 'u8'
  const numbers = (x: number, push: (i: Instruction) => number): number => {
    if (!isWords) return x
    const middle = push({ op: 'const_f', immediate: 0x43000000 })
    return push({ op: 'fsub', args: [push({ op: 'u2f', args: [x] }), middle] })
  }
  switch (r.chance(65) ? 'plain' : r.pick(['abs', 'scaled', 'capped'])) {
    case 'abs':
      return {
        reads: [from],
        emit: ([x], push) => push({ op: 'fneg', args: [push({ op: 'fabs', args: [numbers(x!, push)] })] }),
      }
    case 'scaled': {
      const dims = [...roles.keys()].filter((d) => roles[d] === side)
      const view = dims.map((d) => shape[d]!)
      inputs.push({ name: `${side} scale`, dtype: 'f32', shape: view })
      const coords = dims.map((at) => ({ base: 0, terms: [{ at, by: 1 }] }))
      const scale: Read = {
        ref: { from: 'input', index: inputs.length - 1 },
        dtype: 'f32',
        view,
        coords,
      }
      return {
        reads: [from, scale],
        emit: ([x, y], push) => push({ op: 'fmul', args: [numbers(x!, push), y!] }),
      }
    }
    case 'capped':
      return {
        reads: [from],
        emit: ([x], push) => {
          const value = numbers(x!, push)
          const zero = push({ op: 'const_f', immediate: 0 })
          const test = push({ op: 'flt', args: [zero, value] })
          return push({ op: 'select', args: [test, value, zero] })
        },
      }
    default:
      return { reads: [from], emit: ([x], push) => numbers(x!, push) }
  }
}

/** fma of the two factors, in some order, and the accumulator. */
const stepOf = (factors: readonly RandomFactor[], order: readonly number[]): ScalarProgram => {
  const args: Register[] = ['f']
  for (const { reads } of factors) for (const x of reads) args.push(DTYPES[x.dtype].register)
  const code: Instruction[] = []
  const push = (i: Instruction): number => args.length + code.push(i) - 1
  let next = 1
  const values = factors.map(({ reads, emit }) =>
    emit(
      reads.map(() => next++),
      push,
    ),
  )
  const result = push({ op: 'fma', args: [values[order[0]!]!, values[order[1]!]!, 0] })
  return { args, code, result }
}
