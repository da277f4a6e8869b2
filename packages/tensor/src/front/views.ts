import type { Register } from '../dtype.ts'
import { checkShape, type Grid, view } from './grid.ts'
import type { Index } from './index-form.ts'
import { show, TraceError } from './trace-error.ts'

// Views by name. None of them computes anything; gradients flow through all of them.

/** -1 is the last dimension. */
export const axisOf = (operation: string, x: Grid, axis: number): number => {
  const d = axis < 0 ? axis + x.rank : axis
  if (!Number.isInteger(d) || d < 0 || d >= x.rank)
    throw new TraceError(
      operation,
      `axis ${axis} of a grid of shape ${show(x.shape)}, which has ${x.rank} dimensions`,
    )
  return d
}

/** Dimension d of the result is dimension `order[d]` of x; without an order the last two are swapped. */
export const transpose = <R extends Register>(x: Grid<R>, order?: readonly number[]): Grid<R> => {
  const n = x.rank
  const by = order ?? [...Array(Math.max(0, n - 2)).keys(), ...(n > 1 ? [n - 1, n - 2] : n === 1 ? [0] : [])]
  if (by.length !== n || [...by].sort((a, b) => a - b).some((d, i) => d !== i))
    throw new TraceError(
      'transpose',
      `order ${show(by)} does not permute the dimensions of shape ${show(x.shape)}`,
    )
  return view(
    by.map((d) => x.shape[d]!),
    (...i) => x.at(...x.shape.map((_, d) => i[by.indexOf(d)]!)),
  )
}

export type SliceOptions = {
  readonly axis?: number // 0 if absent
  readonly from?: number // first place taken, 0 if absent; negative counts from the end
  readonly to?: number // first place not taken, the extent if absent; negative counts from the end
  readonly step?: number // 1 if absent
}
/** Every `step`-th place of one dimension in [from, to). */
export const slice = <R extends Register>(x: Grid<R>, options: SliceOptions): Grid<R> => {
  const axis = axisOf('slice', x, options.axis ?? 0)
  const extent = x.shape[axis]!
  const place = (p: number) => (p < 0 ? p + extent : p)
  const from = place(options.from ?? 0)
  const to = place(options.to ?? extent)
  const step = options.step ?? 1
  if (from < 0 || to > extent || from >= to || step < 1)
    throw new TraceError(
      'slice',
      `[${from}, ${to}) by ${step} of dimension ${axis}, which has ${extent} places`,
    )
  const shape = x.shape.with(axis, Math.ceil((to - from) / step))
  return view(shape, (...i) => x.at(...i.with(axis, i[axis]!.mul(step).add(from))))
}

/** One place of a dimension, which is dropped from the shape. */
export const pick = <R extends Register>(x: Grid<R>, place: number, axis = 0): Grid<R> => {
  const a = axisOf('pick', x, axis)
  const p = place < 0 ? place + x.shape[a]! : place
  return view(x.shape.toSpliced(a, 1), (...i) => x.at(...(i as (Index | number)[]).toSpliced(a, 0, p)))
}

/** Cuts one dimension into `count` equal parts. */
export const split = <R extends Register>(x: Grid<R>, count: number, axis = -1): Grid<R>[] => {
  const a = axisOf('split', x, axis)
  const part = x.shape[a]! / count
  if (!Number.isInteger(part))
    throw new TraceError(
      'split',
      `dimension ${a} of shape ${show(x.shape)} does not divide into ${count} parts`,
    )
  return Array.from({ length: count }, (_, i) => slice(x, { axis: a, from: i * part, to: (i + 1) * part }))
}

/** Reversed along some dimensions. */
export const flip = <R extends Register>(x: Grid<R>, axes: readonly number[]): Grid<R> => {
  const over = axes.map((a) => axisOf('flip', x, a))
  return view(x.shape, (...i) =>
    x.at(...i.map((index, d) => (over.includes(d) ? index.mul(-1).add(x.shape[d]! - 1) : index))),
  )
}

/** A new dimension of extent 1 before dimension `axis` of the result. */
export const expand = <R extends Register>(x: Grid<R>, axis: number): Grid<R> => {
  const a = axis < 0 ? axis + x.rank + 1 : axis
  return view(x.shape.toSpliced(a, 0, 1), (...i) => x.at(...i.toSpliced(a, 1)))
}

/** `pad` around the grid: [before, after] for each dimension. Negative counts cut places off. */
export const pad = <R extends Register>(
  x: Grid<R>,
  around: readonly (readonly [number, number])[],
  value = 0,
): Grid<R> => {
  if (around.length !== x.rank)
    throw new TraceError(
      'pad',
      `${around.length} paddings for shape ${show(x.shape)}, which has ${x.rank} dimensions`,
    )
  const shape = x.shape.map((e, d) => e + around[d]![0] + around[d]![1])
  checkShape('pad', shape)
  return view(shape, (...i) => x.atPadded(value, ...i.map((index, d) => index.sub(around[d]![0]))))
}

export type WindowOptions = { readonly size: number; readonly stride?: number; readonly dilation?: number }
/**
 * Sliding windows over the last dimensions, one option each: [.., n, ..] becomes [.., places, .., size, ..], the
 * places first, then the windows, in the order of the dimensions.
 */
export const windows = <R extends Register>(x: Grid<R>, options: readonly WindowOptions[]): Grid<R> => {
  const lead = x.rank - options.length
  const places = options.map(({ size, stride = 1, dilation = 1 }, w) => {
    const extent = x.shape[lead + w]!
    const count = Math.floor((extent - (size - 1) * dilation - 1) / stride) + 1
    if (!(count >= 1))
      throw new TraceError(
        'windows',
        `a window of ${size} (dilation ${dilation}) does not fit in ${extent} places`,
      )
    return count
  })
  const shape = [...x.shape.slice(0, lead), ...places, ...options.map((o) => o.size)]
  return view(shape, (...i) =>
    x.at(
      ...i.slice(0, lead),
      ...options.map(({ stride = 1, dilation = 1 }, w) =>
        i[lead + w]!.mul(stride).add(i[lead + places.length + w]!.mul(dilation)),
      ),
    ),
  )
}
