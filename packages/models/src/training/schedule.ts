import { cos, type F, f32, type Grid, map, select } from '@lockstep/tensor'
import { checkInteger, checkKeys } from '../check.ts'
import { ModelError } from '../model-error.ts'
import type { TrainConfig } from './config.ts'

/**
 * How the rate goes on after its warm-up, from `rate` on. With s the step, w the warm-up and n = `steps`:
 *
 *   cosine        half a cosine down to rate * lastRate at s = n
 *   linear        a line down to rate * lastRate at s = n
 *   constant      rate
 *   trapezoid     rate, and over the last `fall` steps before n a line down to rate * lastRate
 *   inverse-sqrt  rate * sqrt(max(w, 1) / (s + 1)) (Vaswani et al., 2017), never under rate * lastRate
 *
 * Later steps keep the last rate; that of `inverse-sqrt` falls on.
 */
export type Schedule =
  | { readonly kind: 'cosine' }
  | { readonly kind: 'linear' }
  | { readonly kind: 'constant' }
  | { readonly kind: 'trapezoid'; readonly fall: number }
  | { readonly kind: 'inverse-sqrt' }

const KEYS: { readonly [K in Schedule['kind']]: readonly string[] } = {
  cosine: [],
  linear: [],
  constant: [],
  trapezoid: ['fall'],
  'inverse-sqrt': [],
}

const ADJUST = 'Choose a value within the limits.'

export const checkSchedule = (schedule: Schedule, { steps, warmup }: TrainConfig): void => {
  const kinds = Object.keys(KEYS)
  if (typeof schedule !== 'object' || schedule === null || !kinds.includes(schedule.kind))
    throw new ModelError('config-invalid', 'train.schedule.kind', schedule?.kind, kinds.join(', '), ADJUST)
  checkKeys('train.schedule', schedule, ['kind', ...KEYS[schedule.kind]])
  if (schedule.kind === 'trapezoid')
    checkInteger('train.schedule.fall', schedule.fall, 1, Math.max(1, steps - warmup), ADJUST)
}

/**
 * The learning rate of a step, (1): rate * (s + 1) / warmup while s < warmup, then what the schedule says. In binary32
 * from the step word.
 */
export const rateAt = (step: Grid<'u'>, config: TrainConfig): Grid<'f'> =>
  map(
    [step],
    (s) => {
      const { warmup, rate } = config
      const at = s.toF32()
      const rising = at.add(1).mul(rate / Math.max(warmup, 1))
      const later = afterwards(at, config)
      return select(s.lt(warmup), rising, later)
    },
    { label: 'rate' },
  )

const afterwards = (at: F, { steps, warmup, rate, lastRate, schedule }: TrainConfig): F => {
  /** How much of the way from step `from` to the end is gone, at most 1. */
  const gone = (from: number): F =>
    at
      .sub(from)
      .div(Math.max(steps - from, 1))
      .min(1)
  const least = rate * lastRate
  switch (schedule?.kind ?? 'cosine') {
    case 'cosine': {
      const half = (rate * (1 - lastRate)) / 2
      return cos(gone(warmup).mul(Math.PI)).fma(half, half + least)
    }
    case 'linear':
      return f32(1)
        .sub(gone(warmup))
        .fma(rate - least, least)
    case 'constant':
      return f32(rate)
    case 'trapezoid': {
      const { fall } = schedule as Extract<Schedule, { readonly kind: 'trapezoid' }>
      return f32(1)
        .sub(gone(steps - fall).max(0))
        .fma(rate - least, least)
    }
    case 'inverse-sqrt':
      return f32(Math.max(warmup, 1)).div(at.add(1)).sqrt().mul(rate).max(least)
  }
}
