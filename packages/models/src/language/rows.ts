import {
  type Grid,
  gatherRows,
  index,
  map,
  materialise,
  slice,
  type TensorType,
  view,
} from '@lockstep/tensor'
import { checkInteger } from '../check.ts'
import { ModelError } from '../model-error.ts'
import type { LanguageNetwork } from './network.ts'

/** A table of texts, a row each, whatever follows a text being padding: how many rows, how long, and how tokens are stored. */
export type RowsType = {
  readonly rows: number // N
  readonly length: number // L: tokens of a row; it is read but for the last, so at most the context and one
  readonly dtype: 'u8' | 'u32'
}

export const checkRows = ({ rows, length }: RowsType, { context }: LanguageNetwork): void => {
  checkInteger('rows.rows', rows, 1, 2 ** 24, 'Give fewer rows at once.')
  checkInteger('rows.length', length, 2, context + 1, 'Give shorter rows, or a model with more context.')
}

/**
 * The inputs of a program over rows: `tokens`, (N, L), and (N) words each: row r is learned from at its places `from`
 * to `until` - 1, which are at least 1: what stands before is only read. A row whose `until` is at most its `from`
 * counts for nothing.
 */
export const rowTypes = ({ rows, length, dtype }: RowsType): { readonly [name: string]: TensorType } => ({
  tokens: { dtype, shape: [rows, length] },
  from: { dtype: 'u32', shape: [rows] },
  until: { dtype: 'u32', shape: [rows] },
})

export type Rows = {
  readonly read: Grid<'u'> // (B, L - 1): what the network is shown
  readonly targets: Grid<'u'> // (B, L - 1): what it should have foreseen, the token after each
  readonly counts: Grid<'u'> // (B, L - 1): 1 where that token is to be learned from, else 0
}

/** Some of the rows, by their places in the table, (B). */
export const rowsAt = (input: (name: string) => Grid, places: Grid<'u'>): Rows => {
  const table = input('tokens') as Grid<'u'>
  const length = table.shape[1]!
  const shape = [places.shape[0]!, length - 1]
  const tokens = materialise(gatherRows(table, places))
  const along = (name: string): Grid<'u'> => {
    const words = materialise(gatherRows(input(name) as Grid<'u'>, places))
    return view<'u'>(shape, (b) => words.at(b))
  }
  const counts = map(
    [along('from'), along('until')],
    (from, until) => from.lt(index(1).add(2)).and(index(1).add(1).lt(until)),
    { label: 'counted' },
  )
  return {
    read: materialise(slice(tokens, { axis: 1, to: -1 })),
    targets: materialise(slice(tokens, { axis: 1, from: 1 })),
    counts,
  }
}

/**
 * The rows of a pass that takes them in turn: pass p has those from (p mod N / B) * B on. N / B must be a power of two,
 * the machine having no remainder.
 */
export const rowsInTurn = (rows: number, batch: number, pass: Grid<'u'>): Grid<'u'> => {
  const parts = rows / batch
  if (!Number.isInteger(parts) || (parts & (parts - 1)) !== 0)
    throw new ModelError(
      'config-invalid',
      'train.batch',
      batch,
      `${rows} rows divided by a power of two`,
      'Choose another batch.',
    )
  return map(
    [pass],
    (p) =>
      p
        .and(parts - 1)
        .mul(batch)
        .add(index(0)),
    { shape: [batch], label: 'rows' },
  )
}
