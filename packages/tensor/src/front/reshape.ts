import type { Register } from '../dtype.ts'
import type { Affine } from '../node.ts'
import * as affine from './affine.ts'
import { checkShape, dense, Grid, isDense, materialise } from './grid.ts'
import { show, TraceError } from './trace-error.ts'
import type { Lookup } from './vertex.ts'

/**
 * The same elements in row-major order under another shape; one extent may be -1. Free for dense grids and wherever
 * the lookup can express it (all splits, many merges); else one node copies.
 */
export const reshape = <R extends Register>(x: Grid<R>, shape: readonly number[]): Grid<R> => {
  const to = inferExtent(x, shape)
  if (isDense(x)) return new Grid(to, { ...dense(x.lookup.source, to).lookup, ...stoppedLike(x.lookup) })
  // Merge everything that must merge, then split: a split is always affine.
  const groups = commonGroups(x.shape, to)
  let lookup: Lookup | undefined = x.lookup
  const extents = [...x.shape]
  // Groups from the last to the first, so that positions before stay valid.
  for (const g of groups.toReversed()) {
    for (let last = g.fromEnd - 1; last > g.from && lookup; last--) {
      lookup = mergeDimensions(lookup, last - 1, extents)
      extents.splice(last - 1, 2, extents[last - 1]! * extents[last]!)
    }
    if (!lookup) return reshape(materialise(x), to)
    lookup = splitDimension(lookup, g.from, g.fromEnd > g.from, to.slice(g.to, g.toEnd))
    extents.splice(g.from, g.fromEnd > g.from ? 1 : 0, ...to.slice(g.to, g.toEnd))
  }
  return new Grid<R>(to, lookup)
}

/** Dimensions [first, last] become one. */
export const merge = <R extends Register>(x: Grid<R>, first: number, last: number): Grid<R> =>
  reshape(x, [
    ...x.shape.slice(0, first),
    x.shape.slice(first, last + 1).reduce((n, e) => n * e, 1),
    ...x.shape.slice(last + 1),
  ])

const stoppedLike = (lookup: Lookup): { stopped?: true } => (lookup.stopped ? { stopped: true } : {})

const inferExtent = (x: Grid, shape: readonly number[]): readonly number[] => {
  const known = shape.reduce((n, e) => (e === -1 ? n : n * e), 1)
  const to = shape.map((e) => (e === -1 ? x.size / known : e))
  checkShape('reshape', to)
  if (to.reduce((n, e) => n * e, 1) !== x.size)
    throw new TraceError(
      'reshape',
      `shape ${show(x.shape)} has ${x.size} elements, ${show(shape)} cannot hold them`,
    )
  return to
}

type Group = { readonly from: number; readonly fromEnd: number; readonly to: number; readonly toEnd: number }
/** The finest cut of both shapes into runs of dimensions with equal products. */
const commonGroups = (a: readonly number[], b: readonly number[]): Group[] => {
  const groups: Group[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const from = i
    const to = j
    let p = i < a.length ? a[i++]! : 1
    let q = j < b.length ? b[j++]! : 1
    while (p !== q) {
      if (p < q) p *= a[i++]!
      else q *= b[j++]!
    }
    groups.push({ from, fromEnd: i, to, toEnd: j })
  }
  return groups
}

/** Grid dimensions d and d + 1 as one, or undefined where no lookup says it. */
const mergeDimensions = (lookup: Lookup, d: number, extents: readonly number[]): Lookup | undefined => {
  const inner = extents[d + 1]!
  const byOf = (a: Affine, at: number) => a.terms.find((t) => t.at === at)?.by ?? 0
  const uses = (c: Lookup['coords'][number]) =>
    ('word' in c ? c.word.coords : [c]).some(
      (a) => (byOf(a, d) && extents[d] !== 1) || (byOf(a, d + 1) && inner !== 1),
    )
  // One form that moves evenly over both: by[d] = by[d + 1] * inner.
  const even = (a: Affine): Affine | undefined => {
    const outerBy = byOf(a, d)
    const innerBy = byOf(a, d + 1)
    const by = inner === 1 ? outerBy : innerBy
    if (inner !== 1 && extents[d] !== 1 && outerBy !== innerBy * inner) return undefined
    return renumber(a, (at) => (at <= d ? at : at - 1), [d, d + 1], by === 0 ? [] : [{ at: d, by }])
  }
  const view = [...lookup.view]
  const coords: Lookup['coords'][number][] = []
  for (let v = 0; v < lookup.coords.length; v++) {
    const c = lookup.coords[v]!
    if (!uses(c)) {
      coords.push(withoutDimension(c, d))
      continue
    }
    if ('word' in c) {
      const merged = c.word.coords.map(even)
      if (merged.some((a) => a === undefined)) return undefined
      coords.push({ word: { ...c.word, coords: merged as Affine[] } })
      continue
    }
    const merged = even(c)
    if (merged) {
      coords.push(merged)
      continue
    }
    // The outer dimension here and exactly the inner one in the next view dimension: those merge too.
    const next = lookup.coords[v + 1]
    const whole =
      next !== undefined &&
      !('word' in next) &&
      lookup.view[v + 1] === inner &&
      byOf(c, d + 1) === 0 &&
      affine.sameAffine(next, affine.coordinate(d + 1))
    if (!whole) return undefined
    const outer = affine.scale(c, inner)
    const by = byOf(c, d)
    if (by !== 1) return undefined
    coords.push(renumber(outer, (at) => (at <= d ? at : at - 1), [d], [{ at: d, by: 1 }]))
    view.splice(coords.length - 1, 2, lookup.view[v]! * inner)
    v++
  }
  return { ...lookup, view, coords }
}

const renumber = (
  a: Affine,
  place: (at: number) => number,
  drop: readonly number[],
  extra: Affine['terms'],
): Affine =>
  affine.sum(
    {
      base: a.base,
      terms: a.terms.filter((t) => !drop.includes(t.at)).map((t) => ({ at: place(t.at), by: t.by })),
    },
    { base: 0, terms: extra },
  )

/** A coordinate that uses neither d nor d + 1, after those became one. */
const withoutDimension = (c: Lookup['coords'][number], d: number): Lookup['coords'][number] => {
  const move = (a: Affine) => renumber(a, (at) => (at <= d ? at : at - 1), [d, d + 1], [])
  return 'word' in c ? { word: { ...c.word, coords: c.word.coords.map(move) } } : move(c)
}

/** Grid dimension d becomes these; if `present` is false they are new and all 1. */
const splitDimension = (lookup: Lookup, d: number, present: boolean, into: readonly number[]): Lookup => {
  const shift = into.length - (present ? 1 : 0)
  const move = (a: Affine): Affine => {
    const rest = a.terms
      .filter((t) => !(present && t.at === d))
      .map((t) => ({ at: t.at >= d + (present ? 1 : 0) ? t.at + shift : t.at, by: t.by }))
    let by = present ? (a.terms.find((t) => t.at === d)?.by ?? 0) : 0
    const parts: { at: number; by: number }[] = []
    for (let i = into.length - 1; i >= 0 && by !== 0; i--) {
      parts.push({ at: d + i, by })
      by *= into[i]!
    }
    return affine.sum({ base: a.base, terms: rest }, { base: 0, terms: parts })
  }
  return {
    ...lookup,
    coords: lookup.coords.map((c) =>
      'word' in c ? { word: { ...c.word, coords: c.word.coords.map(move) } } : move(c),
    ),
  }
}
