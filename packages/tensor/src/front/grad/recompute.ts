import { entering } from '../graph.ts'
import { Grid } from '../grid.ts'

/**
 * The same function, whose inner values the backward pass computes again instead of keeping them from the forward pass:
 * memory for time, and the same bits. Only what it was given as arguments and what it returns is kept; what it captures
 * (weights, say) is read again as it is. What is computed from captured values alone is not computed again.
 *
 *   for (const layer of layers) x = recompute((h: Grid<'f'>) => block(h, layer))(x)
 *
 * Within another one it is a part of that.
 */
export const recompute =
  <A extends readonly unknown[], R>(fn: (...args: A) => R): ((...args: A) => R) =>
  (...args) =>
    entering(
      args.flatMap((a) => (a instanceof Grid ? [a.lookup.source] : [])),
      () => fn(...args),
    )
