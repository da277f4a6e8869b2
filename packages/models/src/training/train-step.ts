import { type Grid, gradients, map, type Program, type TensorType, traceProgram } from '@lockstep/tensor'
import type { Parameter } from '../parameter.ts'
import { adamw, globalNorm } from './adamw.ts'
import { checkTrainConfig, type TrainConfig } from './config.ts'
import { rateAt } from './schedule.ts'

/** A model's parameters as grids, by name. */
export type Weights = (name: string) => Grid<'f'>

/** What a loss is computed from: the parameters, the inputs by name, and the step's own two words, (1) each. */
export type LossParts = {
  readonly weights: Weights
  readonly input: (name: string) => Grid
  readonly step: Grid<'u'>
  readonly seed: Grid<'u'>
}

/** Names of a parameter's moments in the state. */
export const firstMoment = (name: string): string => `${name}.first`
export const secondMoment = (name: string): string => `${name}.second`

/**
 * One training step as a program. State: the parameters, their first moments, their second moments, `step` and
 * `seed`. Outputs: `loss` before the update, and `norm`, the gradient's before clipping, (1) each.
 */
export const trainProgram = (
  parameters: readonly Parameter[],
  config: TrainConfig,
  inputs: { readonly [name: string]: TensorType },
  lossOf: (parts: LossParts) => Grid<'f'>,
): Program => {
  checkTrainConfig(config)
  const types = (nameOf: (name: string) => string): { [name: string]: TensorType } =>
    Object.fromEntries(parameters.map((p) => [nameOf(p.name), { dtype: 'f32', shape: p.shape }]))
  const word: TensorType = { dtype: 'u32', shape: [1] }
  const state = { ...types((n) => n), ...types(firstMoment), ...types(secondMoment), step: word, seed: word }
  return traceProgram({ state, inputs }, (found: Grids, given: Grids) => {
    const weights: Weights = (name) => found[name] as Grid<'f'>
    const step = found.step as Grid<'u'>
    const seed = found.seed as Grid<'u'>
    const loss = lossOf({ weights, input: (name) => given[name]!, step, seed })
    const by = Object.fromEntries(parameters.map((p) => [p.name, weights(p.name)]))
    const gradient = gradients(loss, by)
    const norm = globalNorm(parameters.map((p) => gradient[p.name]!))
    const updated = adamw(
      parameters.map((p) => ({
        decays: p.decay,
        value: weights(p.name),
        gradient: gradient[p.name]!,
        first: weights(firstMoment(p.name)),
        second: weights(secondMoment(p.name)),
      })),
      config,
      step,
      rateAt(step, config),
      norm,
    )
    const next: { [name: string]: Grid } = { step: map([step], (s) => s.add(1), { label: 'step' }) }
    for (const [i, { name }] of parameters.entries()) {
      next[name] = updated[i]!.value
      next[firstMoment(name)] = updated[i]!.first
      next[secondMoment(name)] = updated[i]!.second
    }
    return { state: next, outputs: { loss: map([loss], (l) => l, { shape: [1] }), norm } }
  })
}

type Grids = { readonly [name: string]: Grid }
