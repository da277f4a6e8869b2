import { type F, f32 } from '../../scalar/trace.ts'
import { withGradient } from '../grad/with-gradient.ts'
import { type Grid, stopGradient } from '../grid.ts'
import { map, type ValuesOf } from '../map.ts'
import { reshape } from '../reshape.ts'
import { show, TraceError } from '../trace-error.ts'
import type { NormOptions } from './norm.ts'
import { reduceBy, SUM } from './reduce.ts'

// Norms over places: x is (B, .., C). Statistics are taken in two folds, over the places of each channel and then over
// channels or the batch, so that the long one runs along contiguous channels.

/**
 * (x - mean) / sqrt(variance + epsilon) * gain + bias, where mean and variance are those of all places and of a group
 * of neighbouring channels, for each of the batch (Wu and He, 2018): x is (B, .., C), gain and bias (C).
 */
export const groupNorm = (
  x: Grid<'f'>,
  { groups, gain, bias, epsilon = 1e-5 }: NormOptions & { readonly groups: number },
): Grid<'f'> => {
  const label = 'groupNorm'
  const channels = x.shape.at(-1)!
  if (x.rank < 2 || !Number.isInteger(groups) || groups < 1 || channels % groups !== 0)
    throw new TraceError(
      label,
      `${groups} groups for shape ${show(x.shape)}; it must be (B, .., C), and C a multiple of the groups`,
    )
  const parts = partsOf(x, groups)
  const { normal } = standard(label, parts, parts.shape[1]! * (channels / groups), groupTotals, epsilon)
  return scaled(label, normal, x.shape, gain, bias)
}

/** Means and variances of channels, (C) each, that a state carries from step to step. */
export type RunningStatistics = { readonly mean: Grid<'f'>; readonly variance: Grid<'f'> }
export type BatchNormOptions = NormOptions & {
  readonly running: RunningStatistics
  /** How far the running statistics move towards those of this batch; 0.1 if absent. */
  readonly momentum?: number
}

/**
 * (x - mean) / sqrt(variance + epsilon) * gain + bias, where mean and variance of a channel are those of all places of
 * the whole batch (Ioffe and Szegedy, 2015): x is (B, .., C). `running` is the next state: its variance is the one
 * without bias, n / (n - 1), as is usual. A step over a part of a batch is another program with other statistics.
 */
export const batchNorm = (
  x: Grid<'f'>,
  { running, momentum = 0.1, gain, bias, epsilon = 1e-5 }: BatchNormOptions,
): { readonly normal: Grid<'f'>; readonly running: RunningStatistics } => {
  const label = 'batchNorm'
  checkRunning(label, x, running)
  const parts = partsOf(x, 1)
  const count = parts.shape[0]! * parts.shape[1]!
  if (count < 2) throw new TraceError(label, `one place of shape ${show(x.shape)}; give a batch of several`)
  const { normal, centre, squares } = standard(label, parts, count, batchTotals, epsilon)
  const shape = [x.shape.at(-1)!]
  const moved = (old: Grid<'f'>, now: Grid<'f'>, times: number) =>
    map([old, reshape(now, shape)], (a, b) => b.mul(times).sub(a).fma(momentum, a), {
      label: 'running statistics',
    })
  return {
    normal: scaled(label, normal, x.shape, gain, bias),
    running: {
      mean: moved(stopGradient(running.mean), stopGradient(centre), 1),
      variance: moved(stopGradient(running.variance), stopGradient(squares), 1 / (count - 1)),
    },
  }
}

/** The same by statistics that are given: how a trained batch norm is evaluated. One node. */
export const batchNormFixed = (
  x: Grid<'f'>,
  { running, gain, bias, epsilon = 1e-5 }: Omit<BatchNormOptions, 'momentum'>,
): Grid<'f'> => {
  const label = 'batchNormFixed'
  checkRunning(label, x, running)
  const standard = (a: F, m: F, v: F): F => a.sub(m).mul(f32(1).div(v.add(epsilon).sqrt()))
  const { mean, variance } = running
  if (gain && bias)
    return map([x, mean, variance, gain, bias], (a, m, v, g, b) => standard(a, m, v).fma(g, b), { label })
  const rest = gain ?? bias
  if (!rest) return map([x, mean, variance], standard, { label })
  return map(
    [x, mean, variance, rest],
    (a, m, v, r) => (gain ? standard(a, m, v).mul(r) : standard(a, m, v).add(r)),
    { label },
  )
}

/** (B, .., C) as (B, places, groups, C / groups). */
const partsOf = (x: Grid<'f'>, groups: number): Grid<'f'> =>
  reshape(x, [x.shape[0]!, x.shape.slice(1, -1).reduce((n, e) => n * e, 1), groups, x.shape.at(-1)! / groups])

type Totals = <const G extends readonly Grid[]>(
  label: string,
  grids: G,
  fn: (...values: ValuesOf<G>) => F,
) => Grid<'f'>
/** Sums over places and the channels of a group, (B, 1, groups, 1). */
const groupTotals: Totals = (label, grids, fn) =>
  reduceBy(label, SUM, [reduceBy(label, SUM, grids, fn, { axes: 1, keep: true })], (a) => a, {
    axes: 3,
    keep: true,
  })
/** Sums over places and the batch, (1, 1, 1, C). */
const batchTotals: Totals = (label, grids, fn) =>
  reduceBy(label, SUM, [reduceBy(label, SUM, grids, fn, { axes: 1, keep: true })], (a) => a, {
    axes: 0,
    keep: true,
  })

/** With mean 0 and variance 1 over what `totals` sums, `count` numbers each. */
const standard = (label: string, x: Grid<'f'>, count: number, totals: Totals, epsilon: number) => {
  const still = stopGradient(x)
  const centre = map([totals(label, [still], (a) => a)], (a) => a.mul(1 / count), { label: 'mean' })
  const squares = totals(label, [still, centre], (a, m) => a.sub(m).mul(a.sub(m)))
  const scale = map([squares], (s) => f32(1).div(s.fma(1 / count, epsilon).sqrt()), { label: 'norm scale' })
  const value = map([x, centre, scale], (a, m, s) => a.sub(m).mul(s), { label })
  // With n the result: d x = scale (g - mean of g - n * mean of g n).
  const normal = withGradient(value, (g) => {
    const total = totals(label, [g], (d) => d)
    const pull = totals(label, [g, value], (d, n) => d.mul(n))
    const gradient = map(
      [g, value, scale, total, pull],
      (d, n, s, t, p) =>
        n
          .fma(p, t)
          .fma(-1 / count, d)
          .mul(s),
      { label: `gradient of ${label}` },
    )
    return [{ of: x, gradient }]
  })
  return { normal, centre, squares }
}

const scaled = (
  label: string,
  normal: Grid<'f'>,
  shape: readonly number[],
  gain?: Grid<'f'>,
  bias?: Grid<'f'>,
): Grid<'f'> => {
  for (const [name, g] of Object.entries({ gain, bias }))
    if (g && show(g.shape) !== show([shape.at(-1)!]))
      throw new TraceError(label, `${name} is ${show(g.shape)}; it must be ${show([shape.at(-1)!])}`)
  const x = reshape(normal, shape)
  if (gain && bias) return map([x, gain, bias], (n, g, b) => n.fma(g, b), { label })
  if (gain) return map([x, gain], (n, g) => n.mul(g), { label })
  return bias ? map([x, bias], (n, b) => n.add(b), { label }) : x
}

const checkRunning = (label: string, x: Grid<'f'>, { mean, variance }: RunningStatistics): void => {
  const wanted = show([x.shape.at(-1)!])
  if (x.rank < 2 || show(mean.shape) !== wanted || show(variance.shape) !== wanted)
    throw new TraceError(
      label,
      `statistics of shape ${show(mean.shape)} and ${show(variance.shape)} for x of ${show(x.shape)}; they must be ${wanted}, and x (B, .., C)`,
    )
}
