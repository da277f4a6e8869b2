import { cast, type Grid, gatherRows, map, type TensorType } from '@lockstep/tensor'
import { checkInteger } from '../check.ts'
import type { ClassifierNetwork } from './network.ts'

/** A table of examples as a program sees it. u8 features are pixels: they count as value / 255. */
export type ExamplesType = { readonly rows: number; readonly dtype: 'f32' | 'u8' }

/** A table as a program's inputs: `features`, (N, D), and `labels`, (N) u8 or u32 words below `classes`. */
export const exampleTypes = (
  { features, classes }: ClassifierNetwork,
  { rows, dtype }: ExamplesType,
): { readonly features: TensorType; readonly labels: TensorType } => {
  checkInteger('examples.rows', rows, 1, 2 ** 31 - 1, 'Give another table.')
  return {
    features: { dtype, shape: [rows, features] },
    labels: { dtype: classes <= 256 ? 'u8' : 'u32', shape: [rows] },
  }
}

/** Rows of a table, (N, D), as numbers, (B, D). */
export const rowsAt = (features: Grid, rows: Grid<'u'>): Grid<'f'> => {
  const chosen = gatherRows(features, rows)
  return features.dtype === 'u8'
    ? map([cast(chosen, 'f32')], (x) => x.mul(1 / 255), { label: 'pixels' })
    : map([chosen as Grid<'f'>], (x) => x, { label: 'rows' })
}
