import type { Dtype } from '@lockstep/tensor'
import type { Parameter } from '../parameter.ts'
import type { TrainConfig } from './config.ts'
import { ADAMW, type Moment, momentsOf } from './optimiser.ts'
import { storedDtype } from './precision.ts'

/** What a tensor of a training state is for: a parameter's value, a moment of it, or the mean of its values. */
export type Role = 'value' | Moment | 'average'
export type StateTensor = {
  readonly name: string
  readonly parameter: Parameter
  readonly role: Role
  readonly dtype: Dtype
}

const ROLES: readonly Role[] = ['value', 'first', 'second', 'average']

/** The name of a parameter's tensor in a state. */
export const stateName = (parameter: string, role: Role): string =>
  role === 'value' ? parameter : `${parameter}.${role}`

/**
 * The numbers of a training state, in its order: all parameters, then their first moments, their second moments and
 * their averages, as far as the configuration has them. The words `step` and `seed` follow.
 */
export const trainState = (parameters: readonly Parameter[], config: TrainConfig): readonly StateTensor[] =>
  ROLES.flatMap((role) =>
    parameters
      .filter((parameter) => has(parameter, role, config))
      .map((parameter) => ({
        name: stateName(parameter.name, role),
        parameter,
        role,
        dtype: dtypeOf(parameter, role, config),
      })),
  )

const dtypeOf = (parameter: Parameter, role: Role, { precision }: TrainConfig): Dtype => {
  if (role === 'average') return 'f32'
  return storedDtype(parameter, role === 'value' ? 'parameters' : 'moments', precision)
}

const has = (parameter: Parameter, role: Role, { optimiser = ADAMW, average = 0 }: TrainConfig): boolean => {
  if (role === 'value') return true
  if (role === 'average') return average > 0
  return momentsOf(optimiser, parameter).includes(role)
}
