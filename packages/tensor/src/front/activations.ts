import type { Dtype } from '../dtype.ts'
import { storing } from './graph.ts'
import type { Grid } from './grid.ts'

/**
 * Calls a function, and stores what it computes from some grids (a network's weights) in a narrower dtype of numbers:
 * arithmetic stays in f32, each result is rounded once as it is stored, and gradients take the rounding as the identity.
 * It holds for what maps and products of matrices give, of rank 2 or more and more than one number in the last dimension;
 * so sums, statistics of rows and losses stay as wide as they were.
 */
export const storingActivations = <T>(dtype: Dtype, from: readonly Grid<'f'>[], fn: () => T): T =>
  storing(
    dtype,
    from.map((g) => g.lookup.source),
    fn,
  )
