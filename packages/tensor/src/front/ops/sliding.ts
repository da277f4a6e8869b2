import type { Grid } from '../grid.ts'
import { show, TraceError } from '../trace-error.ts'
import { pad, transpose, windows } from '../views.ts'

/** One number for every place dimension, or one for each. */
export type Each = number | readonly number[]

export const eachOf = (
  operation: string,
  name: string,
  value: Each,
  count: number,
  least: number,
): readonly number[] => {
  const all = typeof value === 'number' ? Array<number>(count).fill(value) : value
  if (all.length !== count || !all.every((x) => Number.isSafeInteger(x) && x >= least))
    throw new TraceError(
      operation,
      `${name} ${typeof value === 'number' ? value : show(value)}; it must be an integer of at least ${least}, or ${count} of them`,
    )
  return all
}

export type Sliding = {
  readonly sizes: readonly number[]
  readonly stride: readonly number[]
  readonly dilation: readonly number[]
  readonly padding: readonly number[] // on each side
}

/** (B, places .., C) with its places padded on each side. */
export const padded = (x: Grid<'f'>, by: readonly number[], value = 0): Grid<'f'> =>
  by.every((count) => count === 0)
    ? x
    : pad(
        x,
        x.shape.map((_, d) => {
          const count = by[d - 1] ?? 0
          return [count, count]
        }),
        value,
      )

/** The channels last grid with its windows, a view: (B, .., C) gives (B, places .., C, sizes ..). */
export const slid = (
  operation: string,
  x: Grid<'f'>,
  { sizes, stride, dilation, padding }: Sliding,
  value = 0,
): Grid<'f'> => {
  const n = sizes.length
  if (x.rank !== n + 2)
    throw new TraceError(
      operation,
      `a grid of shape ${show(x.shape)}; it must have batch, ${n} places and channels`,
    )
  const channelsFirst = transpose(padded(x, padding, value), [0, n + 1, ...sizes.map((_, d) => d + 1)])
  const moving = windows(
    channelsFirst,
    sizes.map((size, d) => ({ size, stride: stride[d]!, dilation: dilation[d]! })),
  ) // (B, C, places, sizes)
  return transpose(moving, [0, ...sizes.map((_, d) => d + 2), 1, ...sizes.map((_, d) => d + 2 + n)])
}
