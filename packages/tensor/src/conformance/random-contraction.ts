import type { Dtype } from '../dtype.ts'
import type { Affine, Coord, FoldNode, Guard, Read } from '../node.ts'
import type { NamedType } from '../program.ts'
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
  while (size(shape) * size(box) > 200_000) {
    const longest = shape.indexOf(Math.max(...shape))
    shape[longest] = Math.ceil(shape[longest]! * 0.7)
  }
  const dtypes: Dtype[] = r.chance(70)
    ? ['f32', 'f32', 'f32']
    : [0, 1, 2].map(() => r.pick(['f32', 'bf16', 'f16']))

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
  // a causal mask, or some other line through the outputs
  const coordinate = (): Affine => ({
    base: r.between(-1, 4),
    terms: r.chance(85) ? [{ at: r.between(0, shape.length), by: r.pick([1, 1, 2, -1]) }] : [],
  })
  const guards: Guard[] = Array.from({ length: r.chance(30) ? r.between(1, 3) : 0 }, () => ({
    test: r.chance(85) ? 'lt' : 'eq',
    left: coordinate(),
    right: coordinate(),
  }))
  const node: FoldNode = {
    kind: 'fold',
    dtype: dtypes[2]!,
    shape,
    box,
    reads: r.chance(50) ? reads : reads.reverse(),
    guards,
    step: {
      args: ['f', 'f', 'f'],
      code: [
        {
          op: 'fma',
          args: r.pick([
            [1, 2, 0],
            [2, 1, 0],
          ]),
        },
      ],
      result: 3,
    },
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
