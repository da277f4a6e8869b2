import type { TensorType } from '@lockstep/tensor'

/** One learned tensor of a model, always f32. */
export type Parameter = {
  readonly name: string
  readonly shape: readonly number[]
  /** Normal with mean 0 and this standard deviation, or one value everywhere. */
  readonly init: { readonly normal: number } | { readonly constant: number }
  /** Whether weight decay applies: to matrices, not to biases, gains and embeddings of position. */
  readonly decay: boolean
  /** What a matrix is for where it is no map between activations: optimisers and rates may treat it otherwise. */
  readonly kind?: 'embedding' | 'head'
}

/** What optimisers tell parameters apart by. */
export const PARAMETER_KINDS = ['matrix', 'vector', 'embedding', 'head'] as const
export type ParameterKind = (typeof PARAMETER_KINDS)[number]

/** A tensor of rank 2 or more is a matrix, of all its dimensions but the last by the last, where the model says nothing else. */
export const kindOf = ({ kind, shape }: Parameter): ParameterKind =>
  kind ?? (shape.length >= 2 ? 'matrix' : 'vector')

export const weight = (name: string, shape: readonly number[], normal: number): Parameter => ({
  name,
  shape,
  init: { normal },
  decay: true,
})

export const filled = (name: string, shape: readonly number[], constant: number): Parameter => ({
  name,
  shape,
  init: { constant },
  decay: false,
})

export const elementsOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1)

/** How many numbers a model learns. */
export const parameterCount = (parameters: readonly Parameter[]): number =>
  parameters.reduce((n, p) => n + elementsOf(p.shape), 0)

/** Parameters as a program's inputs. */
export const parameterTypes = (parameters: readonly Parameter[]): { [name: string]: TensorType } =>
  Object.fromEntries(parameters.map((p) => [p.name, { dtype: 'f32', shape: p.shape }]))
