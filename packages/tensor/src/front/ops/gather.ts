import type { Register } from '../../dtype.ts'
import { f32, index, select } from '../../scalar/trace.ts'
import { type Grid, view } from '../grid.ts'
import { map } from '../map.ts'
import { axisOf } from '../views.ts'

/**
 * Rows of a table by words: table (V, ..), words (..) give (.. of words, .. of a row). A view: the rows are read where
 * they are used. A word past the end reads the last row. The gradient adds rows in the order of the words.
 */
export const gatherRows = <R extends Register>(table: Grid<R>, words: Grid<'u'>): Grid<R> =>
  view([...words.shape, ...table.shape.slice(1)], (...i) =>
    table.at(words.at(...i.slice(0, words.rank)), ...i.slice(words.rank)),
  )

/** One place of the last dimension of each row: x (.., V) and words (..) give (..). A view. */
export const gatherLast = <R extends Register>(x: Grid<R>, words: Grid<'u'>): Grid<R> =>
  view(x.shape.slice(0, -1), (...i) => x.at(...i, words.at(...i)))

/** 1 at the place that each word names, else 0: words (..) give (.., count). Past the end all are 0. */
export const oneHot = (words: Grid<'u'>, count: number): Grid<'f'> =>
  map(
    [view<'u'>([...words.shape, count], (...i) => words.at(...i.slice(0, -1)))],
    (w) => select(w.eq(index(words.rank)), f32(1), 0),
    { label: 'oneHot' },
  )

/** Places along one axis in the order of the words (k): x (.., n, ..) gives (.., k, ..). A view. */
export const take = <R extends Register>(x: Grid<R>, words: Grid<'u'>, axis = 0): Grid<R> => {
  const a = axisOf('take', x, axis)
  return view(x.shape.with(a, words.shape[0]!), (...i) => {
    const place = words.at(i[a]!)
    return x.at(...i.map((index, d) => (d === a ? place : index)))
  })
}
