import { DTYPES, type Dtype, type Register } from '../dtype.ts'
import { LIMITS } from '../limits.ts'
import { type Formula, traceFormula } from '../scalar/formula.ts'
import { type F, registerOf, type U, type ValueOf } from '../scalar/trace.ts'
import { broadcastShapes, broadcastTo } from './broadcast.ts'
import { addVertex } from './graph.ts'
import { checkShape, dense, type Grid } from './grid.ts'
import { TraceError } from './trace-error.ts'
import type { Lookup, MapVertex } from './vertex.ts'

export type RegisterOf<D extends Dtype> = (typeof DTYPES)[D]['register']
/** One scalar value per grid, in order. */
export type ValuesOf<G extends readonly Grid[]> = {
  [K in keyof G]: G[K] extends Grid<infer R> ? ValueOf<R> : never
}
export type MapOptions = {
  readonly dtype?: Dtype // of the result; f32 or u32 if absent, as the function's result is a number or a word
  readonly shape?: readonly number[] // of the result; the grids' broadcast shape if absent
  readonly label?: string // names the operation in errors
}

/**
 * One of the two primitives: a scalar function of the elements of some grids, broadcast to one shape (dimensions are
 * aligned at the end; an extent of 1 stretches).
 *
 *   map([x, bias], (a, b) => a.add(b).max(0))
 *
 * Inside the function `index(d)` is the element's coordinate. At most 8 grids.
 */
export const map = <const G extends readonly Grid[], T extends F | U>(
  grids: G,
  fn: (...values: ValuesOf<G>) => T,
  options: MapOptions = {},
): Grid<T extends F ? 'f' : 'u'> => {
  const label = options.label ?? 'map'
  const shape =
    options.shape ??
    broadcastShapes(
      label,
      grids.map((g) => g.shape),
    )
  const formula = traceFormula(
    grids.map((g) => DTYPES[g.dtype].register),
    fn as unknown as (...values: (F | U)[]) => F | U,
  )
  const reads = grids.map((g) => broadcastTo(g, shape).lookup)
  return mapFormula(label, shape, reads, formula, options.dtype)
}

/** The same with lookups over the result's coordinates and a formula already traced. */
export const mapFormula = <R extends Register>(
  label: string,
  shape: readonly number[],
  reads: readonly Lookup[],
  formula: Formula,
  dtype: Dtype = registerOf(formula, formula.result) === 'f' ? 'f32' : 'u32',
): Grid<R> => {
  checkShape(label, shape)
  if (reads.length > LIMITS.reads)
    throw new TraceError(
      label,
      `${reads.length} grids; a map reads at most ${LIMITS.reads}: map in two steps`,
    )
  const gives = registerOf(formula, formula.result)
  if (DTYPES[dtype].register !== gives)
    throw new TraceError(label, `the function gives register ${gives}, which ${dtype} cannot hold: cast it`)
  return dense<R>(addVertex<MapVertex>({ kind: 'map', label, dtype, shape, reads, formula }))
}
