import type { Register } from '../../dtype.ts'
import { exp, log } from '../../scalar/elementary.ts'
import { type F, f32, index, select, type U, u32 } from '../../scalar/trace.ts'
import { withGradient } from '../grad/with-gradient.ts'
import { type Grid, stopGradient, view } from '../grid.ts'
import type { Index } from '../index-form.ts'
import { map } from '../map.ts'
import { reshape } from '../reshape.ts'
import { show, TraceError } from '../trace-error.ts'
import { type Bound, causalBound } from './bound.ts'
import { gatherLast } from './gather.ts'
import { MAX, mean, reduceBy, SUM, SUM_WORDS, sum } from './reduce.ts'

export type SoftmaxOptions = {
  /**
   * Over (.., T, S): row t sees places s <= t + S - T. What lies ahead is kept out by guards: it is 0 in the result,
   * whatever x holds there, and takes no gradient.
   */
  readonly causal?: boolean
}

/** exp(x - max) / sum, over the last dimension. */
export const softmax = (x: Grid<'f'>, { causal }: SoftmaxOptions = {}): Grid<'f'> => {
  if (!causal) return softmaxWithin(x, [])
  if (x.rank < 2)
    throw new TraceError('softmax', `causal over shape ${show(x.shape)}; it must end with (T, S)`)
  const seen = x.shape.at(-1)! - x.shape.at(-2)!
  if (seen < 0) throw new TraceError('softmax', `causal over shape ${show(x.shape)}: more rows than places`)
  return softmaxWithin(x, [causalBound(seen)])
}

/**
 * The same over the places that lie within all bounds: the others are 0, whatever x holds there, and take no gradient.
 * A row without any such place is all 0.
 */
export const softmaxWithin = (x: Grid<'f'>, bounds: readonly Bound[]): Grid<'f'> => {
  const [t, s] = [x.rank - 2, x.rank - 1]
  const guards = (i: readonly Index[]) => bounds.map((bound) => bound.guard(i, t, s))
  const along = { axes: -1, keep: true, ...(bounds.length > 0 ? { guards } : {}) } as const
  const still = stopGradient(x)
  const top = reduceBy('softmax maximum', MAX, [still], (a) => a, along)
  const total = reduceBy('softmax total', SUM, [still, top], (a, m) => exp(a.sub(m)), along)
  const words = bounds.flatMap((bound) => (bound.words ? [bound.words(x.shape)] : []))
  const share = map(
    [x, top, total, ...words] as readonly Grid[],
    (...values) => {
      const [a, m, z, ...rest] = values as [F, F, F, ...U[]]
      const part = exp(a.sub(m)).div(z)
      const out = bounds.map((bound) => bound.outside(t, s, bound.words ? rest.shift()! : undefined))
      return out.length > 0
        ? select(
            out.reduce((p, q) => p.or(q)),
            f32(0),
            part,
          )
        : part
    },
    { label: 'softmax' },
  ) as Grid<'f'>
  // d x = p (g - sum of g p): the result itself is all that is needed.
  return withGradient(share, (g) => {
    const pull = reduceBy('softmax pull', SUM, [g, share], (a: F, p: F) => a.mul(p), along)
    const gradient = map([share, g, pull], (p, a, s) => p.mul(a.sub(s)), { label: 'gradient of softmax' })
    return [{ of: x, gradient }]
  })
}

/** ln of the sum of exp(x) over the last dimension, which stays with extent 1. */
export const logSumExp = (x: Grid<'f'>): Grid<'f'> => {
  const along = { axes: -1, keep: true } as const
  const top = reduceBy('greatest', MAX, [stopGradient(x)], (a) => a, along)
  const total = reduceBy('total of exponentials', SUM, [x, top], (a, m) => exp(a.sub(m)), along)
  return map([total, top], (z, m) => log(z).add(m), { label: 'logSumExp' })
}

/** ln softmax(x), over the last dimension. */
export const logSoftmax = (x: Grid<'f'>): Grid<'f'> =>
  map([x, logSumExp(x)], (a, l) => a.sub(l), { label: 'logSoftmax' })

export type CrossEntropyOptions = {
  /** Rows with this target count for nothing. */
  readonly ignore?: number
  /** How much of the target's weight is spread over all places evenly, in [0, 1); 0 if absent. */
  readonly smoothing?: number
}

/**
 * -ln softmax(logits)[target], in nats: logits (.., V) and targets (..) give (..). Rows that are ignored give 0. With
 * either option the gradient is one node.
 */
export const crossEntropies = (
  logits: Grid<'f'>,
  targets: Grid<'u'>,
  { ignore, smoothing = 0 }: CrossEntropyOptions = {},
): Grid<'f'> => {
  const wanted = show(logits.shape.slice(0, -1))
  if (wanted !== show(targets.shape))
    throw new TraceError(
      'crossEntropy',
      `targets of shape ${show(targets.shape)} for logits of ${show(logits.shape)}; they must be ${wanted}`,
    )
  if (!(smoothing >= 0 && smoothing < 1))
    throw new TraceError('crossEntropy', `smoothing ${smoothing}; it must be in [0, 1)`)
  if (ignore !== undefined && !(Number.isInteger(ignore) && ignore >= 0 && ignore < 2 ** 32))
    throw new TraceError('crossEntropy', `ignore ${ignore}; it must be a word`)
  if (ignore === undefined && smoothing === 0) {
    const total = reshape(logSumExp(logits), targets.shape)
    return map([total, gatherLast(logits, targets)], (l, a) => l.sub(a), { label: 'cross-entropy' })
  }
  const still = stopGradient(logits)
  const wide = logSumExp(still) // (.., 1)
  const total = reshape(wide, targets.shape)
  const part = smoothing / logits.shape.at(-1)!
  const kept = (value: F, target: U): F =>
    ignore === undefined ? value : select(target.eq(ignore), f32(0), value)
  const target = gatherLast(still, targets)
  const label = 'cross-entropy'
  // What the weights, 1 in all, take off the logarithm: all of it from the target's place, or a part from every place.
  const rows =
    smoothing === 0
      ? map([total, target, targets], (l, a, t) => kept(l.sub(a), t), { label })
      : map(
          [total, target, targets, sum(still, { axes: -1 })],
          (l, a, t, all) => kept(all.fma(-part, a.fma(smoothing - 1, l)), t),
          { label },
        )
  return withGradient(rows, (g) => {
    const last = logits.rank - 1
    const rowwise = <R extends Register>(row: Grid<R>) =>
      view<R>(logits.shape, (...i) => row.at(...i.slice(0, -1)))
    const gradient = map(
      [rowwise(g), still, wide, rowwise(targets)],
      (d, a, l, t) => {
        const here = select(t.eq(index(last)), f32(1 - smoothing + part), part)
        return kept(exp(a.sub(l)).sub(here).mul(d), t)
      },
      { label: 'gradient of cross-entropy' },
    )
    return [{ of: logits, gradient }]
  })
}

/** The mean of -ln softmax(logits)[target] over all rows that are not ignored; 0 where all of them are. */
export const crossEntropy = (
  logits: Grid<'f'>,
  targets: Grid<'u'>,
  options: CrossEntropyOptions = {},
): Grid<'f'> => {
  const rows = crossEntropies(logits, targets, options)
  const { ignore } = options
  if (ignore === undefined) return mean(rows)
  const count = reduceBy('kept rows', SUM_WORDS, [targets], (t) => t.eq(ignore).eq(0))
  return map([sum(rows), count], (a, n) => a.div(select(n.eq(0), u32(1), n).toF32()), {
    label: 'cross-entropy',
  })
}
