import {
  f32,
  keepGreatest,
  map,
  type Program,
  reduceBy,
  reshape,
  SUM,
  select,
  sumWords,
  traceProgram,
} from '@lockstep/tensor'
import { distance, mergeTypes } from './average.ts'

/** How TIES merges: integers, so that a document says them exactly. */
export type Ties = {
  readonly keep: number // numbers of a member that stay, of a thousand: those that moved furthest
  readonly scale: number // what the merged way is multiplied by, in thousandths
}

/**
 * TIES-Merging (Yadav et al., 2023, arXiv 2306.01708) of members that began alike. Inputs: `members`, (M, N), `weights`,
 * (M) words, 0 leaving a member out and 1 taking it, and `base`, (N), where they began. With way m = member m - base:
 *
 * 1. Trim: of each way only the `keep` thousandths that are largest stay, the others are 0.
 * 2. Elect: the sign of a number is that of the sum of the trimmed ways.
 * 3. Merge: the mean of the trimmed ways that are not 0 and have that sign.
 *
 * The next state of `merged`, (N), is base + scale / 1000 * that mean. Everything else is as in averageRowsProgram.
 */
export const tiesRowsProgram = (members: number, numbers: number, { keep, scale }: Ties): Program => {
  const { state, inputs } = mergeTypes(members, numbers)
  const kept = Math.max(1, Math.ceil((numbers * keep) / 1000))
  const types = { state, inputs: { ...inputs, base: { dtype: 'f32', shape: [numbers] } } } as const
  return traceProgram(types, ({ merged }, { members: rows, weights, base }) => {
    const weight = reshape(weights, [members, 1])
    const lengths = map([rows, base, weight], (x, b, w) => select(w.eq(0), f32(0), x.sub(b).abs()), {
      label: 'lengths',
    })
    const greatest = keepGreatest(lengths, kept)
    const ways = map(
      [rows, base, greatest, weight],
      (x, b, g, w) => select(w.eq(0).or(g.lt(0)), f32(0), x.sub(b)),
      { label: 'trimmed' },
    )
    const elected = reduceBy('elected', SUM, [ways], (way) => way, { axes: 0 })
    const agrees = map([ways, elected], (way, sum) => way.lt(0).eq(sum.lt(0)).and(way.eq(0).eq(0)), {
      label: 'agrees',
    })
    const sums = reduceBy('agreeing', SUM, [ways, agrees], (way, yes) => select(yes, way, f32(0)), {
      axes: 0,
    })
    const next = map(
      [base, sums, sumWords(agrees, { axes: 0 })],
      (b, sum, count) => select(count.eq(0), b, b.add(sum.div(count.toF32()).mul(Math.fround(scale / 1000)))),
      { label: 'merged' },
    )
    return { state: { merged: next }, outputs: { distance: distance(next, merged) } }
  })
}
