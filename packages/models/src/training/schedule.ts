import { cos, type Grid, map, select } from '@lockstep/tensor'
import type { TrainConfig } from './config.ts'

/**
 * The learning rate of a step, (1): rate * (s + 1) / warmup while s < warmup, then half a cosine from rate down to
 * rate * lastRate at s = steps, and that from there on. In binary32 from the step word.
 */
export const rateAt = (step: Grid<'u'>, { steps, warmup, rate, lastRate }: TrainConfig): Grid<'f'> =>
  map(
    [step],
    (s) => {
      const at = s.toF32()
      const rising = at.add(1).mul(rate / Math.max(warmup, 1))
      const part = at
        .sub(warmup)
        .div(Math.max(steps - warmup, 1))
        .min(1)
      const half = (rate * (1 - lastRate)) / 2
      const falling = cos(part.mul(Math.PI)).fma(half, half + rate * lastRate)
      return select(s.lt(warmup), rising, falling)
    },
    { label: 'rate' },
  )
