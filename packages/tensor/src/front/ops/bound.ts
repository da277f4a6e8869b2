import { index, type U } from '../../scalar/trace.ts'
import { type Condition, lessThan } from '../fold.ts'
import { type Grid, view } from '../grid.ts'
import type { Index } from '../index-form.ts'

/**
 * A condition on the places that rows see, in grids that end with (T, S): row t of T, place s of S. It is said twice,
 * alike: as a guard for folds, which skip what lies outside, and as a test for maps, which choose.
 */
export type Bound = {
  /** Holds inside. `i` are all coordinates of the grid, of which `t` and `s` are the places of the last two. */
  readonly guard: (i: readonly Index[], t: number, s: number) => Condition
  /** The word that the test needs at every place of a grid of this shape. */
  readonly words?: (shape: readonly number[]) => Grid<'u'>
  /** 1 outside, inside a map over the grid. */
  readonly outside: (t: number, s: number, word: U | undefined) => U
}

/** Row t sees places s <= t + before: itself and what came before, `before` places ahead of the rows. */
export const causalBound = (before: number): Bound => ({
  guard: (i, t, s) => lessThan(i[s]!, i[t]!.add(before + 1)),
  outside: (t, s) => index(t).add(before).lt(index(s)),
})

/** Row t sees places s > t + before - width: the last `width` up to itself. */
export const windowBound = (before: number, width: number): Bound => ({
  guard: (i, t, s) => lessThan(i[t]!.add(before - width), i[s]!),
  outside: (t, s) =>
    index(s)
      .add(width - 1)
      .lt(index(t).add(before)),
})

/**
 * Where the words of a bound lie: (B) is one for each row of a batch, the first dimension; (T) one for each row; (B, T)
 * one for each of both; (1) one for all.
 */
export type BoundWords = { readonly words: Grid<'u'>; readonly by: 'batch' | 'row' | 'both' }
const wordAt = ({ words, by }: BoundWords, i: readonly Index[], t: number) =>
  words.at(...(by === 'both' ? [i[0]!, i[t]!] : [words.size === 1 ? 0 : by === 'batch' ? i[0]! : i[t]!]))
const spread = (from: BoundWords) => (shape: readonly number[]) =>
  view<'u'>(shape, (...i) => wordAt(from, i, shape.length - 2))

/** Places s < word. */
export const upToBound = (from: BoundWords): Bound => ({
  guard: (i, t, s) => lessThan(i[s]!, wordAt(from, i, t)),
  words: spread(from),
  outside: (_, s, word) => index(s).lt(word!).eq(0),
})

/** Places s >= word. */
export const fromBound = (from: BoundWords): Bound => ({
  guard: (i, t, s) => lessThan(wordAt(from, i, t), i[s]!.add(1)),
  words: spread(from),
  outside: (_, s, word) => index(s).lt(word!),
})
