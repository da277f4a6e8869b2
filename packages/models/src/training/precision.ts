import { type Dtype, type F, type Grid, index, map, philox, type U, u32 } from '@lockstep/tensor'
import { checkFlag, checkKeys } from '../check.ts'
import { ModelError } from '../model-error.ts'
import { kindOf, type Parameter } from '../parameter.ts'

/**
 * What a training stores in 16 bits. Arithmetic is in f32 whatever is stored. Gains and biases, and their moments, are
 * always f32: they are few, and what they change by in a step would be lost.
 */
export type Precision = {
  readonly parameters?: 'f32' | 'bf16' | undefined // what the network computes with
  readonly master?: boolean | undefined // the state keeps them in f32 all the same, and rounds them in each step
  readonly activations?: 'f32' | 'bf16' | undefined // what maps and products of the network give
  readonly moments?: 'f32' | 'bf16' | undefined
  readonly rounding?: 'nearest' | 'stochastic' | undefined // of parameters and moments on their way into the state
}

const DTYPES = ['f32', 'bf16'] as const
const CHOOSE = 'Choose one of them.'

export const checkPrecision = (precision: Precision): void => {
  const field = 'train.precision'
  if (typeof precision !== 'object' || precision === null)
    throw new ModelError('config-invalid', field, precision, 'a map of fields', 'Correct the configuration.')
  checkKeys(field, precision, ['parameters', 'master', 'activations', 'moments', 'rounding'])
  const oneOf = (name: keyof Precision, values: readonly string[]): void => {
    const value = precision[name]
    if (value === undefined || values.includes(String(value))) return
    throw new ModelError('config-invalid', `${field}.${name}`, value, values.join(', '), CHOOSE)
  }
  oneOf('parameters', DTYPES)
  oneOf('activations', DTYPES)
  oneOf('moments', DTYPES)
  oneOf('rounding', ['nearest', 'stochastic'])
  checkFlag(`${field}.master`, precision.master ?? false)
}

/** How a parameter, or a moment of it, is stored in the state. */
export const storedDtype = (
  parameter: Parameter,
  what: 'parameters' | 'moments',
  precision: Precision = {},
): Dtype => {
  if (kindOf(parameter) === 'vector') return 'f32'
  if (what === 'parameters' && precision.master) return 'f32'
  return precision[what] ?? 'f32'
}

/** Where the random bits of a rounding come from: the state's own words, (1) each, and a salt for each tensor. */
export type Bits = { readonly seed: Grid<'u'>; readonly step: Grid<'u'>; readonly salt: number }

/** Numbers in a narrower dtype, each to the nearest; the grid itself where it is stored so already. */
export const nearest = (x: Grid<'f'>, dtype: Dtype): Grid<'f'> =>
  x.dtype === dtype ? x : map([x], (v) => v, { dtype, label: 'rounded' })

/**
 * Numbers in bf16, each to one of its two neighbours, to the nearer one the more likely: the mean over all random words
 * is the number itself, so that many small updates add up. The low 16 bits of a Philox word are added to the pattern of
 * the f32, whose low 16 bits then go. Infinities and the NaN stay what they are.
 */
export const stochastic = (x: Grid<'f'>, { seed, step, salt }: Bits): Grid<'f'> => {
  const flat = (): U => x.shape.reduce((place, e, d) => place.mul(e).add(index(d)), u32(0))
  const rounded = (v: F, s: U, t: U): F => {
    const noise = philox([flat(), t, 0, 0], [s, salt])[0].and(0xffff)
    return v.bits().add(noise).and(0xffff0000).float()
  }
  return map([x, seed, step], rounded, { shape: x.shape, dtype: 'bf16', label: 'rounded' })
}
