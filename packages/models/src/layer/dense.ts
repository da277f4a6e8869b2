import { type Grid, map } from '@lockstep/tensor'
import type { Weights } from './weights.ts'

/** x W + b over the last dimension, with NAME.weight (I, O) and NAME.bias (O): (.., I) gives (.., O). */
export const denseLayer = (weights: Weights, x: Grid<'f'>, name: string): Grid<'f'> =>
  map([weights.product(x, `${name}.weight`), weights.of(`${name}.bias`)], (a, b) => a.add(b), {
    label: 'bias',
  })
