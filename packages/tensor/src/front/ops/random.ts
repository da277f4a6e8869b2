import { cos, log } from '../../scalar/elementary.ts'
import { philox, uniform } from '../../scalar/philox.ts'
import { f32, index, select, type U, u32 } from '../../scalar/trace.ts'
import { type Grid, view } from '../grid.ts'
import { map } from '../map.ts'
import { show, TraceError } from '../trace-error.ts'

/**
 * Where random numbers come from: a seed and a step, state words of one element, and a salt that tells this use from
 * every other one in the program. The same three give the same numbers on every machine.
 */
export type Randomness = { readonly seed: Grid<'u'>; readonly step: Grid<'u'>; readonly salt: number }

/** Philox under the key (seed, salt) at the counter (the element's flat index, step, 0, 0). */
const draw = (shape: readonly number[], seed: U, step: U, salt: number): readonly [U, U, U, U] => {
  const place = shape.reduce((flat, e, d) => flat.mul(e).add(index(d)), u32(0))
  return philox([place, step, 0, 0], [seed, salt])
}

const sources = (shape: readonly number[], { seed, step }: Randomness): readonly [Grid<'u'>, Grid<'u'>] => [
  spread(seed, shape),
  spread(step, shape),
]
const spread = (word: Grid<'u'>, shape: readonly number[]): Grid<'u'> => {
  if (word.size !== 1)
    throw new TraceError('random', `seed and step are one word each, not a grid of shape ${show(word.shape)}`)
  return view(shape, () => word.at(...word.shape.map(() => 0)))
}

/** Uniform words. */
export const randomWords = (shape: readonly number[], from: Randomness): Grid<'u'> =>
  map(sources(shape, from), (seed, step) => draw(shape, seed, step, from.salt)[0], {
    shape,
    label: 'randomWords',
  })

/** Uniform numbers in [0, 1), multiples of 2^-24. */
export const randomUniform = (shape: readonly number[], from: Randomness): Grid<'f'> =>
  map(sources(shape, from), (seed, step) => uniform(draw(shape, seed, step, from.salt)[0]), {
    shape,
    label: 'randomUniform',
  })

/** Standard normal numbers (Box and Muller, 1958); none is beyond 5.8. */
export const randomNormal = (shape: readonly number[], from: Randomness): Grid<'f'> =>
  map(
    sources(shape, from),
    (seed, step) => {
      const [a, b] = draw(shape, seed, step, from.salt)
      const radius = log(f32(1).sub(uniform(a)))
        .mul(-2)
        .sqrt() // 1 - u is never 0
      return radius.mul(cos(uniform(b).mul(2 * Math.PI)))
    },
    { shape, label: 'randomNormal' },
  )

/** 0 with this probability, else x / (1 - probability). A probability of 0 adds no node. */
export const dropout = (x: Grid<'f'>, probability: number, from: Randomness): Grid<'f'> => {
  if (!(probability >= 0 && probability < 1))
    throw new TraceError('dropout', `probability ${probability}; it must be in [0, 1)`)
  if (probability === 0) return x
  const limit = Math.round(probability * 2 ** 32)
  return map(
    [x, ...sources(x.shape, from)],
    (a, seed, step) =>
      select(draw(x.shape, seed, step, from.salt)[0].lt(limit), f32(0), a.mul(1 / (1 - probability))),
    { label: 'dropout' },
  )
}
