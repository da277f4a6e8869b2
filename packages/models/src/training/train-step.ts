import {
  f32,
  type Grid,
  gradients,
  map,
  type Program,
  recompute,
  select,
  storingActivations,
  type TensorType,
  traceProgram,
} from '@lockstep/tensor'
import { asItIs, type Block } from '../layer/block.ts'
import { kindOf, type Parameter } from '../parameter.ts'
import { SALT } from '../salt.ts'
import { globalNorm } from './adamw.ts'
import { checkTrainConfig, type TrainConfig } from './config.ts'
import { type CrossEntropy, lossWith } from './loss.ts'
import { type Learned, type Updated, update } from './optimiser.ts'
import { nearest, type Precision, stochastic } from './precision.ts'
import { rateAt } from './schedule.ts'
import { type Role, stateName, trainState } from './train-state.ts'

/** A model's parameters as grids, by name. */
export type Weights = (name: string) => Grid<'f'>

/**
 * What a loss is computed from: the parameters, the inputs by name, and two words, (1) each: the seed, and the number
 * of the pass, which is the step's where a step has one pass.
 */
export type LossParts = {
  readonly weights: Weights
  readonly input: (name: string) => Grid
  readonly step: Grid<'u'>
  readonly seed: Grid<'u'>
  /** How the network runs its blocks. */
  readonly block: Block
  /** The loss of a classification as the configuration has it: logits (N, V) and targets (N) give a mean, (). */
  readonly crossEntropy: CrossEntropy
}

/**
 * One training step as a program. State: what `trainState` lists, then `step` and `seed`. Outputs: `loss` before the
 * update, the mean over the step's passes, and `norm`, the gradient's before it is clipped by it, (1) each.
 */
export const trainProgram = (
  parameters: readonly Parameter[],
  config: TrainConfig,
  inputs: { readonly [name: string]: TensorType },
  lossOf: (parts: LossParts) => Grid<'f'>,
): Program => {
  checkTrainConfig(config)
  const layout = trainState(parameters, config)
  const word: TensorType = { dtype: 'u32', shape: [1] }
  const types = layout.map(({ name, parameter, dtype }): [string, TensorType] => [
    name,
    { dtype, shape: parameter.shape },
  ])
  const state = { ...Object.fromEntries(types), step: word, seed: word }
  return traceProgram({ state, inputs }, (found: Grids, given: Grids) => {
    const value: Weights = (name) => found[name] as Grid<'f'>
    const held = (name: string, role: Role) => found[stateName(name, role)] as Grid<'f'> | undefined
    const step = found.step as Grid<'u'>
    const seed = found.seed as Grid<'u'>
    const crossEntropy = lossWith(config)
    const block: Block = config.recompute ? (layer) => recompute(layer) : asItIs
    const precision = config.precision ?? {}
    const by = Object.fromEntries(parameters.map((p) => [p.name, computedWith(p, value(p.name), precision)]))
    const weights: Weights = (name) => by[name]!
    const narrowly = <T>(fn: () => T): T =>
      precision.activations === 'bf16' ? storingActivations('bf16', Object.values(by), fn) : fn()
    const lossOfPass = (pass: Grid<'u'>): Grid<'f'> =>
      narrowly(() =>
        lossOf({ weights, input: (name) => given[name]!, step: pass, seed, block, crossEntropy }),
      )
    const { loss, gradient } = overPasses(config.accumulate ?? 1, step, lossOfPass, by)
    const slopes = parameters.map((p) => clippedByValue(gradient[p.name]!, config.clipValue ?? 0))
    const norm = globalNorm(slopes)
    const learned = parameters.map(
      ({ name, decay }, i): Learned => ({
        decays: decay,
        value: value(name),
        gradient: slopes[i]!,
        first: held(name, 'first'),
        second: held(name, 'second'),
      }),
    )
    const updated = update(parameters, learned, config, { step, rate: rateAt(step, config), norm })
    const next: { [name: string]: Grid } = { step: map([step], (s) => s.add(1), { label: 'step' }) }
    const places = new Map(parameters.map((p, i) => [p.name, i]))
    for (const [place, { name, parameter, role, dtype }] of layout.entries()) {
      const whole = nextOf(role, updated[places.get(parameter.name)!]!, found[name] as Grid<'f'>, config)
      const isRandom = precision.rounding === 'stochastic' && dtype !== 'f32'
      const bits = { seed, step, salt: SALT.rounding + place }
      next[name] = isRandom ? stochastic(whole, bits) : nearest(whole, dtype)
    }
    return { state: next, outputs: { loss: map([loss], (l) => l, { shape: [1] }), norm } }
  })
}

/** What the network sees of a parameter. */
const computedWith = (parameter: Parameter, value: Grid<'f'>, precision: Precision): Grid<'f'> =>
  nearest(value, kindOf(parameter) === 'vector' ? 'f32' : (precision.parameters ?? 'f32'))

type Grids = { readonly [name: string]: Grid }
type Pass = { readonly loss: Grid<'f'>; readonly gradient: { readonly [name: string]: Grid<'f'> } }

/**
 * The mean of some passes, added up in their order: a pass counts 1 / passes, and its gradients are added to those of
 * the passes before as they are found. Pass i of step s has the number s * passes + i, from which it draws its own batch
 * and its own dropped activations. What one pass keeps for its gradients is free again in the next.
 */
const overPasses = (
  passes: number,
  step: Grid<'u'>,
  lossOf: (pass: Grid<'u'>) => Grid<'f'>,
  by: { readonly [name: string]: Grid<'f'> },
): Pass => {
  if (passes === 1) {
    const loss = lossOf(step)
    return { loss, gradient: gradients(loss, by) }
  }
  let total: Pass | undefined
  for (let i = 0; i < passes; i++) {
    const pass = map([step], (s) => s.mul(passes).add(i), { label: 'pass' })
    const part = map([lossOf(pass)], (l) => l.div(passes), { label: 'part of the loss' })
    total = {
      loss: total ? map([total.loss, part], (a, b) => a.add(b), { label: 'sum of passes' }) : part,
      gradient: gradients(part, by, total?.gradient),
    }
  }
  return total!
}

/** Each number kept within [-limit, limit]; a NaN stays one. 0 clips nothing. */
const clippedByValue = (gradient: Grid<'f'>, limit: number): Grid<'f'> =>
  limit === 0
    ? gradient
    : map([gradient], (g) => select(g.gt(limit), f32(limit), select(g.lt(-limit), f32(-limit), g)), {
        label: 'clipped',
      })

/** What a state tensor becomes. */
const nextOf = (role: Role, updated: Updated, old: Grid<'f'>, { average = 0 }: TrainConfig): Grid<'f'> => {
  if (role !== 'average') return updated[role]!
  return map([old, updated.value], (mean, p) => mean.mul(average).add(p.mul(1 - average)), {
    label: 'average',
  })
}
