import { type Grid, map } from '@lockstep/tensor'
import { checkFlag, checkKeys, checkNumber } from '../check.ts'
import { ModelError } from '../model-error.ts'
import { kindOf, type Parameter } from '../parameter.ts'
import { adam, adamw } from './adamw.ts'
import type { TrainConfig } from './config.ts'
import { lion } from './lion.ts'
import { muon } from './muon.ts'
import { sgd } from './sgd.ts'

/**
 * What makes a step of a gradient. The betas and epsilon of Adam, here and where Muon leaves a parameter to AdamW, are
 * the configuration's own fields, as are decay and clip, which every optimiser has.
 */
export type Optimiser =
  | { readonly kind: 'adamw' }
  | { readonly kind: 'adam' }
  | { readonly kind: 'sgd'; readonly momentum: number; readonly nesterov: boolean }
  | { readonly kind: 'lion'; readonly beta1: number; readonly beta2: number }
  | { readonly kind: 'muon'; readonly momentum: number; readonly nesterov: boolean }

export const ADAMW: Optimiser = { kind: 'adamw' }

/** What is kept of a parameter's gradients from step to step, by name. */
export type Moment = 'first' | 'second'

/** One learned tensor in a step: its value, its gradient and the moments the step found. All of one shape. */
export type Learned = {
  readonly decays: boolean
  readonly value: Grid<'f'>
  readonly gradient: Grid<'f'>
  readonly first?: Grid<'f'> | undefined // running mean of gradients
  readonly second?: Grid<'f'> | undefined // running mean of their squares
}
export type Updated = {
  readonly value: Grid<'f'>
  readonly first?: Grid<'f'> | undefined
  readonly second?: Grid<'f'> | undefined
}

/** What every optimiser goes by, (1) each: the step word, its rate, and the norm of all gradients together. */
export type Pace = { readonly step: Grid<'u'>; readonly rate: Grid<'f'>; readonly norm: Grid<'f'> }

const TWO: readonly Moment[] = ['first', 'second']
const ONE: readonly Moment[] = ['first']

/** The moments that an optimiser keeps of a parameter. */
export const momentsOf = (optimiser: Optimiser, parameter: Parameter): readonly Moment[] => {
  switch (optimiser.kind) {
    case 'adamw':
    case 'adam':
      return TWO
    case 'sgd':
      return optimiser.momentum === 0 ? [] : ONE
    case 'lion':
      return ONE
    case 'muon':
      return kindOf(parameter) === 'matrix' ? ONE : TWO
  }
}

/** The next values and moments of some parameters of one kind, by the configuration's optimiser. */
const updateAll = (
  learned: readonly Learned[],
  isMatrix: boolean,
  config: TrainConfig,
  pace: Pace,
): readonly Updated[] => {
  const optimiser = config.optimiser ?? ADAMW
  switch (optimiser.kind) {
    case 'adamw':
      return adamw(learned, config, pace)
    case 'adam':
      return adam(learned, config, pace)
    case 'sgd':
      return sgd(learned, optimiser, config, pace)
    case 'lion':
      return lion(learned, optimiser, config, pace)
    case 'muon':
      return isMatrix ? muon(learned, optimiser, config, pace) : adamw(learned, config, pace)
  }
}

/** Parameters that are updated alike: all together where there are no groups and one optimiser is for all. */
type Alike = {
  readonly rate: number
  readonly decay: number
  readonly isMatrix: boolean
  readonly places: number[]
}

const alike = (parameters: readonly Parameter[], { groups, optimiser }: TrainConfig): readonly Alike[] => {
  const found = new Map<string, Alike>()
  for (const [place, parameter] of parameters.entries()) {
    const kind = kindOf(parameter)
    const { rate = 1, decay = 1 } = groups?.[kind] ?? {}
    const isMatrix = optimiser?.kind === 'muon' && kind === 'matrix'
    const key = `${rate} ${decay} ${isMatrix}`
    const known = found.get(key) ?? { rate, decay, isMatrix, places: [] }
    known.places.push(place)
    found.set(key, known)
  }
  return [...found.values()]
}

/** The next values and moments of all parameters, in their order. */
export const update = (
  parameters: readonly Parameter[],
  learned: readonly Learned[],
  config: TrainConfig,
  pace: Pace,
): readonly Updated[] => {
  const updated: Updated[] = []
  for (const { rate, decay, isMatrix, places } of alike(parameters, config)) {
    const scaled = rate === 1 ? pace.rate : map([pace.rate], (r) => r.mul(rate), { label: 'rate' })
    const those = places.map((place) => learned[place]!)
    const theirs = { ...config, decay: config.decay * decay }
    const next = updateAll(those, isMatrix, theirs, { ...pace, rate: scaled })
    for (const [i, place] of places.entries()) updated[place] = next[i]!
  }
  return updated
}

const ADJUST = 'Choose a value within the limits.'
const KEYS: { readonly [K in Optimiser['kind']]: readonly string[] } = {
  adamw: [],
  adam: [],
  sgd: ['momentum', 'nesterov'],
  lion: ['beta1', 'beta2'],
  muon: ['momentum', 'nesterov'],
}

export const checkOptimiser = (optimiser: Optimiser): void => {
  const kinds = Object.keys(KEYS)
  if (typeof optimiser !== 'object' || optimiser === null || !kinds.includes(optimiser.kind))
    throw new ModelError('config-invalid', 'train.optimiser.kind', optimiser?.kind, kinds.join(', '), ADJUST)
  checkKeys('train.optimiser', optimiser, ['kind', ...KEYS[optimiser.kind]])
  if (optimiser.kind === 'lion') {
    checkNumber('train.optimiser.beta1', optimiser.beta1, 0, 0.9999, ADJUST)
    checkNumber('train.optimiser.beta2', optimiser.beta2, 0, 0.99999, ADJUST)
  }
  if (optimiser.kind === 'sgd' || optimiser.kind === 'muon') {
    checkNumber('train.optimiser.momentum', optimiser.momentum, 0, 0.9999, ADJUST)
    checkFlag('train.optimiser.nesterov', optimiser.nesterov)
  }
}
