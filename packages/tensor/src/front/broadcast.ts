import type { Register } from '../dtype.ts'
import { type Grid, view } from './grid.ts'
import { show, TraceError } from './trace-error.ts'

/** The shape that all of these stretch to: aligned at the last dimension, an extent of 1 or an absent one stretches. */
export const broadcastShapes = (
  operation: string,
  shapes: readonly (readonly number[])[],
): readonly number[] => {
  const rank = Math.max(0, ...shapes.map((s) => s.length))
  return Array.from({ length: rank }, (_, d) => {
    let extent = 1
    for (const s of shapes) {
      const e = s[d - rank + s.length] ?? 1
      if (e === 1 || e === extent) continue
      if (extent !== 1)
        throw new TraceError(
          operation,
          `shapes ${shapes.map(show).join(' and ')} do not broadcast: dimension ${d} is ${extent} and ${e}`,
        )
      extent = e
    }
    return extent
  })
}

/** A view in which dimensions of extent 1 and absent leading dimensions are stretched to `shape`. */
export const broadcastTo = <R extends Register>(x: Grid<R>, shape: readonly number[]): Grid<R> => {
  if (x.rank === shape.length && x.shape.every((e, d) => e === shape[d])) return x
  const lead = shape.length - x.rank
  if (lead < 0 || !x.shape.every((e, d) => e === 1 || e === shape[d + lead]))
    throw new TraceError('broadcastTo', `a grid of shape ${show(x.shape)} does not stretch to ${show(shape)}`)
  return view(shape, (...i) => x.at(...x.shape.map((e, d) => (e === 1 ? 0 : i[d + lead]!))))
}
