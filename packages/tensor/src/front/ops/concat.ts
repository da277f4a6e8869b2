import type { Register } from '../../dtype.ts'
import { type F, index, select, type U, u32 } from '../../scalar/trace.ts'
import { type Grid, view } from '../grid.ts'
import { map } from '../map.ts'
import { show, TraceError } from '../trace-error.ts'
import { axisOf } from '../views.ts'

const AT_ONCE = 6

/** Grids one after another along an axis; the other extents are equal. One node for every six grids. */
export const concat = <R extends Register>(grids: readonly Grid<R>[], axis = 0): Grid<R> => {
  const first = grids[0]
  if (!first) throw new TraceError('concat', 'no grids')
  const a = axisOf('concat', first, axis)
  for (const g of grids)
    if (
      g.rank !== first.rank ||
      g.dtype !== first.dtype ||
      g.shape.some((e, d) => d !== a && e !== first.shape[d])
    )
      throw new TraceError(
        'concat',
        `${g.dtype} ${show(g.shape)} does not continue ${first.dtype} ${show(first.shape)} along axis ${a}`,
      )
  if (grids.length === 1) return first
  const now = grids.slice(0, AT_ONCE)
  const starts = now.map((_, n) => now.slice(0, n).reduce((total, g) => total + g.shape[a]!, 0))
  const shape = first.shape.with(a, starts.at(-1)! + now.at(-1)!.shape[a]!)
  const placed = now.map((g, n) =>
    view<R>(shape, (...i) => g.atPadded(0, ...i.with(a, i[a]!.sub(starts[n]!)))),
  )
  const joined = map(
    placed as readonly Grid[],
    (...values) =>
      values.reduceRight((rest: F | U, value: F | U, n) =>
        select(index(a).lt(u32(starts[n + 1]!)), value as F, rest as F),
      ),
    { dtype: first.dtype, label: 'concat' },
  )
  return concat([joined as Grid as Grid<R>, ...grids.slice(AT_ONCE)], a)
}

/** Grids of one shape along a new axis before dimension `axis`. */
export const stack = <R extends Register>(grids: readonly Grid<R>[], axis = 0): Grid<R> =>
  concat(
    grids.map((g) => view<R>(g.shape.toSpliced(axis, 0, 1), (...i) => g.at(...i.toSpliced(axis, 1)))),
    axis,
  )
