import { exp, log1p, sigmoid } from '../../scalar/elementary.ts'
import { type F, select } from '../../scalar/trace.ts'
import { broadcastShapes, broadcastTo } from '../broadcast.ts'
import { withGradient } from '../grad/with-gradient.ts'
import { type Grid, stopGradient } from '../grid.ts'
import { map } from '../map.ts'
import { reshape } from '../reshape.ts'
import { show, TraceError } from '../trace-error.ts'
import { mean, reduceBy, SUM } from './reduce.ts'
import { logSumExp } from './softmax.ts'

// Losses of one element. The first operand is what a model says, the second what it should say.

/** The mean over all elements of some function of both, in one fold and its last division. */
const meanOf = (label: string, x: Grid<'f'>, y: Grid<'f'>, fn: (a: F, b: F) => F): Grid<'f'> => {
  const shape = broadcastShapes(label, [x.shape, y.shape])
  const count = shape.reduce((n, e) => n * e, 1)
  return map([reduceBy(label, SUM, [x, y], fn)], (a) => a.mul(1 / count), { label })
}

/** The mean of (x - y)^2. */
export const meanSquaredError = (x: Grid<'f'>, y: Grid<'f'>): Grid<'f'> =>
  meanOf('meanSquaredError', x, y, (a, b) => a.sub(b).mul(a.sub(b)))

/** The mean of |x - y|; where both are equal the gradient is 0. */
export const meanAbsoluteError = (x: Grid<'f'>, y: Grid<'f'>): Grid<'f'> =>
  meanOf('meanAbsoluteError', x, y, (a, b) => a.sub(b).abs())

/**
 * The mean of d^2 / 2 where d = |x - y| is at most delta (1 if absent), and of delta (d - delta / 2) beyond (Huber,
 * 1964). Divided by delta it is what is called the smooth L1 loss.
 */
export const huber = (
  x: Grid<'f'>,
  y: Grid<'f'>,
  { delta = 1 }: { readonly delta?: number } = {},
): Grid<'f'> => {
  if (!(delta > 0)) throw new TraceError('huber', `delta ${delta}; it must be above 0`)
  return meanOf('huber', x, y, (a, b) => {
    const d = a.sub(b)
    const far = d.abs()
    return select(far.le(delta), d.mul(d).mul(0.5), far.sub(delta / 2).mul(delta))
  })
}

/**
 * The mean of -(y log p + (1 - y) log(1 - p)) with p = sigmoid(logits), in nats; targets y in [0, 1] have the shape of
 * the logits. Written so that no logit is too large for it. The gradient is p - y, in one node.
 */
export const binaryCrossEntropy = (logits: Grid<'f'>, targets: Grid<'f'>): Grid<'f'> => {
  const label = 'binaryCrossEntropy'
  same(label, logits, targets)
  const each = map(
    [stopGradient(logits), stopGradient(targets)],
    (x, y) => log1p(exp(x.abs().neg())).add(x.max(0).sub(x.mul(y))),
    { label },
  )
  return mean(
    withGradient(each, (g) => [
      {
        of: logits,
        gradient: map([g, logits, targets], (d, x, y) => sigmoid(x).sub(y).mul(d), {
          label: `gradient of ${label}`,
        }),
      },
      {
        of: targets,
        gradient: map([g, logits], (d, x) => d.mul(x.neg()), { label: `gradient of ${label}` }),
      },
    ]),
  )
}

/**
 * KL(softmax(targets) || softmax(logits)) of each row, in nats: both (.., V), the result (..). How far a model's
 * distribution is from a teacher's. Nothing is divided by what may be 0.
 */
export const klDivergences = (logits: Grid<'f'>, targets: Grid<'f'>): Grid<'f'> => {
  const label = 'klDivergence'
  same(label, logits, targets)
  const [x, t] = [stopGradient(logits), stopGradient(targets)]
  const [lx, lt] = [logSumExp(x), logSumExp(t)]
  const rows = reduceBy(
    label,
    SUM,
    [x, lx, t, lt],
    (a, la, b, lb) => {
      const wanted = b.sub(lb)
      return exp(wanted).mul(wanted.sub(a.sub(la)))
    },
    { axes: -1 },
  )
  return withGradient(rows, (g) => {
    const wide = (row: Grid<'f'>) => alongLast(row, x.shape)
    const ofLogits = map(
      [wide(g), x, lx, t, lt],
      (d, a, la, b, lb) =>
        exp(a.sub(la))
          .sub(exp(b.sub(lb)))
          .mul(d),
      { label: `gradient of ${label}` },
    )
    const ofTargets = map(
      [wide(g), x, lx, t, lt, wide(rows)],
      (d, a, la, b, lb, row) => {
        const wanted = b.sub(lb)
        return exp(wanted)
          .mul(wanted.sub(a.sub(la)).sub(row))
          .mul(d)
      },
      { label: `gradient of ${label}` },
    )
    return [
      { of: logits, gradient: ofLogits },
      { of: targets, gradient: ofTargets },
    ]
  })
}

/** The mean of the rows' divergences. */
export const klDivergence = (logits: Grid<'f'>, targets: Grid<'f'>): Grid<'f'> =>
  mean(klDivergences(logits, targets))

/** A grid of rows at every place of the last dimension. */
const alongLast = (row: Grid<'f'>, shape: readonly number[]): Grid<'f'> =>
  broadcastTo(reshape(row, [...row.shape, 1]), shape)

const same = (label: string, x: Grid, y: Grid): void => {
  if (show(x.shape) !== show(y.shape))
    throw new TraceError(
      label,
      `targets of shape ${show(y.shape)} for logits of ${show(x.shape)}; they must be alike`,
    )
}
