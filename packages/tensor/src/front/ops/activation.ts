import { erf, sigmoid, tanh } from '../../scalar/elementary.ts'
import { f32, select } from '../../scalar/trace.ts'
import type { Grid } from '../grid.ts'
import { map } from '../map.ts'

/** x where x > 0, else 0; the gradient is 0 at 0. */
export const relu = (x: Grid<'f'>): Grid<'f'> =>
  map([x], (a) => select(a.gt(0), a, f32(0)), { label: 'relu' })

/** The Gaussian error linear unit, exact: x / 2 * (1 + erf(x / sqrt 2)) (Hendrycks and Gimpel, 2016). */
export const gelu = (x: Grid<'f'>): Grid<'f'> =>
  map([x], (a) => a.mul(0.5).mul(erf(a.mul(Math.SQRT1_2)).add(1)), { label: 'gelu' })

/** The same by tanh, as several published models have it. */
export const geluByTanh = (x: Grid<'f'>): Grid<'f'> =>
  map(
    [x],
    (a) => {
      const inner = a
        .mul(a)
        .mul(a)
        .fma(0.044715, a)
        .mul(Math.sqrt(2 / Math.PI))
      return a.mul(0.5).mul(tanh(inner).add(1))
    },
    { label: 'geluByTanh' },
  )

/** x * sigmoid(x). */
export const silu = (x: Grid<'f'>): Grid<'f'> => map([x], (a) => a.mul(sigmoid(a)), { label: 'silu' })

/** silu(gate) * up, the gate of Llama's feed-forward layer (Shazeer, 2020). One node. */
export const swiglu = (gate: Grid<'f'>, up: Grid<'f'>): Grid<'f'> =>
  map([gate, up], (a, b) => a.mul(sigmoid(a)).mul(b), { label: 'swiglu' })

/** gelu(gate) * up. One node. */
export const geglu = (gate: Grid<'f'>, up: Grid<'f'>): Grid<'f'> =>
  map(
    [gate, up],
    (a, b) =>
      a
        .mul(0.5)
        .mul(erf(a.mul(Math.SQRT1_2)).add(1))
        .mul(b),
    { label: 'geglu' },
  )
