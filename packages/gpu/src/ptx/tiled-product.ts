import type { FoldNode } from '@lockstep/tensor'
import type { Tiling } from './contraction.ts'
import { moduleText, type PtxTarget } from './kernel-text.ts'
import { scratchOffset } from './launch.ts'
import { productLaunches } from './product-kernel.ts'

/** What a launch's parameters are, in order. */
export type ProductPlace = 'out' | 'left' | 'right' | 'scratch'

/** The kernels of one product of row-major matrices, (m, k) by (k, n), in a given tiling: for measurements. */
export const tiledProduct = (
  m: number,
  n: number,
  k: number,
  tiling: Tiling,
  target: PtxTarget,
): {
  readonly text: string
  readonly scratch: number
  readonly launches: readonly {
    readonly name: string
    readonly blocks: number
    readonly threads: number
    readonly parameters: readonly ProductPlace[]
  }[]
} => {
  const at = (d: number) => ({ base: 0, terms: [{ at: d, by: 1 }] })
  const node: FoldNode = {
    kind: 'fold',
    dtype: 'f32',
    shape: [m, n],
    box: [k],
    reads: [
      { ref: { from: 'input', index: 0 }, dtype: 'f32', view: [m, k], coords: [at(0), at(2)] },
      { ref: { from: 'input', index: 1 }, dtype: 'f32', view: [k, n], coords: [at(2), at(1)] },
    ],
    guards: [],
    step: { args: ['f', 'f', 'f'], code: [{ op: 'fma', args: [1, 2, 0] }], result: 3 },
    order: {
      kind: 'blocked',
      init: 0x80000000,
      combine: { args: ['f', 'f'], code: [{ op: 'fadd', args: [0, 1] }], result: 2 },
    },
  }
  const launches = productLaunches(node, 'product', target, tiling)
  if (!launches) throw new RangeError(`a product of ${m} x ${k} by ${k} x ${n} is too small for tiles`)
  return {
    text: moduleText(
      target,
      launches.map((l) => l.kernel),
    ),
    scratch: Math.max(...launches.map((l) => l.scratch)),
    launches: launches.map(({ kernel, blocks, slots, writes }) => ({
      name: kernel.name,
      blocks,
      threads: kernel.threads,
      parameters: [
        writes === undefined ? 'out' : 'scratch',
        ...slots.map(
          (s): ProductPlace =>
            scratchOffset(s) !== undefined ? 'scratch' : s.index === 0 ? 'left' : 'right',
        ),
      ],
    })),
  }
}
