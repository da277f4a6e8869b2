import { contract, f32, type Grid, index, map, reshape, select } from '@lockstep/tensor'
import { clipScale, globalNorm } from './adamw.ts'
import type { TrainConfig } from './config.ts'
import type { Learned, Optimiser, Pace, Updated } from './optimiser.ts'

type Muon = Extract<Optimiser, { readonly kind: 'muon' }>

/** Of the quintic iteration in Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024. */
const COEFFICIENTS = [3.4445, -4.775, 2.0315] as const
const ITERATIONS = 5
/** Keeps a matrix of zeros from being divided by zero. */
const LEAST_NORM = 1e-7
/** The root mean square of an update over the rate: what AdamW's is about (Liu et al., arXiv:2502.16982). */
const SIZE = 0.2

/**
 * Muon, for matrices: momentum, whose matrix is then replaced by one with the same singular vectors and singular
 * values near 1. With g = gradient * min(1, clip / norm) and a tensor of C in its last
 * dimension and R in all others:
 *
 *   first = momentum * first + g
 *   value = value * (1 - rate * decay) - rate * 0.2 * sqrt(max(R, C)) * orthogonal(nesterov ? g + momentum * first : first)
 *
 * The factor gives updates the size of AdamW's, so that one rate and one decay are right for both.
 */
export const muon = (
  learned: readonly Learned[],
  { momentum, nesterov }: Muon,
  { decay, clip }: TrainConfig,
  { rate, norm }: Pace,
): readonly Updated[] => {
  const scale = clipScale(norm, clip)
  return learned.map(({ decays, value, gradient, first }) => {
    const m = map([first!, gradient, scale], (a, g, c) => a.mul(momentum).add(g.mul(c)), {
      label: 'first moment',
    })
    const direction = nesterov
      ? map([gradient, scale, m], (g, c, a) => g.mul(c).add(a.mul(momentum)), { label: 'direction' })
      : m
    const flat = reshape(direction, [-1, value.shape.at(-1)!])
    const size = SIZE * Math.sqrt(Math.max(...flat.shape))
    const next = map(
      [value, reshape(orthogonal(flat), value.shape), rate],
      (p, o, r) => (decays ? p.mul(f32(1).sub(r.mul(decay))) : p).sub(r.mul(size).mul(o)),
      { label: 'update' },
    )
    return { value: next, first: m }
  })
}

/**
 * A matrix with the singular vectors of `matrix`, (R, C), and singular values of about 0.7 to 1.2: five times
 * x = a x + b (x x') x + c (x x')^2 x, from the matrix over its Frobenius norm. Three nodes an iteration, on the
 * smaller of the two Gram matrices.
 */
export const orthogonal = (matrix: Grid<'f'>): Grid<'f'> => {
  const [a, b, c] = COEFFICIENTS
  const isWide = matrix.shape[0]! <= matrix.shape[1]!
  let x = map([matrix, globalNorm([matrix])], (v, n) => v.div(n.add(LEAST_NORM)), { label: 'normalised' })
  for (let i = 0; i < ITERATIONS; i++) {
    const gram = contract(isWide ? 'ik,jk->ij' : 'ki,kj->ij', x, x, { label: 'gram' })
    const square = contract('ik,kj->ij', gram, gram, { label: 'gram squared' })
    const factor = map(
      [gram, square],
      (g, s) =>
        g
          .mul(b)
          .add(s.mul(c))
          .add(select(index(0).eq(index(1)), f32(a), 0)),
      { label: 'polynomial' },
    )
    x = isWide
      ? contract('ik,kj->ij', factor, x, { label: 'orthogonal' })
      : contract('ik,kj->ij', x, factor, { label: 'orthogonal' })
  }
  return x
}
