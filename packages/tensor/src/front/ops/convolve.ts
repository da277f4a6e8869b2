import type { Grid } from '../grid.ts'
import { show, TraceError } from '../trace-error.ts'
import { pad, transpose, windows } from '../views.ts'
import { contract } from './contract.ts'
import { max, mean } from './reduce.ts'

export type ConvolveOptions = {
  readonly stride?: number
  readonly dilation?: number
  readonly padding?: number // zeroes on each side
}

const padded = (x: Grid<'f'>, spatial: number, by: number, value = 0): Grid<'f'> =>
  by === 0
    ? x
    : pad(
        x,
        x.shape.map((_, d) => (d >= 1 && d <= spatial ? [by, by] : [0, 0])),
        value,
      )

/** The channels last grid with its windows: (B, .., C) gives (B, places .., C, sizes ..). */
const slid = (
  operation: string,
  x: Grid<'f'>,
  sizes: readonly number[],
  { stride = 1, dilation = 1 }: ConvolveOptions,
): Grid<'f'> => {
  const n = sizes.length
  if (x.rank !== n + 2)
    throw new TraceError(
      operation,
      `a grid of shape ${show(x.shape)}; it must have batch, ${n} places and channels`,
    )
  const channelsFirst = transpose(x, [0, n + 1, ...sizes.map((_, d) => d + 1)])
  const moving = windows(
    channelsFirst,
    sizes.map((size) => ({ size, stride, dilation })),
  ) // (B, C, places, sizes)
  return transpose(moving, [0, ...sizes.map((_, d) => d + 2), 1, ...sizes.map((_, d) => d + 2 + n)])
}

/**
 * Cross-correlation along one dimension: x (B, T, I) and weight (K, I, O) give (B, T', O). The fold runs over k and
 * then the channels, so that each k is one contiguous run.
 */
export const conv1d = (x: Grid<'f'>, weight: Grid<'f'>, options: ConvolveOptions = {}): Grid<'f'> => {
  const moving = slid('conv1d', padded(x, 1, options.padding ?? 0), [weight.shape[0]!], options)
  return contract('kio,btik->bto', weight, moving, { label: 'conv1d' })
}

/** Cross-correlation over a plane: x (B, H, W, I) and weight (KH, KW, I, O) give (B, H', W', O). */
export const conv2d = (x: Grid<'f'>, weight: Grid<'f'>, options: ConvolveOptions = {}): Grid<'f'> => {
  const sizes = weight.shape.slice(0, 2)
  const moving = slid('conv2d', padded(x, 2, options.padding ?? 0), sizes, options)
  return contract('klio,bhwikl->bhwo', weight, moving, { label: 'conv2d' })
}

export type PoolOptions = { readonly size: number; readonly stride?: number; readonly padding?: number }
/** The greatest of each window of a plane, (B, H, W, C); a window's first maximum takes the gradient. */
export const maxPool2d = (x: Grid<'f'>, { size, stride = size, padding = 0 }: PoolOptions): Grid<'f'> =>
  max(slid('maxPool2d', padded(x, 2, padding, -Infinity), [size, size], { stride }), { axes: [4, 5] })

/** The mean of each window of a plane, (B, H, W, C); padding counts as zeroes. */
export const meanPool2d = (x: Grid<'f'>, { size, stride = size, padding = 0 }: PoolOptions): Grid<'f'> =>
  mean(slid('meanPool2d', padded(x, 2, padding), [size, size], { stride }), { axes: [4, 5] })
