import { expm1, type F, f32, type Grid, log1p, map, reduceBy, SUM, select, type U } from '@lockstep/tensor'
import type { TrainConfig } from './config.ts'
import type { Learned, Pace, Updated } from './optimiser.ts'

/** The Euclidean norm of all gradients together, (1). */
export const globalNorm = (gradients: readonly Grid<'f'>[]): Grid<'f'> => {
  let parts = gradients.map((g) => reduceBy('squares', SUM, [g], (a) => a.mul(a)))
  while (parts.length > 1) {
    const groups = Array.from({ length: Math.ceil(parts.length / 4) }, (_, i) =>
      parts.slice(4 * i, 4 * i + 4),
    )
    parts = groups.map((group) =>
      map(group, (...p) => (p as F[]).reduce((a, b) => a.add(b)), { label: 'total' }),
    )
  }
  return map(parts, (total) => total!.sqrt(), { shape: [1], label: 'norm' })
}

/** What a gradient is multiplied by, (1), so that the norm of all is at most `clip`; 1 where clip is 0. */
export const clipScale = (norm: Grid<'f'>, clip: number): Grid<'f'> =>
  map([norm], (n) => (clip > 0 ? select(n.lt(clip), f32(1), f32(clip).div(n)) : f32(1)))

/**
 * AdamW (Loshchilov and Hutter, 2019) with a clipped gradient: three maps a tensor. `step` (1) is 0 at the first
 * step, `rate` and `norm` are (1). With g = gradient * min(1, clip / norm) and t = step + 1:
 *
 *   first  = beta1 * first + (1 - beta1) * g
 *   second = beta2 * second + (1 - beta2) * g * g
 *   value  = value * (1 - rate * decay) - rate / (1 - beta1^t) * first / (sqrt(second / (1 - beta2^t)) + epsilon)
 */
export const adamw = (
  learned: readonly Learned[],
  { beta1, beta2, epsilon, decay, clip }: TrainConfig,
  { step, rate, norm }: Pace,
): readonly Updated[] => {
  const scale = clipScale(norm, clip)
  const pace = map([rate, step], (r, s) => r.div(oneLessPower(beta1, s.add(1))), { label: 'pace' })
  const spread = map([step], (s) => f32(1).div(oneLessPower(beta2, s.add(1))), { label: 'spread' })
  const kept = map([rate], (r) => f32(1).sub(r.mul(decay)), { label: 'kept' })
  return learned.map(({ decays, value, gradient, first, second }) => {
    const m = map([first!, gradient, scale], (a, g, c) => a.mul(beta1).add(g.mul(c).mul(1 - beta1)), {
      label: 'first moment',
    })
    const v = map(
      [second!, gradient, scale],
      (a, g, c) =>
        a.mul(beta2).add(
          g
            .mul(c)
            .mul(g.mul(c))
            .mul(1 - beta2),
        ),
      { label: 'second moment' },
    )
    const moved = (p: F, a: F, b: F, by: F, wide: F): F =>
      p.sub(by.mul(a).div(b.mul(wide).sqrt().add(epsilon)))
    const next = decays
      ? map([value, m, v, pace, spread, kept], (p, a, b, by, wide, k) => moved(p.mul(k), a, b, by, wide), {
          label: 'update',
        })
      : map([value, m, v, pace, spread], moved, { label: 'update' })
    return { value: next, first: m, second: v }
  })
}

/**
 * Adam (Kingma and Ba, 2015), whose decay is a part of the gradient: AdamW without decay of its own, where
 * g = gradient * min(1, clip / norm) + decay * value.
 */
export const adam = (learned: readonly Learned[], config: TrainConfig, pace: Pace): readonly Updated[] => {
  const scale = clipScale(pace.norm, config.clip)
  const coupled = learned.map((one): Learned => {
    const { decays, gradient, value } = one
    const g = decays
      ? map([gradient, scale, value], (a, c, p) => a.mul(c).add(p.mul(config.decay)), { label: 'decay' })
      : map([gradient, scale], (a, c) => a.mul(c), { label: 'clipped' })
    return { ...one, decays: false, gradient: g }
  })
  return adamw(coupled, { ...config, decay: 0, clip: 0 }, pace)
}

/** 1 - base^exponent for 0 <= base < 1, as -expm1(exponent * log1p(base - 1)): exact to a few ulp where it is small. */
const oneLessPower = (base: number, exponent: U): F => expm1(exponent.toF32().mul(log1p(base - 1))).neg()
