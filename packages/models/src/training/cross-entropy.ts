import { exp, type Grid, log, MAX, map, mean, reduceBy, SUM, stopGradient, view } from '@lockstep/tensor'

/** The mean of -ln softmax(logits)[target], in nats: logits are (N, V), targets (N); the result is a scalar, (). */
export const crossEntropy = (logits: Grid<'f'>, targets: Grid<'u'>): Grid<'f'> => {
  const along = { axes: -1, keep: true } as const
  const top = stopGradient(reduceBy('greatest logit', MAX, [stopGradient(logits)], (a) => a, along))
  const total = reduceBy('partition', SUM, [logits, top], (a, m) => exp(a.sub(m)), along) // (N, 1)
  const chosen = view<'f'>(total.shape, (n) => logits.at(n, targets.at(n)))
  return mean(map([total, top, chosen], (z, m, a) => log(z).add(m.sub(a)), { label: 'cross-entropy' }))
}
