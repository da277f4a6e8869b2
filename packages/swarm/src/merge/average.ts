import {
  f32,
  type Grid,
  map,
  type Program,
  reduceBy,
  reshape,
  SUM,
  select,
  sumWords,
  traceProgram,
} from '@lockstep/tensor'

/**
 * The weighted mean of some members: inputs `members`, (M, N), a row of numbers each, and `weights`, (M) words; the next
 * state of `merged`, (N), is
 *
 *   (sum over m of weight m * member m) / (sum of the weights)        each operation rounded to binary32
 *
 * where a member of weight 0 is not read, whatever its numbers are. It does not depend on the state before, so any number
 * of steps is one merge. Output: `distance`, (), the Euclidean norm of what this step changed.
 */
export const averageRowsProgram = (members: number, numbers: number): Program =>
  traceProgram(mergeTypes(members, numbers), ({ merged }, { members: rows, weights }) => {
    const weight = reshape(weights, [members, 1])
    const sums = reduceBy(
      'weighted sum',
      SUM,
      [rows, weight],
      (x, w) => select(w.eq(0), f32(0), x.mul(w.toF32())),
      { axes: 0 },
    )
    const next = map([sums, sumWords(weights)], (sum, total) => sum.div(total.toF32()), { label: 'mean' })
    return { state: { merged: next }, outputs: { distance: distance(next, merged) } }
  })

/** State and inputs of the two ways of merging. */
export const mergeTypes = (members: number, numbers: number) =>
  ({
    state: { merged: { dtype: 'f32', shape: [numbers] } },
    inputs: {
      members: { dtype: 'f32', shape: [members, numbers] },
      weights: { dtype: 'u32', shape: [members] },
    },
  }) as const

/** How far two rows are from each other: what an output says that only the merge's execution yields. */
export const distance = (next: Grid<'f'>, before: Grid<'f'>): Grid<'f'> => {
  const squares = reduceBy('squares', SUM, [next, before], (a, b) => a.sub(b).mul(a.sub(b)))
  return map([squares], (total) => total.sqrt(), { label: 'distance' })
}
