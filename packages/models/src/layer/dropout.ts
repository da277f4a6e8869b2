import { f32, type Grid, map, select } from '@lockstep/tensor'
import { flatIndex } from '../flat-index.ts'
import { randomWord } from '../random-word.ts'
import { SALT } from '../salt.ts'

/** What dropout draws from: its step and seed are state words, so a re-run drops the same activations. */
export type Dropout = {
  readonly part: number // probability of dropping; 0 drops nothing and adds no node
  readonly step: Grid<'u'> // (1)
  readonly seed: Grid<'u'> // (1)
}

/** Zero with probability `part`, else x / (1 - part). `site` tells the places of one model apart. */
export const dropoutLayer = (x: Grid<'f'>, { part, step, seed }: Dropout, site: number): Grid<'f'> => {
  if (part === 0) return x
  const limit = Math.round(part * 2 ** 32) >>> 0
  return map(
    [x, step, seed],
    (a, s, key) => {
      const word = randomWord(flatIndex(x.shape), s, key, SALT.dropout + site)
      return select(word.lt(limit), f32(0), a.mul(1 / (1 - part)))
    },
    { label: 'dropout' },
  )
}
