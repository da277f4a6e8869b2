import { log } from '../../scalar/elementary.ts'
import { f32, index, select, type U, u32 } from '../../scalar/trace.ts'
import { fold } from '../fold.ts'
import { type Grid, stopGradient, view } from '../grid.ts'
import { map } from '../map.ts'
import { show, TraceError } from '../trace-error.ts'
import { full, fullWords } from './arithmetic.ts'
import { cumulativeSumWords } from './cumulative.ts'
import { type Randomness, randomWords } from './random.ts'
import { argmax, reduceBy, SUM_WORDS } from './reduce.ts'
import { softmax } from './softmax.ts'

// Which places of the last dimension are chosen: the greatest, the likeliest, or one by lot.

const WORD = 32
const DIGIT = 4 // bits of a key that are settled at a time

/** A word for each number, in the same order: -infinity first, then -0 before +0, NaN last. */
const keysOf = (x: Grid<'f'>): Grid<'u'> =>
  map(
    [stopGradient(x)],
    (a) => {
      const bits = a.bits()
      return bits.xor(bits.sar(31).or(0x80000000))
    },
    { label: 'keys' },
  )

/**
 * For each row the greatest word t such that the weights (1 each if absent) of the places with keys of at least t add
 * up to the threshold, a radix select: four bits at a time, of 16 candidates. Rounded sums of weights of at least 0
 * grow with their terms, so there is no doubt which candidate is the greatest. Sixteen nodes.
 */
const greatestKey = (keys: Grid<'u'>, threshold: Grid<'f'>, weights?: Grid<'f'>): Grid<'u'> => {
  const rows = keys.shape.slice(0, -1)
  const rank = rows.length
  let found = fullWords(rows, 0)
  for (let shift = WORD - DIGIT; shift >= 0; shift -= DIGIT) {
    const before = found
    // Dimension `rank` is the digit's, of the output in the first fold and of the box in the second.
    const candidate = (prefix: U): U => prefix.or(index(rank).shl(shift))
    const sums = fold({
      label: 'weights of candidates',
      shape: [...rows, 2 ** DIGIT],
      box: [keys.shape.at(-1)!],
      register: 'f',
      order: 'blocked',
      init: -0,
      reads: (out, [k]) => {
        const row = out.slice(0, -1)
        const key = keys.at(...row, k!)
        return [key, before.at(...row), weights ? weights.at(...row, k!) : threshold.at(...row)]
      },
      step: (acc, key, prefix, weight) =>
        acc.add(select(key.lt(candidate(prefix)), f32(0), weights ? weight : f32(1))),
      combine: (acc, block) => acc.add(block),
    })
    found = fold({
      label: 'greatest candidate',
      shape: rows,
      box: [2 ** DIGIT],
      register: 'u',
      order: 'blocked',
      init: 0,
      reads: (out, [digit]) => [sums.at(...out, digit!), threshold.at(...out), before.at(...out)],
      step: (acc, sum, least, prefix) => {
        const here = candidate(prefix)
        return select(least.le(sum).and(acc.lt(here)), here, acc)
      },
      combine: (a, b) => select(a.lt(b), b, a),
    })
  }
  return found
}

/** A grid of rows at every place of the last dimension. */
const alongLast = (row: Grid<'u'>, shape: readonly number[]): Grid<'u'> =>
  view(shape, (...i) => row.at(...i.slice(0, -1)))

/** 1 at the k greatest places of each row, else 0; of equal numbers the first places count as greater. */
const greatest = (operation: string, x: Grid<'f'>, k: number): Grid<'u'> => {
  const { shape } = x
  if (x.rank < 1 || !Number.isInteger(k) || k < 1 || k > shape.at(-1)!)
    throw new TraceError(
      operation,
      `k is ${k} for shape ${show(shape)}; it must be an integer from 1 to the last extent`,
    )
  const keys = keysOf(x)
  const border = alongLast(greatestKey(keys, full(shape.slice(0, -1), k)), shape)
  const above = reduceBy('above', SUM_WORDS, [keys, border], (key, least) => least.lt(key), { axes: -1 })
  const ties = cumulativeSumWords(map([keys, border], (key, least) => key.eq(least), { label: 'ties' }))
  return map(
    [keys, border, ties, alongLast(above, shape)],
    (key, least, tie, more) => least.lt(key).or(key.eq(least).and(tie.lt(u32(k + 1).sub(more)))),
    { label: operation },
  )
}

/**
 * The k greatest numbers of each row where they are, -infinity elsewhere: (.., V) gives (.., V). Of equal numbers the
 * first places stay; a NaN counts as the greatest. About 23 nodes, whatever k is.
 */
export const keepGreatest = (x: Grid<'f'>, k: number): Grid<'f'> =>
  k === x.shape.at(-1)
    ? x
    : map([greatest('keepGreatest', x, k), x], (kept, a) => select(kept, a, f32(-Infinity)), {
        label: 'keepGreatest',
      })

/** Where the k greatest numbers of each row are, places ascending: (.., V) gives words (.., k). */
export const greatestPlaces = (x: Grid<'f'>, k: number): Grid<'u'> => {
  const counts = cumulativeSumWords(greatest('greatestPlaces', x, k))
  // Before the place of number j there are as many places as have counted at most j.
  return fold({
    label: 'greatestPlaces',
    shape: [...x.shape.slice(0, -1), k],
    box: [x.shape.at(-1)!],
    register: 'u',
    order: 'blocked',
    init: 0,
    reads: (out, [v]) => [counts.at(...out.slice(0, -1), v!)],
    step: (acc, count) => acc.add(count.lt(index(x.rank - 1).add(1))),
    combine: (a, b) => a.add(b),
  })
}

/**
 * The likeliest places of each row of logits that together have a probability of at least p, -infinity elsewhere
 * (nucleus sampling: Holtzman et al., 2020). Equal logits stay or go together. About 22 nodes.
 */
export const keepLikeliest = (logits: Grid<'f'>, p: number): Grid<'f'> => {
  if (!(p > 0 && p <= 1)) throw new TraceError('keepLikeliest', `p is ${p}; it must be above 0 and at most 1`)
  if (p === 1) return logits
  const keys = keysOf(logits)
  const still = softmax(stopGradient(logits))
  const border = greatestKey(keys, full(logits.shape.slice(0, -1), p), still)
  return map(
    [keys, alongLast(border, logits.shape), logits],
    (key, least, a) => select(key.lt(least), f32(-Infinity), a),
    { label: 'keepLikeliest' },
  )
}

/** -ln(-ln u) with u uniform in (0, 1): the argmax of logits with this noise is a draw by their softmax. */
export const gumbelNoise = (shape: readonly number[], from: Randomness): Grid<'f'> =>
  map(
    [randomWords(shape, from)],
    (word) => {
      const uniform = word
        .shr(9)
        .toF32()
        .add(0.5)
        .mul(2 ** -23) // exact
      return log(log(uniform).neg()).neg()
    },
    { label: 'gumbelNoise' },
  )

export type SamplingOptions = {
  readonly temperature?: number // 1 if absent; at 0 the greatest logit is taken
  readonly greatest?: number // only so many may be drawn; all if absent
  readonly likeliest?: number // only those that have this probability together; all if absent
  readonly from: Randomness
}

/** One place for each row of logits, drawn by softmax(logits / temperature): (.., V) gives words (..). */
export const sample = (
  logits: Grid<'f'>,
  { temperature = 1, greatest, likeliest = 1, from }: SamplingOptions,
): Grid<'u'> => {
  if (!(temperature >= 0 && temperature < Infinity))
    throw new TraceError('sample', `temperature ${temperature}; it must be at least 0`)
  if (temperature === 0) return argmax(logits)
  const cool =
    temperature === 1 ? logits : map([logits], (a) => a.mul(1 / temperature), { label: 'temperature' })
  const few = keepLikeliest(greatest === undefined ? cool : keepGreatest(cool, greatest), likeliest)
  return argmax(map([few, gumbelNoise(few.shape, from)], (a, noise) => a.add(noise), { label: 'sample' }))
}
