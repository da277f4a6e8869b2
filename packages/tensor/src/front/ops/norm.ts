import { f32 } from '../../scalar/trace.ts'
import { withGradient } from '../grad/with-gradient.ts'
import { type Grid, stopGradient } from '../grid.ts'
import { map } from '../map.ts'
import { mean, reduceBy, SUM, sum } from './reduce.ts'

const along = { axes: -1, keep: true } as const

export type NormOptions = {
  readonly gain?: Grid<'f'> // (C)
  readonly bias?: Grid<'f'> // (C)
  readonly epsilon?: number // 1e-5 if absent
}

/** (x - mean) / sqrt(variance + epsilon) * gain + bias over the last dimension, C: x is (.., C). */
export const layerNorm = (x: Grid<'f'>, { gain, bias, epsilon = 1e-5 }: NormOptions = {}): Grid<'f'> => {
  const label = 'layerNorm'
  const width = x.shape.at(-1)!
  const still = stopGradient(x)
  const centre = mean(still, along)
  const squares = reduceBy(label, SUM, [still, centre], (a, m) => a.sub(m).mul(a.sub(m)), along)
  const scale = inverseRoot(squares, width, epsilon)
  const standard = map([x, centre, scale], (a, m, s) => a.sub(m).mul(s), { label })
  // With n the result: d x = scale (g - mean of g - n * mean of g n).
  const normal = withGradient(standard, (g) => {
    const [total, pull] = [sum(g, along), pullOf(g, standard)]
    const gradient = map(
      [g, standard, scale, total, pull],
      (d, n, s, t, p) =>
        n
          .fma(p, t)
          .fma(-1 / width, d)
          .mul(s),
      { label: 'gradient of layerNorm' },
    )
    return [{ of: x, gradient }]
  })
  return scaled(label, normal, gain, bias)
}

/** x / sqrt(mean of squares + epsilon) * gain over the last dimension (Zhang and Sennrich, 2019). */
export const rmsNorm = (
  x: Grid<'f'>,
  { gain, epsilon = 1e-5 }: Omit<NormOptions, 'bias'> = {},
): Grid<'f'> => {
  const label = 'rmsNorm'
  const width = x.shape.at(-1)!
  const squares = reduceBy(label, SUM, [stopGradient(x)], (a) => a.mul(a), along)
  const scale = inverseRoot(squares, width, epsilon)
  const standard = map([x, scale], (a, s) => a.mul(s), { label })
  // With n the result: d x = scale (g - n * mean of g n).
  const normal = withGradient(standard, (g) => {
    const gradient = map(
      [g, standard, scale, pullOf(g, standard)],
      (d, n, s, p) =>
        n
          .mul(p)
          .fma(-1 / width, d)
          .mul(s),
      { label: 'gradient of rmsNorm' },
    )
    return [{ of: x, gradient }]
  })
  return scaled(label, normal, gain, undefined)
}

const inverseRoot = (squares: Grid<'f'>, width: number, epsilon: number): Grid<'f'> =>
  map([squares], (s) => f32(1).div(s.fma(1 / width, epsilon).sqrt()), { label: 'norm scale' })

const pullOf = (g: Grid<'f'>, normal: Grid<'f'>): Grid<'f'> =>
  reduceBy('norm pull', SUM, [g, normal], (d, n) => d.mul(n), along)

const scaled = (label: string, x: Grid<'f'>, gain?: Grid<'f'>, bias?: Grid<'f'>): Grid<'f'> => {
  if (gain && bias) return map([x, gain, bias], (n, g, b) => n.fma(g, b), { label })
  if (gain) return map([x, gain], (n, g) => n.mul(g), { label })
  return bias ? map([x, bias], (n, b) => n.add(b), { label }) : x
}
