import { type Grid, map, randomWords } from '@lockstep/tensor'
import { SALT } from '../salt.ts'

/**
 * Where the rows of a batch are: a (batch) grid of words below `places`, the high words of Philox words times
 * `places`. Row r of step s has the counter (r, s, 0, 0) under the key (seed, 1): the order of the data is part of
 * the program. `step` and `seed` are (1).
 */
export const drawPlaces = (batch: number, places: number, step: Grid<'u'>, seed: Grid<'u'>): Grid<'u'> =>
  map([randomWords([batch], { seed, step, salt: SALT.data })], (word) => word.mulhi(places), {
    label: 'draw',
  })
