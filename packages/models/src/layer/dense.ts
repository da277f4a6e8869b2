import { type Grid, map, matmul } from '@lockstep/tensor'

/** x W + b over the last dimension: x is (.., I), W is (I, O), b is (O). */
export const denseLayer = (x: Grid<'f'>, weight: Grid<'f'>, bias: Grid<'f'>): Grid<'f'> =>
  map([matmul(x, weight), bias], (a, b) => a.add(b), { label: 'bias' })
