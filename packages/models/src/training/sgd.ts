import { type F, map } from '@lockstep/tensor'
import { clipScale } from './adamw.ts'
import type { TrainConfig } from './config.ts'
import type { Learned, Optimiser, Pace, Updated } from './optimiser.ts'

type Sgd = Extract<Optimiser, { readonly kind: 'sgd' }>

/**
 * Gradient descent with momentum (Polyak, 1964; Nesterov, 1983; as Sutskever et al. write it, ICML 2013), decay as a
 * part of the gradient: two maps a tensor, one without momentum. With
 * g = gradient * min(1, clip / norm) + decay * value:
 *
 *   first = momentum * first + g
 *   value = value - rate * (nesterov ? g + momentum * first : first)
 */
export const sgd = (
  learned: readonly Learned[],
  { momentum, nesterov }: Sgd,
  { decay, clip }: TrainConfig,
  { rate, norm }: Pace,
): readonly Updated[] => {
  const scale = clipScale(norm, clip)
  return learned.map(({ decays, value, gradient, first }) => {
    const clipped = (p: F, g: F, c: F): F => (decays ? g.mul(c).add(p.mul(decay)) : g.mul(c))
    if (!first) {
      const next = map([value, gradient, scale, rate], (p, g, c, r) => p.sub(r.mul(clipped(p, g, c))), {
        label: 'update',
      })
      return { value: next }
    }
    const m = map([first, value, gradient, scale], (a, p, g, c) => a.mul(momentum).add(clipped(p, g, c)), {
      label: 'first moment',
    })
    const next = nesterov
      ? map(
          [value, gradient, scale, m, rate],
          (p, g, c, a, r) => p.sub(r.mul(clipped(p, g, c).add(a.mul(momentum)))),
          { label: 'update' },
        )
      : map([value, m, rate], (p, a, r) => p.sub(r.mul(a)), { label: 'update' })
    return { value: next, first: m }
  })
}
