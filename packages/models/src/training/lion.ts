import { type F, f32, map, select } from '@lockstep/tensor'
import { clipScale } from './adamw.ts'
import type { TrainConfig } from './config.ts'
import type { Learned, Optimiser, Pace, Updated } from './optimiser.ts'

type Lion = Extract<Optimiser, { readonly kind: 'lion' }>

/**
 * Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023), two maps a tensor. With
 * g = gradient * min(1, clip / norm):
 *
 *   value = value * (1 - rate * decay) - rate * sign(beta1 * first + (1 - beta1) * g)
 *   first = beta2 * first + (1 - beta2) * g
 */
export const lion = (
  learned: readonly Learned[],
  { beta1, beta2 }: Lion,
  { decay, clip }: TrainConfig,
  { rate, norm }: Pace,
): readonly Updated[] => {
  const scale = clipScale(norm, clip)
  return learned.map(({ decays, value, gradient, first }) => {
    const mixed = (a: F, g: F, c: F, beta: number): F => a.mul(beta).add(g.mul(c).mul(1 - beta))
    const next = map(
      [value, first!, gradient, scale, rate],
      (p, a, g, c, r) => {
        const kept = decays ? p.mul(f32(1).sub(r.mul(decay))) : p
        return kept.sub(r.mul(sign(mixed(a, g, c, beta1))))
      },
      { label: 'update' },
    )
    const m = map([first!, gradient, scale], (a, g, c) => mixed(a, g, c, beta2), { label: 'first moment' })
    return { value: next, first: m }
  })
}

/** 1, -1, or x itself where it is a zero or NaN, so that a NaN is not hidden. */
const sign = (x: F): F => select(x.gt(0), f32(1), select(x.lt(0), f32(-1), x))
