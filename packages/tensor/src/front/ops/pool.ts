import { f32, index, select, type U, u32 } from '../../scalar/trace.ts'
import { fold, lessThan } from '../fold.ts'
import { type Grid, view } from '../grid.ts'
import { map } from '../map.ts'
import { show, TraceError } from '../trace-error.ts'
import { max, mean, sum } from './reduce.ts'
import { type Each, eachOf, type Sliding, slid } from './sliding.ts'

export type PoolOptions = {
  readonly size: Each
  readonly stride?: Each // the size if absent
  readonly padding?: Each // on each side
}
export type MaxPoolOptions = PoolOptions & { readonly dilation?: Each }
export type MeanPoolOptions = PoolOptions & {
  readonly countPadding?: boolean // whether padding counts as zeroes, or not at all; true if absent
}

/** The greatest of each window, (B, T, C) to (B, T', C); a window's first maximum takes the gradient. */
export const maxPool1d = (x: Grid<'f'>, options: MaxPoolOptions): Grid<'f'> =>
  maxPool('maxPool1d', 1, x, options)
/** The greatest of each window of a plane, (B, H, W, C); a window's first maximum takes the gradient. */
export const maxPool2d = (x: Grid<'f'>, options: MaxPoolOptions): Grid<'f'> =>
  maxPool('maxPool2d', 2, x, options)
/** The mean of each window, (B, T, C) to (B, T', C). */
export const meanPool1d = (x: Grid<'f'>, options: MeanPoolOptions): Grid<'f'> =>
  meanPool('meanPool1d', 1, x, options)
/** The mean of each window of a plane, (B, H, W, C); padding counts as zeroes unless it is left out. */
export const meanPool2d = (x: Grid<'f'>, options: MeanPoolOptions): Grid<'f'> =>
  meanPool('meanPool2d', 2, x, options)

/** The mean over all places: (B, .., C) gives (B, C). */
export const globalMeanPool = (x: Grid<'f'>): Grid<'f'> =>
  mean(x, { axes: x.shape.map((_, d) => d).slice(1, -1) })

/**
 * Means over windows that share a plane out evenly: (B, H, W, C) to (B, heights, widths, C). Window i of n along an
 * extent E has the places from floor(i E / n) to before ceil((i + 1) E / n): windows may overlap by a place.
 */
export const adaptiveMeanPool2d = (x: Grid<'f'>, places: readonly [number, number]): Grid<'f'> => {
  const label = 'adaptiveMeanPool2d'
  if (x.rank !== 4) throw new TraceError(label, `a grid of shape ${show(x.shape)}; it must be (B, H, W, C)`)
  const [heights, widths] = eachOf(label, 'places', places, 2, 1) as [number, number]
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  if (height % heights === 0 && width % widths === 0) {
    const size = [height / heights, width / widths]
    return meanPool2d(x, { size })
  }
  const edge = (count: number, extent: number, end: boolean): Grid<'u'> =>
    map(
      [],
      () =>
        end
          ? edgeOf(
              index(0)
                .add(1)
                .mul(extent)
                .add(count - 1),
              count,
            )
          : edgeOf(index(0).mul(extent), count),
      {
        shape: [count],
        label: `${label} windows`,
      },
    )
  const edges = [
    [edge(heights, height, false), edge(heights, height, true)],
    [edge(widths, width, false), edge(widths, width, true)],
  ] as const
  const total = fold({
    label,
    shape: [batch, heights, widths, channels],
    box: [height, width],
    register: 'f',
    order: 'blocked',
    init: -0,
    reads: ([b, , , c], [h, w]) => [x.at(b!, h!, w!, c!)],
    guards: ([, i, j], [h, w]) =>
      edges.flatMap(([from, to], d) => {
        const [window, place] = d === 0 ? [i!, h!] : [j!, w!]
        return [lessThan(from.at(window), place.add(1)), lessThan(place, to.at(window))]
      }),
    step: (acc, a) => acc.add(a),
    combine: (acc, block) => acc.add(block),
  })
  const at = (words: Grid<'u'>, d: number) => view<'u'>(total.shape, (...i) => words.at(i[d]!))
  return map(
    [total, at(edges[0][0], 1), at(edges[0][1], 1), at(edges[1][0], 2), at(edges[1][1], 2)],
    (a, top, bottom, left, right) => a.div(bottom.sub(top).mul(right.sub(left)).toF32()),
    { label },
  )
}

/** floor(a / b) of words below 2^24: the rounded quotient, less one where that is too much. */
const edgeOf = (a: U, b: number): U => {
  const near = a.toF32().div(b).toU32()
  return near.sub(a.lt(near.mul(b)))
}

const plan = (operation: string, n: number, options: MaxPoolOptions): Sliding => {
  const sizes = eachOf(operation, 'size', options.size, n, 1)
  const padding = eachOf(operation, 'padding', options.padding ?? 0, n, 0)
  if (padding.some((by, d) => by * 2 > sizes[d]!))
    throw new TraceError(
      operation,
      `padding ${show(padding)} for windows of ${show(sizes)}; it must be at most half of them, or windows would be empty`,
    )
  return {
    sizes,
    padding,
    stride: eachOf(operation, 'stride', options.stride ?? options.size, n, 1),
    dilation: eachOf(operation, 'dilation', options.dilation ?? 1, n, 1),
  }
}

const maxPool = (operation: string, n: number, x: Grid<'f'>, options: MaxPoolOptions): Grid<'f'> =>
  max(slid(operation, x, plan(operation, n, options), -Infinity), {
    axes: Array.from({ length: n }, (_, d) => n + 2 + d),
  })

const meanPool = (operation: string, n: number, x: Grid<'f'>, options: MeanPoolOptions): Grid<'f'> => {
  const sliding = plan(operation, n, options)
  const { sizes, stride, padding } = sliding
  const moving = slid(operation, x, sliding)
  const axes = sizes.map((_, d) => n + 2 + d)
  if ((options.countPadding ?? true) || padding.every((by) => by === 0)) return mean(moving, { axes })
  return map(
    [sum(moving, { axes })],
    (a) => {
      const counts = sizes.map((size, d) => {
        const start = index(d + 1).mul(stride[d]!) // of the window in the padded places
        const least = (p: U, q: U): U => select(p.lt(q), p, q)
        const low = select(start.lt(padding[d]!), u32(padding[d]!), start)
        return least(start.add(size), u32(padding[d]! + x.shape[d + 1]!)).sub(low)
      })
      return a.mul(f32(1).div(counts.reduce((p, q) => p.mul(q)).toF32()))
    },
    { label: operation },
  )
}
