import { type Grid, matmul } from '@lockstep/tensor'

/** A model's learned tensors while a program is traced. */
export type Weights = {
  readonly of: (name: string) => Grid<'f'>
  /** x W over the last dimension: x is (.., I), the matrix of this name (I, O). How the matrix is stored is its owner's business. */
  readonly product: (x: Grid<'f'>, name: string) => Grid<'f'>
}

/** Tensors as they are, numbers of any dtype. */
export const weightsOf = (of: (name: string) => Grid<'f'>): Weights => ({
  of,
  product: (x, name) => matmul(x, of(name)),
})
