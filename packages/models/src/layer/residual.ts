import { type Grid, map } from '@lockstep/tensor'

/** What a layer adds to what it was given. */
export const residual = (x: Grid<'f'>, added: Grid<'f'>): Grid<'f'> =>
  map([x, added], (a, b) => a.add(b), { label: 'residual' })
