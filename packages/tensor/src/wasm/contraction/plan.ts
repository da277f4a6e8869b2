import { BLOCK, type FoldNode } from '../../node.ts'
import type { ScalarProgram } from '../../scalar/scalar-program.ts'
import { type Form, type Load, type Space, spaceOf } from '../space.ts'
import { type Guarding, guardingOf } from './guards.ts'
import { type Factor, factorsOf, isSum } from './product.ts'

/**
 * A sum of products, known by the shape of the fold: step is fma of two factors and the accumulator, combine is add.
 * An output dimension that only one factor follows belongs to the rows (of the side whose elements are broadcast to the
 * lanes) or to the columns (of the side that gives four lanes at once); what both or neither follow is batch. Rows are
 * numbered through all of the rows' dimensions, the last fastest, and so are columns.
 */
export type Plan = {
  readonly space: Space
  readonly init: number
  readonly points: number
  readonly rows: Side
  readonly columns: Side
  readonly batch: readonly number[]
  readonly guarding: Guarding
}
export type Side = {
  /** The factor's own reads, in the order of its program's arguments, and with them the words that they go through. */
  readonly reads: readonly Load[]
  readonly loads: readonly Load[]
  readonly program: ScalarProgram | undefined // undefined: the one read itself
  readonly dims: readonly number[]
  readonly count: number
}

export const MINUS_ZERO = 0x80000000
/** The least products of an output for which any of this pays. */
const LEAST_POINTS = 4

export const planOf = (node: FoldNode): Plan | undefined => {
  const { order } = node
  const points = node.box.reduce((n, e) => n * e, 1)
  if (order.kind === 'scan' || typeof order.init !== 'number') return undefined
  if (points < LEAST_POINTS) return undefined
  // a chain longer than a block is left to the general kernel
  if (order.kind === 'blocked' ? !isSum(order.combine) : points > BLOCK) return undefined
  const factors = factorsOf(node.step)
  if (!factors) return undefined
  const space = spaceOf(node)
  const dims = [...space.outer.keys()]
  const of = (factor: Factor): Of => {
    const reads = factor.reads.map((r) => space.reads[r]!)
    return { factor, reads, follows: dims.filter((d) => follows(space, factor, reads, d)) }
  }
  const [first, second] = [of(factors[0]), of(factors[1])]
  const [one, other] = [sideOf(space, first, second), sideOf(space, second, first)]
  // columns are what lies side by side in the output, where there is enough of it
  const last = dims.at(-1)
  const isLast = ({ dims, count }: Side): boolean => last !== undefined && dims.includes(last) && count >= 4
  const [columns, rows] = isLast(one) || (one.count >= 4 && !isLast(other)) ? [one, other] : [other, one]
  const batch = dims.filter((d) => !rows.dims.includes(d) && !columns.dims.includes(d))
  const guarding = guardingOf(space, columns.dims)
  // where a whole block is left out its result is init, which must not change the total
  if (!guarding || (guarding.kind !== 'none' && points > BLOCK && order.init !== MINUS_ZERO)) return undefined
  return { space, init: order.init, points, rows, columns, batch, guarding }
}

type Of = { factor: Factor; reads: readonly Load[]; follows: readonly number[] }

const follows = (space: Space, { program }: Factor, reads: readonly Load[], d: number): boolean =>
  reads.some((r) => formsOf(r).some((form) => form.by[d] !== 0)) ||
  (program?.code ?? []).some((i) => i.op === 'index' && space.dim[i.immediate] === d)

const sideOf = (space: Space, of: Of, other: Of): Side => {
  const dims = of.follows.filter((d) => !other.follows.includes(d))
  return {
    reads: of.reads,
    loads: of.reads.flatMap((r) => (r.word ? [r, r.word.load] : [r])),
    program: of.factor.program,
    dims,
    count: dims.reduce((n, d) => n * space.outer[d]!, 1),
  }
}

const formsOf = (l: Load): Form[] => [
  l.at,
  ...l.inside.map((i) => i.form),
  ...(l.word ? [l.word.load.at] : []),
]

/** The step of the output's address from one of a side to the next, if it is the same throughout. */
export const evenStep = (space: Space, { dims }: Side): number | undefined => {
  const { by } = space.out.at
  const last = dims.at(-1)
  if (last === undefined) return undefined
  for (let i = dims.length - 2, step = by[last]! * space.outer[last]!; i >= 0; i--) {
    const d = dims[i]!
    if (by[d] !== step) return undefined
    step *= space.outer[d]!
  }
  return by[last]!
}
