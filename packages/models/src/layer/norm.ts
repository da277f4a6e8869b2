import { f32, type Grid, map, mean, reduceBy, SUM } from '@lockstep/tensor'

const EPSILON = 1e-5

/** Layer normalisation over the last dimension: (x - mean) / sqrt(variance + 1e-5) * gain + bias. x is (.., C). */
export const normLayer = (x: Grid<'f'>, gain: Grid<'f'>, bias: Grid<'f'>): Grid<'f'> => {
  const centre = mean(x, { axes: -1, keep: true })
  const square = { axes: -1, keep: true } as const
  const spread = reduceBy('squares', SUM, [x, centre], (a, m) => a.sub(m).mul(a.sub(m)), square)
  const width = x.shape.at(-1)!
  const scale = map([spread], (s) => f32(1).div(s.fma(1 / width, EPSILON).sqrt()), { label: 'norm scale' })
  return map([x, centre, scale, gain, bias], (a, m, s, g, b) => a.sub(m).mul(s).fma(g, b), { label: 'norm' })
}
