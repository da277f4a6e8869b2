import { pow } from '../../scalar/elementary.ts'
import { type F, index, type U, u32 } from '../../scalar/trace.ts'
import { equals, fold } from '../fold.ts'
import { type Grid, stopGradient, view } from '../grid.ts'
import type { Index } from '../index-form.ts'
import { map } from '../map.ts'
import { reshape } from '../reshape.ts'
import { show, TraceError } from '../trace-error.ts'
import { transpose } from '../views.ts'
import { type Bound, type BoundWords, causalBound, fromBound, upToBound, windowBound } from './bound.ts'
import { contract } from './contract.ts'
import { softmaxWithin } from './softmax.ts'

/**
 * Keys and values of earlier tokens, state tensors of one layer. Places from `length` on hold nothing yet. The places
 * of keys are their last dimension: so both the scores of one query, over places, and the sums, over E, read a cache
 * along what lies together.
 */
export type KeyValueCache = {
  readonly keys: Grid<'f'> // (B, G, D, capacity)
  readonly values: Grid<'f'> // (B, G, capacity, E)
  readonly length: Grid<'u'> // (1), or (B) where the rows of a batch are of different lengths
}

export type AttentionOptions<C extends KeyValueCache | undefined = undefined> = {
  readonly query: Grid<'f'> // (B, T, H, D)
  readonly key: Grid<'f'> // (B, S, G, D); each of the G key heads serves H / G query heads in a row
  readonly value: Grid<'f'> // (B, S, G, E)
  /** Row t sees places s <= t + S - T: the last row sees all. */
  readonly causal?: boolean
  /** Row t sees its own place and the `window` - 1 before it; needs `causal`. */
  readonly window?: number
  /** (B): how many places of each row of the batch are real. Padding behind them is not seen. */
  readonly lengths?: Grid<'u'>
  /** (B): the first real place of each row of the batch. Padding before it is not seen. */
  readonly starts?: Grid<'u'>
  /** (H): score + slope * (place of the key - place of the query), attention with linear biases. */
  readonly slopes?: Grid<'f'>
  /** What scores are multiplied by; 1 / sqrt(D) if absent. */
  readonly scale?: number
  /** What happens to the weights before they meet the values: dropout. Their shape is (B, H, T, S), grouped (B, G, H / G, T, S). */
  readonly drop?: (weights: Grid<'f'>) => Grid<'f'>
  /** The T new keys and values are put at places length .. length + T - 1, and rows see the cache; S is T. */
  readonly cache?: C
}

export type Attended<C> = {
  readonly mixed: Grid<'f'> // (B, T, H, E)
  readonly cache: C // with the new keys and values, the next state; `length` is still the old one
}

/**
 * Softmax of query times key, times value (Vaswani et al., 2017), with heads that share keys (Ainslie et al., 2023), in
 * three steps: scores, weights, sums, each over (batch, head, row, place), so that an executor can take them together
 * for some rows at a time. What is not seen is kept out of softmax and sums by guards, never multiplied by 0: its bits do
 * not matter. A row that sees nothing is 0.
 *
 * Nodes: a scaled query, scores, three of softmax, sums; with a cache two puts and a few words. No gradient flows into
 * a cache.
 */
export const attention = <C extends KeyValueCache | undefined = undefined>(
  options: AttentionOptions<C>,
): Attended<C> => {
  const { query, key, value, slopes, drop } = options
  const [batch, rows, heads, width] = query.shape as [number, number, number, number]
  const groups = key.shape[2]!
  check(options)
  const scale = options.scale ?? 1 / Math.sqrt(width)
  const scaled = map([query], (a) => a.mul(scale), { label: 'query' })
  const cache = options.cache && put(options.cache, key, value)
  const k = cache ? transpose(cache.keys, [0, 3, 1, 2]) : key
  const v = cache ? transpose(cache.values, [0, 2, 1, 3]) : value
  const bounds = boundsOf(options, cache)

  // One head to a key head needs no dimension for the heads of a group.
  const shared = heads > groups
  const q = shared ? reshape(scaled, [batch, rows, groups, heads / groups, width]) : scaled
  const guarded = (label: string, within: readonly Bound[]) =>
    within.length === 0
      ? { label }
      : {
          label,
          guards: ({ b, h, r, t, s }: { readonly [letter: string]: Index }) => {
            const i = [b, h, ...(shared ? [r] : []), t, s] as Index[]
            return within.map((bound) => bound.guard(i, i.length - 2, i.length - 1))
          },
        }
  // With a cache every score is computed: a plain product is faster than one that asks for words, and softmax asks.
  const asked = guarded('scores', cache ? [] : bounds)
  const plain = contract(shared ? 'bthrd,bshd->bhrts' : 'bthd,bshd->bhts', q, k, asked)
  const scores = slopes ? leaning(plain, slopes, options) : plain
  const share = softmaxWithin(scores, bounds)
  const weights = drop ? drop(share) : share
  const summed = guarded('values', bounds)
  const mixed = contract(shared ? 'bhrts,bshe->bthre' : 'bhts,bshe->bthe', weights, v, summed)
  return {
    mixed: shared ? reshape(mixed, [batch, rows, heads, value.shape[3]!]) : mixed,
    cache: cache as C,
  }
}

/** A word for each new row, out of how many places a cache has held before: (T), or (B, T) where lengths differ. */
const placesOf = (length: Grid<'u'>, rows: number, past: (n: U) => U): BoundWords => {
  const each = length.size > 1
  const words = map(
    [view<'u'>(each ? [length.size, rows] : [rows], (...i) => length.at(each ? i[0]! : 0))],
    past,
    {
      label: 'places',
    },
  )
  return { words, by: each ? 'both' : 'row' }
}

const boundsOf = (options: AttentionOptions<KeyValueCache | undefined>, cache?: KeyValueCache): Bound[] => {
  const { query, key, causal, window, lengths, starts } = options
  const rows = query.shape[1]!
  const bounds: Bound[] = []
  if (cache) {
    const { length } = cache
    const row = length.size > 1 ? 1 : 0
    bounds.push(upToBound(placesOf(length, rows, (n) => (causal ? n.add(index(row)).add(1) : n.add(rows)))))
    if (window !== undefined)
      bounds.push(
        fromBound(
          placesOf(length, rows, (n) => {
            const end = n.add(index(row)).add(1)
            return end.sub(minimum(end, window))
          }),
        ),
      )
  } else {
    const before = key.shape[1]! - rows
    if (causal) bounds.push(causalBound(before))
    if (window !== undefined) bounds.push(windowBound(before, window))
  }
  if (lengths) bounds.push(upToBound({ words: lengths, by: 'batch' }))
  if (starts) bounds.push(fromBound({ words: starts, by: 'batch' }))
  return bounds
}
const minimum = (a: U, limit: number): U => a.lt(limit).mul(a.sub(limit)).add(limit)

/** Scores with slope * (place of the key - place of the query). */
const leaning = (
  scores: Grid<'f'>,
  slopes: Grid<'f'>,
  { cache, key, query }: AttentionOptions<KeyValueCache | undefined>,
): Grid<'f'> => {
  const { shape, rank } = scores
  const [t, s] = [rank - 2, rank - 1]
  const lean = view<'f'>(shape, (...i) => slopes.at(rank === 5 ? i[1]!.mul(shape[2]!).add(i[2]!) : i[1]!))
  const distance = (x: F, slope: F, before: U | number): F =>
    slope.fma(index(s).sub(index(t).add(before)).i32ToF32(), x)
  if (!cache)
    return map([scores, lean], (x, slope) => distance(x, slope, key.shape[1]! - query.shape[1]!), {
      label: 'slopes',
    })
  const { length } = cache
  const before = view<'u'>(shape, (...i) => length.at(length.size > 1 ? i[0]! : 0))
  return map([scores, lean, before], (x, slope, n) => distance(x, slope, n), { label: 'slopes' })
}

/** The cache with key and value (B, T, G, ..) at places length .. length + T - 1; what would lie past it is left out. */
const put = (cache: KeyValueCache, key: Grid<'f'>, value: Grid<'f'>): KeyValueCache => {
  const rows = key.shape[1]!
  const { words, by } = placesOf(cache.length, rows, (n) => n.add(index(cache.length.size > 1 ? 1 : 0)))
  const into = (label: string, old: Grid<'f'>, fresh: Grid<'f'>, place: number): Grid<'f'> =>
    fold({
      label,
      dtype: old.dtype,
      shape: old.shape,
      box: [rows],
      register: 'f',
      order: 'chain',
      init: (out) => stopGradient(old).at(...out),
      reads: ([b, g, ...i], [t]) => [stopGradient(fresh).at(b!, t!, g!, i[place === 3 ? 0 : 1]!)],
      guards: (i, [t]) => [equals(by === 'both' ? words.at(i[0]!, t!) : words.at(t!), i[place]!)],
      step: (_, x) => x,
    })
  return {
    keys: into('keys', cache.keys, key, 3),
    values: into('values', cache.values, value, 2),
    length: cache.length,
  }
}

/** Slopes for `heads` heads, 2^(-8 (h + 1) / heads): attention with linear biases (Press et al., 2022). */
export const alibiSlopes = (heads: number): Grid<'f'> =>
  map(
    [],
    () => {
      const eighths = index(0).add(1).mul(8)
      const whole = eighths.toF32().div(heads).toU32()
      const rest = eighths.sub(whole.mul(heads)).toF32().div(-heads)
      // The whole powers of two are exact.
      return pow(2, rest).mul(u32(127).sub(whole).shl(23).float())
    },
    { shape: [heads], label: 'alibiSlopes' },
  )

const check = ({
  query,
  key,
  value,
  window,
  causal,
  lengths,
  starts,
  slopes,
  cache,
}: AttentionOptions<KeyValueCache | undefined>): void => {
  const fail = (what: string): never => {
    throw new TraceError('attention', what)
  }
  if ([query, key, value].some((g) => g.rank !== 4))
    fail(
      `query, key and value are ${[query, key, value].map((g) => show(g.shape)).join(', ')}; they must be (B, T, H, D), (B, S, G, D) and (B, S, G, E): reshape them`,
    )
  const [batch, rows, heads, width] = query.shape as [number, number, number, number]
  const [, places, groups] = key.shape as [number, number, number]
  if (key.shape[0] !== batch || key.shape[3] !== width)
    fail(`key is ${show(key.shape)}; it must have the batch ${batch} and the width ${width} of the query`)
  if (value.shape.slice(0, 3).some((e, d) => e !== key.shape[d]))
    fail(
      `value is ${show(value.shape)}; its first three extents must be those of the key, ${show(key.shape)}`,
    )
  if (heads % groups !== 0)
    fail(`${heads} heads for ${groups} key heads; the first must be a multiple of the second`)
  if (causal && !cache && places < rows)
    fail(`causal with ${rows} rows and ${places} places; give at least as many places`)
  if (window !== undefined && !(Number.isInteger(window) && window >= 1 && causal))
    fail(`window ${window}; it must be an integer of at least 1, with causal`)
  for (const [name, words] of Object.entries({ lengths, starts }))
    if (words && show(words.shape) !== show([batch]))
      fail(
        `${name} is ${show(words.shape)}; it must have one word for each row of the batch, ${show([batch])}`,
      )
  if (slopes && show(slopes.shape) !== show([heads]))
    fail(`slopes is ${show(slopes.shape)}; it must have one for each head, ${show([heads])}`)
  if (!cache) return
  const { keys, values, length } = cache
  const capacity = keys.shape[3]!
  for (const [name, old, wanted] of [
    ['keys', keys, [batch, groups, width, capacity]],
    ['values', values, [batch, groups, capacity, value.shape[3]!]],
  ] as const)
    if (show(old.shape) !== show(wanted))
      fail(`cached ${name} are ${show(old.shape)}; they must be ${show(wanted)}`)
  if (places !== rows)
    fail(`a cache with ${rows} rows and ${places} new places; give only the new keys and values`)
  if (rows > capacity) fail(`${rows} rows for a cache of ${capacity} places; make it longer`)
  if (length.rank !== 1 || (length.size !== 1 && length.size !== batch))
    fail(`the cache's length is ${show(length.shape)}; it must be [1] or ${show([batch])}`)
}
