import type { Register } from '../../dtype.ts'
import { type F, f32, index, select, type U, u32, type ValueOf } from '../../scalar/trace.ts'
import { broadcastShapes, broadcastTo } from '../broadcast.ts'
import { type Condition, fold } from '../fold.ts'
import type { Element, Grid } from '../grid.ts'
import type { Index } from '../index-form.ts'
import { map, type ValuesOf } from '../map.ts'
import { reshape } from '../reshape.ts'
import { axisOf } from '../views.ts'

export type Axes = number | readonly number[]
export type ReduceOptions = {
  readonly axes?: Axes // all if absent; negative counts from the end
  readonly keep?: boolean // keep reduced dimensions with extent 1
}
type Law<R extends Register> = {
  readonly register: R
  readonly init: number
  readonly combine: (a: ValueOf<R>, b: ValueOf<R>) => ValueOf<R>
}
export const SUM: Law<'f'> = { register: 'f', init: -0, combine: (a, b) => a.add(b) }
export const MAX: Law<'f'> = { register: 'f', init: -Infinity, combine: (a, b) => a.max(b) }
export const MIN: Law<'f'> = { register: 'f', init: Infinity, combine: (a, b) => a.min(b) }
export const SUM_WORDS: Law<'u'> = { register: 'u', init: 0, combine: (a, b) => a.add(b) }
export const MIN_WORDS: Law<'u'> = {
  register: 'u',
  init: 0xffffffff,
  combine: (a, b) => select(a.lt(b), a, b),
}

/** How many partial results a reduction along the last, contiguous dimension keeps, so that it has parallel lanes. */
const LANES = 16
const LEAST = 64

/**
 * Reduces a scalar function of some grids (broadcast together) over axes. Along the last dimension, where it is long,
 * this takes two folds: 16 interleaved lanes, [.., N/16, 16] to [.., 16], and then the lanes. The split is part of
 * the result's bits.
 */
export const reduceBy = <const G extends readonly Grid[], R extends Register>(
  label: string,
  law: Law<R>,
  grids: G,
  fn: (...values: ValuesOf<G>) => ValueOf<R>,
  options: ReduceOptions & { readonly guards?: (i: readonly Index[]) => readonly Condition[] } = {},
): Grid<R> => {
  const shape = broadcastShapes(
    label,
    grids.map((g) => g.shape),
  )
  const wide = grids.map((g) => broadcastTo(g as Grid, shape))
  const rank = shape.length
  const all = wide[0] ?? ({ shape, rank } as Grid)
  const axes = axesOf(label, all, options.axes)
  const kept = shape.flatMap((_, d) => (axes.includes(d) ? [] : [d]))
  const last = rank - 1
  const split = axes.includes(last) && shape[last]! % LANES === 0 && shape[last]! >= LEAST
  const { guards } = options
  const point = (out: readonly Index[], k: readonly Index[]): Index[] =>
    shape.map((_, d) => {
      const i = axes.includes(d) ? k[axes.indexOf(d)]! : out[kept.indexOf(d)]!
      return split && d === last ? i.mul(LANES).add(out[kept.length]!) : i
    })
  const partial = fold({
    label,
    ...law,
    order: 'blocked',
    shape: [...kept.map((d) => shape[d]!), ...(split ? [LANES] : [])],
    box: axes.map((d) => (split && d === last ? shape[d]! / LANES : shape[d]!)),
    reads: (out, k) => wide.map((g) => g.at(...point(out, k))) as Element[],
    ...(guards ? { guards: (out, k) => guards(point(out, k)) } : {}),
    step: (acc: ValueOf<R>, ...values: readonly (F | U)[]) =>
      law.combine(acc, fn(...(values as unknown as ValuesOf<G>))),
  })
  const total = split
    ? fold({
        label,
        ...law,
        order: 'blocked',
        shape: kept.map((d) => shape[d]!),
        box: [LANES],
        reads: (out, k) => [partial.at(...out, k[0]!)] as Element[],
        step: (acc: ValueOf<R>, ...values: readonly (F | U)[]) => law.combine(acc, values[0]! as ValueOf<R>),
      })
    : partial
  return options.keep
    ? reshape(
        total,
        shape.map((e, d) => (axes.includes(d) ? 1 : e)),
      )
    : total
}

export const axesOf = (label: string, x: Grid, axes: Axes | undefined): number[] => {
  const list = axes === undefined ? x.shape.map((_, d) => d) : typeof axes === 'number' ? [axes] : axes
  return [...new Set(list.map((a) => axisOf(label, x, a)))].sort((a, b) => a - b)
}
const countOf = (x: Grid, options: ReduceOptions): number =>
  axesOf('mean', x, options.axes).reduce((n, d) => n * x.shape[d]!, 1)

export const sum = (x: Grid<'f'>, options: ReduceOptions = {}): Grid<'f'> =>
  reduceBy('sum', SUM, [x], (a) => a, options)
export const sumWords = (x: Grid<'u'>, options: ReduceOptions = {}): Grid<'u'> =>
  reduceBy('sumWords', SUM_WORDS, [x], (a) => a, options)
/** The greatest; its gradient goes to the first place that has it. */
export const max = (x: Grid<'f'>, options: ReduceOptions = {}): Grid<'f'> =>
  reduceBy('max', MAX, [x], (a) => a, options)
export const min = (x: Grid<'f'>, options: ReduceOptions = {}): Grid<'f'> =>
  reduceBy('min', MIN, [x], (a) => a, options)

export const mean = (x: Grid<'f'>, options: ReduceOptions = {}): Grid<'f'> => {
  const n = countOf(x, options)
  return map([sum(x, options)], (a) => a.mul(f32(1 / n)), { label: 'mean' })
}

/** The first place along one axis that holds the maximum: a maximum fold, then a least-index fold. */
export const argmax = (x: Grid<'f'>, options: { readonly axis?: number } = {}): Grid<'u'> =>
  firstPlace('argmax', x, options.axis ?? -1, max)
/** The first place along one axis that holds the minimum. */
export const argmin = (x: Grid<'f'>, options: { readonly axis?: number } = {}): Grid<'u'> =>
  firstPlace('argmin', x, options.axis ?? -1, min)

const firstPlace = (label: string, x: Grid<'f'>, along: number, extreme: typeof max): Grid<'u'> => {
  const axis = axisOf(label, x, along)
  const top = extreme(x, { axes: axis, keep: true })
  const kept = x.shape.toSpliced(axis, 1)
  return fold({
    label,
    ...MIN_WORDS,
    order: 'blocked',
    shape: kept,
    box: [x.shape[axis]!],
    reads: (out, k) => [
      x.at(...out.toSpliced(axis, 0, k[0]!)),
      top.at(...(out as (Index | number)[]).toSpliced(axis, 0, 0)),
    ],
    step: (acc, value, best) => {
      const found = select(value.eq(best), index(kept.length), u32(0xffffffff))
      return select(acc.lt(found), acc, found)
    },
  })
}
