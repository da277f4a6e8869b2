import { exp, log } from '../../scalar/elementary.ts'
import { type F, f32, index, select } from '../../scalar/trace.ts'
import { lessThan } from '../fold.ts'
import { withGradient } from '../grad/with-gradient.ts'
import { type Grid, stopGradient } from '../grid.ts'
import type { Index } from '../index-form.ts'
import { map } from '../map.ts'
import { reshape } from '../reshape.ts'
import { show, TraceError } from '../trace-error.ts'
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
export const softmax = (x: Grid<'f'>, options: SoftmaxOptions = {}): Grid<'f'> => {
  const { along, ahead } = rowsOf('softmax', x, options)
  const still = stopGradient(x)
  const top = reduceBy('softmax maximum', MAX, [still], (a) => a, along)
  const total = reduceBy('softmax total', SUM, [still, top], (a, m) => exp(a.sub(m)), along)
  const share = map(
    [x, top, total],
    (a, m, z) => {
      const part = exp(a.sub(m)).div(z)
      return ahead ? select(ahead(), f32(0), part) : part
    },
    { label: 'softmax' },
  )
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

/** The fold options of rows along the last dimension, and inside a map whether a place lies ahead of its row. */
const rowsOf = (operation: string, x: Grid<'f'>, { causal }: SoftmaxOptions) => {
  const along = { axes: -1, keep: true } as const
  if (!causal) return { along, ahead: undefined }
  if (x.rank < 2)
    throw new TraceError(operation, `causal over shape ${show(x.shape)}; it must end with (T, S)`)
  const [t, s] = [x.rank - 2, x.rank - 1]
  const seen = x.shape[s]! - x.shape[t]!
  if (seen < 0) throw new TraceError(operation, `causal over shape ${show(x.shape)}: more rows than places`)
  const guards = (i: readonly Index[]) => [lessThan(i[s]!, i[t]!.add(seen + 1))]
  return { along: { ...along, guards }, ahead: () => index(t).add(seen).lt(index(s)) }
}
