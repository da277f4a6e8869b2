import type { Register } from '../../dtype.ts'
import type { F, U, ValueOf } from '../../scalar/trace.ts'
import { fold } from '../fold.ts'
import type { Element, Grid } from '../grid.ts'
import { axisOf, transpose } from '../views.ts'

/** Every accumulator of a chain along one axis, in the shape of x. */
const cumulate = <R extends Register>(
  label: string,
  register: R,
  init: number,
  x: Grid<R>,
  axis: number,
  step: (acc: ValueOf<R>, value: ValueOf<R>) => ValueOf<R>,
): Grid<R> => {
  const a = axisOf(label, x, axis)
  const last = x.rank - 1
  const order = [...x.shape.keys()].filter((d) => d !== a)
  const scanned = fold({
    label,
    shape: order.map((d) => x.shape[d]!),
    box: [x.shape[a]!],
    register,
    order: 'scan',
    init,
    reads: (out, k) => [x.at(...out.toSpliced(a, 0, k[0]!))] as Element[],
    step: (acc: ValueOf<R>, ...values: readonly (F | U)[]) => step(acc, values[0] as ValueOf<R>),
  })
  return transpose(
    scanned,
    [...x.shape.keys()].map((d) => (d === a ? last : order.indexOf(d))),
  )
}

/** Sums of all places up to each one. */
export const cumulativeSum = (x: Grid<'f'>, axis = -1): Grid<'f'> =>
  cumulate('cumulativeSum', 'f', -0, x, axis, (acc, value) => acc.add(value))
export const cumulativeSumWords = (x: Grid<'u'>, axis = -1): Grid<'u'> =>
  cumulate('cumulativeSumWords', 'u', 0, x, axis, (acc, value) => acc.add(value))
/** Products of all places up to each one. */
export const cumulativeProduct = (x: Grid<'f'>, axis = -1): Grid<'f'> =>
  cumulate('cumulativeProduct', 'f', 1, x, axis, (acc: F, value: F) => acc.mul(value))
/** The greatest of all places up to each one. */
export const cumulativeMax = (x: Grid<'f'>, axis = -1): Grid<'f'> =>
  cumulate('cumulativeMax', 'f', Number.NEGATIVE_INFINITY, x, axis, (acc: F, value: F) => acc.max(value))
/** The least of all places up to each one. */
export const cumulativeMin = (x: Grid<'f'>, axis = -1): Grid<'f'> =>
  cumulate('cumulativeMin', 'f', Number.POSITIVE_INFINITY, x, axis, (acc: F, value: F) => acc.min(value))
