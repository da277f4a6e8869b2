import { type Grid, layerNorm, map, reshape, transpose } from '@lockstep/tensor'

/**
 * Group normalisation (Wu and He, 2018): x is (B, H, W, C), whose channels are cut into groups of neighbours; each
 * picture's group is normalised over all its places, then each channel has its gain and bias, (C).
 */
export const groupNorm = (x: Grid<'f'>, groups: number, gain: Grid<'f'>, bias: Grid<'f'>): Grid<'f'> => {
  const [batch, height, width, channels] = x.shape as [number, number, number, number]
  const [places, each] = [height * width, channels / groups]
  const cut = transpose(reshape(x, [batch, places, groups, each]), [0, 2, 1, 3])
  const normal = layerNorm(reshape(cut, [batch, groups, places * each]))
  const back = transpose(reshape(normal, [batch, groups, places, each]), [0, 2, 1, 3])
  return map([reshape(back, x.shape), gain, bias], (n, g, b) => n.fma(g, b), { label: 'groupNorm' })
}
