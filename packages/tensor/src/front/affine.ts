import type { Affine } from '../node.ts'

/**
 * Arithmetic on affine forms over the coordinates of an iteration space.
 * Forms made here are canonical: terms ascend in `at`, none has by = 0.
 */
export const constant = (base: number): Affine => ({ base: base + 0, terms: [] })
export const coordinate = (at: number): Affine => ({ base: 0, terms: [{ at, by: 1 }] })

export const sum = (a: Affine, b: Affine): Affine => {
  const by = new Map<number, number>()
  for (const t of [...a.terms, ...b.terms]) by.set(t.at, (by.get(t.at) ?? 0) + t.by)
  const terms = [...by]
    .filter(([, n]) => n !== 0)
    .sort(([p], [q]) => p - q)
    .map(([at, n]) => ({ at, by: n }))
  return { base: a.base + b.base, terms }
}

export const scale = (a: Affine, by: number): Affine =>
  by === 0 ? constant(0) : { base: a.base * by + 0, terms: a.terms.map((t) => ({ at: t.at, by: t.by * by })) }

/** Coordinate p of the form is replaced by `by[p]`, a form over another space. */
export const substitute = (a: Affine, by: readonly Affine[]): Affine =>
  a.terms.reduce((total, t) => sum(total, scale(by[t.at]!, t.by)), constant(a.base))

/** Least and greatest value over a space with these extents (all at least 1). */
export const rangeOf = (a: Affine, extents: readonly number[]): readonly [number, number] => {
  let low = a.base
  let high = a.base
  for (const t of a.terms) {
    const reach = t.by * (extents[t.at]! - 1)
    if (reach < 0) low += reach
    else high += reach
  }
  return [low, high]
}

/** The same values over the same space, without terms of coordinates that are always 0. */
export const prune = (a: Affine, extents: readonly number[]): Affine => ({
  base: a.base,
  terms: a.terms.filter((t) => extents[t.at] !== 1),
})

export const sameAffine = (a: Affine, b: Affine): boolean =>
  a.base === b.base &&
  a.terms.length === b.terms.length &&
  a.terms.every((t, i) => t.at === b.terms[i]!.at && t.by === b.terms[i]!.by)
