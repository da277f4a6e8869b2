import { exp, log } from '../../scalar/elementary.ts'
import { type F, f32, select, type U } from '../../scalar/trace.ts'
import { withGradient } from '../grad/with-gradient.ts'
import { type Grid, stopGradient } from '../grid.ts'
import type { Index } from '../index-form.ts'
import { map } from '../map.ts'
import { reshape } from '../reshape.ts'
import { show, TraceError } from '../trace-error.ts'
import { type Bound, causalBound } from './bound.ts'
import { gatherLast } from './gather.ts'
import { MAX, mean, reduceBy, SUM } from './reduce.ts'

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

/** -ln softmax(logits)[target], in nats: logits (.., V) and targets (..) give (..). */
export const crossEntropies = (logits: Grid<'f'>, targets: Grid<'u'>): Grid<'f'> => {
  const rows = show(logits.shape.slice(0, -1))
  if (rows !== show(targets.shape))
    throw new TraceError(
      'crossEntropy',
      `targets of shape ${show(targets.shape)} for logits of ${show(logits.shape)}; they must be ${rows}`,
    )
  const total = reshape(logSumExp(logits), targets.shape)
  return map([total, gatherLast(logits, targets)], (l, a) => l.sub(a), { label: 'cross-entropy' })
}

/** The mean of -ln softmax(logits)[target] over all rows. */
export const crossEntropy = (logits: Grid<'f'>, targets: Grid<'u'>): Grid<'f'> =>
  mean(crossEntropies(logits, targets))
