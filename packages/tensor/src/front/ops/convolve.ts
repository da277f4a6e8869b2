import { fold } from '../fold.ts'
import { withGradient } from '../grad/with-gradient.ts'
import { type Grid, materialise, stopGradient, view } from '../grid.ts'
import type { Index } from '../index-form.ts'
import { reshape } from '../reshape.ts'
import { show, TraceError } from '../trace-error.ts'
import { pad, slice } from '../views.ts'
import { contract } from './contract.ts'
import { type Each, eachOf, type Sliding, slid } from './sliding.ts'

export type ConvolveOptions = {
  readonly stride?: Each
  readonly dilation?: Each
  readonly padding?: Each // zeroes on each side
  readonly groups?: number // the channels fall into so many groups that do not meet; as many as channels is depthwise
}
export type ConvolveTransposedOptions = ConvolveOptions & {
  readonly extra?: Each // places more at the end, less than the stride: several sizes shrink to one
}

/**
 * Cross-correlation along one dimension: x (B, T, I) and weight (K, I / groups, O) give (B, T', O), where T' is
 * floor((T + 2 padding - dilation (K - 1) - 1) / stride) + 1. The fold runs over k and then the channels, so that each
 * k is one contiguous run.
 */
export const conv1d = (x: Grid<'f'>, weight: Grid<'f'>, options: ConvolveOptions = {}): Grid<'f'> =>
  correlate(planOf('conv1d', 1, x, weight, options), x, weight)

/** Cross-correlation over a plane: x (B, H, W, I) and weight (KH, KW, I / groups, O) give (B, H', W', O). */
export const conv2d = (x: Grid<'f'>, weight: Grid<'f'>, options: ConvolveOptions = {}): Grid<'f'> =>
  correlate(planOf('conv2d', 2, x, weight, options), x, weight)

/**
 * The transposed convolution: what conv1d does to its gradient. x (B, T, I) and weight (K, I / groups, O) give
 * (B, T', O), where T' is (T - 1) stride - 2 padding + dilation (K - 1) + 1 + extra. One node: a stride s gives s
 * phases, each a convolution of its own with every s-th tap, so that no zeroes are multiplied.
 */
export const convTransposed1d = (
  x: Grid<'f'>,
  weight: Grid<'f'>,
  options: ConvolveTransposedOptions = {},
): Grid<'f'> => transposed('convTransposed1d', 1, x, weight, options)

/** The same over a plane: x (B, H, W, I) and weight (KH, KW, I / groups, O) give (B, H', W', O). */
export const convTransposed2d = (
  x: Grid<'f'>,
  weight: Grid<'f'>,
  options: ConvolveTransposedOptions = {},
): Grid<'f'> => transposed('convTransposed2d', 2, x, weight, options)

type Plan = Sliding & { readonly label: string; readonly groups: number }

const planOf = (
  label: string,
  n: number,
  x: Grid<'f'>,
  weight: Grid<'f'>,
  { stride = 1, dilation = 1, padding = 0, groups = 1 }: ConvolveOptions,
): Plan => {
  if (x.rank !== n + 2 || weight.rank !== n + 2)
    throw new TraceError(
      label,
      `x of shape ${show(x.shape)} and weight of ${show(weight.shape)}; they must be (B, ${n} places, I) and (${n} sizes, I / groups, O)`,
    )
  const [inner, outer] = [weight.shape[n]!, weight.shape[n + 1]!]
  if (!Number.isInteger(groups) || inner * groups !== x.shape[n + 1] || outer % groups !== 0)
    throw new TraceError(
      label,
      `${x.shape[n + 1]} channels and weight ${show(weight.shape)} in ${groups} groups; the weight must be (.., I / groups, O), and O a multiple of the groups`,
    )
  return {
    label,
    groups,
    sizes: weight.shape.slice(0, n),
    stride: eachOf(label, 'stride', stride, n, 1),
    dilation: eachOf(label, 'dilation', dilation, n, 1),
    padding: eachOf(label, 'padding', padding, n, 0),
  }
}

/** Letters for the places and for the sizes. */
const lettersOf = ({ sizes }: Plan) => ['hw'.slice(0, sizes.length), 'kl'.slice(0, sizes.length)] as const

/** x's windows with the groups as a dimension of their own, where there are several. */
const windowsOf = (plan: Plan, x: Grid<'f'>): Grid<'f'> => {
  const moving = slid(plan.label, x, plan)
  const { groups, sizes } = plan
  if (groups === 1) return moving
  const places = moving.shape.slice(0, 1 + sizes.length)
  return reshape(moving, [...places, groups, x.shape.at(-1)! / groups, ...sizes])
}
/** (.., groups * n) as (.., groups, n), where there are several. */
const grouped = (x: Grid<'f'>, groups: number): Grid<'f'> =>
  groups === 1 ? x : reshape(x, [...x.shape.slice(0, -1), groups, x.shape.at(-1)! / groups])
const ungrouped = (x: Grid<'f'>, groups: number): Grid<'f'> =>
  groups === 1 ? x : reshape(x, [...x.shape.slice(0, -2), groups * x.shape.at(-1)!])

const correlate = (plan: Plan, x: Grid<'f'>, weight: Grid<'f'>): Grid<'f'> => {
  const { label, groups } = plan
  const [places, sizes] = lettersOf(plan)
  const g = groups === 1 ? '' : 'g'
  const value = contract(
    `${sizes}i${g}o,b${places}${g}i${sizes}->b${places}${g}o`,
    grouped(stopGradient(weight), groups),
    windowsOf(plan, stopGradient(x)),
    { label },
  )
  const result = withGradient(value, (upstream) => {
    const back = { ...plan, label: `gradient of ${label}` }
    const gradient = reshape(upstream, value.shape)
    return [
      { of: x, gradient: spread(back, ungrouped(gradient, groups), turned(weight, groups), x.shape) },
      { of: weight, gradient: weightGradient(back, x, gradient) },
    ]
  })
  return ungrouped(result, groups)
}

/** For each tap the sum over the places of what it saw times what came back: (.., I / groups, O). */
const weightGradient = (plan: Plan, x: Grid<'f'>, upstream: Grid<'f'>): Grid<'f'> => {
  const [places, sizes] = lettersOf(plan)
  const g = plan.groups === 1 ? '' : 'g'
  return ungrouped(
    contract(
      `b${places}${g}i${sizes},b${places}${g}o->${sizes}i${g}o`,
      stopGradient(windowsOf(plan, x)),
      upstream,
      { label: plan.label },
    ),
    plan.groups,
  )
}

/** Weights (.., I / groups, O) for the way back, (.., O / groups, I). A view. */
const turned = (weight: Grid<'f'>, groups: number): Grid<'f'> => {
  const n = weight.rank - 2
  const [inner, outer] = [weight.shape[n]!, weight.shape[n + 1]! / groups]
  const parts = reshape(weight, [...weight.shape.slice(0, n), inner, groups, outer])
  const swapped = view<'f'>([...weight.shape.slice(0, n), outer, groups, inner], (...i) =>
    parts.at(...i.slice(0, n), i[n + 2]!, i[n + 1]!, i[n]!),
  )
  return reshape(swapped, [...weight.shape.slice(0, n), outer, groups * inner])
}

const transposed = (
  label: string,
  n: number,
  x: Grid<'f'>,
  weight: Grid<'f'>,
  options: ConvolveTransposedOptions,
): Grid<'f'> => {
  const plan = planOf(label, n, x, weight, options)
  const { stride, dilation, padding, sizes, groups } = plan
  const extra = eachOf(label, 'extra', options.extra ?? 0, n, 0)
  const places = sizes.map(
    (size, d) =>
      (x.shape[d + 1]! - 1) * stride[d]! - 2 * padding[d]! + dilation[d]! * (size - 1) + 1 + extra[d]!,
  )
  if (!places.every((count) => count >= 1))
    throw new TraceError(label, `${show(places)} places would be left of ${show(x.shape)}; pad less`)
  if (extra.some((count, d) => count >= stride[d]!))
    throw new TraceError(label, `extra ${show(extra)}; it must be less than the stride ${show(stride)}`)
  const shape = [x.shape[0]!, ...places, weight.shape[n + 1]!]
  const value = materialise(spread(plan, stopGradient(x), stopGradient(weight), shape))
  return withGradient(value, (upstream) => {
    const back = { ...plan, label: `gradient of ${label}` }
    const gradient = reshape(upstream, shape)
    const [h, k] = lettersOf(plan)
    const g = groups === 1 ? '' : 'g'
    const moving = windowsOf(back, gradient) // (B, places of x .., groups, O / groups, sizes ..)
    const ofX = contract(
      `${k}o${g}i,b${h}${g}o${k}->b${h}${g}i`,
      stopGradient(grouped(turned(weight, groups), groups)),
      moving,
      { label: back.label },
    )
    const ofWeight = contract(
      `b${h}${g}i,b${h}${g}o${k}->${k}i${g}o`,
      stopGradient(grouped(x, groups)),
      moving,
      { label: back.label },
    )
    return [
      { of: x, gradient: ungrouped(ofX, groups) },
      { of: weight, gradient: ungrouped(ofWeight, groups) },
    ]
  })
}

/**
 * Every number of x times every tap, added up at place stride * its place + dilation * tap - padding, for the places
 * of `shape`. A place is stride * q + phase, so that only taps with that phase reach it.
 */
const spread = (
  plan: Plan,
  x: Grid<'f'>,
  weight: Grid<'f'>,
  shape: readonly number[], // (B, places .., O)
): Grid<'f'> => {
  const { label, groups, stride, padding } = plan
  const n = stride.length
  const [taps, dilation] = apart(weight, plan)
  const outer = taps.shape[n + 1]! / groups
  const w = grouped(taps, groups)
  const each = stride.map((s, d) => {
    const first = Math.floor(padding[d]! / s)
    const count = Math.floor((padding[d]! + shape[d + 1]! - 1) / s) - first + 1
    const phases = Math.min(s, taps.shape[d]!) // no tap reaches the others
    return { s, phases, first, count, turns: Math.ceil(taps.shape[d]! / s), dilation: dilation[d]! }
  })
  const value = fold({
    label,
    shape: [
      shape[0]!,
      ...each.flatMap(({ s, phases, count }) => (s === 1 ? [count] : [count, phases])),
      ...(groups === 1 ? [outer] : [groups, outer]),
    ],
    box: [...each.map(({ turns }) => turns), taps.shape[n]!],
    register: 'f',
    order: 'blocked',
    init: -0,
    reads: (out, k) => {
      const rest = [...out]
      const b = rest.shift()!
      const axes = each.map(({ s, first, dilation }, d) => {
        const place = rest.shift()!.add(first).sub(k[d]!.mul(dilation))
        const tap = s === 1 ? k[d]! : k[d]!.mul(s).add(rest.shift()!)
        return { place, tap }
      })
      const inner = k[n]!
      const own = groups === 1 ? inner : (rest[0] as Index).mul(taps.shape[n]!).add(inner)
      return [
        x.atPadded(0, b, ...axes.map((a) => a.place), own),
        w.atPadded(0, ...axes.map((a) => a.tap), inner, ...rest),
      ]
    },
    step: (acc, a, t) => a.fma(t, acc),
    combine: (acc, block) => acc.add(block),
  })
  const inPhases = each.every(({ s, phases }) => s === phases)
  const around = [0, ...each.flatMap(({ s, phases }) => (s === 1 ? [0] : [0, s - phases]))]
  const filled = inPhases
    ? value
    : pad(
        value,
        value.shape.map((_, d) => [0, around[d] ?? 0]),
      )
  const whole = reshape(filled, [shape[0]!, ...each.map(({ s, count }) => s * count), groups * outer])
  return each.reduce((grid, { s, first }, d) => {
    const from = padding[d]! - first * s
    const to = from + shape[d + 1]!
    return from === 0 && to === grid.shape[d + 1] ? grid : slice(grid, { axis: d + 1, from, to })
  }, whole)
}

/** Dilated weights under a stride: the taps are laid apart, zeroes between them, in one small node. */
const apart = (weight: Grid<'f'>, { stride, dilation }: Plan): readonly [Grid<'f'>, readonly number[]] => {
  if (stride.every((s, d) => s === 1 || dilation[d] === 1)) return [weight, dilation]
  let taps = weight
  for (const [axis, by] of dilation.entries()) {
    if (by === 1 || stride[axis] === 1) continue
    const { shape } = taps
    const split = reshape(taps, [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)])
    const around = split.shape.map((_, d): [number, number] => [0, d === axis + 1 ? by - 1 : 0])
    const merged = reshape(pad(split, around), shape.with(axis, shape[axis]! * by))
    taps = slice(merged, { axis, to: (shape[axis]! - 1) * by + 1 })
  }
  return [taps, dilation.map((by, d) => (stride[d] === 1 ? by : 1))]
}
