import { DTYPES } from '../../dtype.ts'
import { traceFormula } from '../../scalar/formula.ts'
import { type F, select, type U, u32 } from '../../scalar/trace.ts'
import * as affine from '../affine.ts'
import { addVertex, type Region } from '../graph.ts'
import { Grid } from '../grid.ts'
import { dependenciesOf } from '../lower.ts'
import {
  type Computed,
  isSource,
  type Lookup,
  type MapVertex,
  type Vertex,
  type WordLookup,
} from '../vertex.ts'

export type Backward = {
  /** Recomputed regions of the forward pass. */
  readonly regions: readonly Region[]
  /** What the loss was computed from. */
  readonly forward: readonly Vertex[]
  /** The first vertex of the backward pass; all later ones are its. */
  readonly begin: number
  /** The whole gradient of a vertex, where one arrived. */
  readonly arrived: ReadonlyMap<Vertex, Grid<'f'>>
}

/**
 * The same gradients, in whose computation no inner value of a region is read: where the backward pass read one, it is
 * computed again, from what the region was entered with. That is taken through a copy which also reads the gradient that
 * arrives at the region's end. So the second computation cannot be taken for the first by whatever merges equal nodes,
 * and cannot run before the backward pass has come to it.
 */
export const recomputing = (gradients: readonly Grid<'f'>[], backward: Backward): Grid<'f'>[] => {
  const { begin, forward } = backward
  const regions = backward.regions.filter((r) => forward.some((v) => inside(v, r)))
  if (regions.length === 0) return [...gradients]
  const kept = keptOf(backward, regions)
  const regionOf = (v: Vertex): Region | undefined =>
    kept.has(v) ? undefined : regions.find((r) => inside(v, r))

  const entries = new Map<Region, Map<Vertex, Vertex>>(regions.map((r) => [r, new Map()]))
  const entered = (v: Vertex, region: Region): Vertex => {
    const known = entries.get(region)!.get(v)
    if (known) return known
    const latest = forward.findLast((one) => inside(one, region) && backward.arrived.has(one))
    const made = latest ? gate(v, moved(backward.arrived.get(latest)!.lookup.source)) : v
    entries.get(region)!.set(v, made)
    return made
  }
  const again = new Map<Vertex, Vertex>()
  /** An inner value of a region, computed again. */
  const recomputed = (v: Computed, region: Region): Vertex => {
    const known = again.get(v)
    if (known) return known
    const made = withSources(v, (s) => {
      if (region.entries.includes(s)) return entered(s, region)
      return !isSource(s) && regionOf(s) === region ? recomputed(s, region) : s
    })
    again.set(v, made)
    return made
  }
  const rebuilt = new Map<Vertex, Vertex>()
  /** What stands for a vertex in the backward pass. */
  const moved = (v: Vertex): Vertex => {
    if (isSource(v)) return v
    if (v.id < begin) {
      const region = regionOf(v)
      return region ? recomputed(v, region) : v
    }
    const known = rebuilt.get(v)
    if (known) return known
    const made = withSources(v, moved)
    rebuilt.set(v, made)
    return made
  }
  // In the order in which they were made, so that values are computed again just before they are needed.
  const sources = gradients.map((g) => g.lookup.source)
  for (const v of laterThan(begin, sources)) moved(v)
  return gradients.map((g) => new Grid<'f'>(g.shape, movedLookup(g.lookup, moved)))
}

const inside = (v: Vertex, { from, to }: Region): boolean => v.id >= from && v.id < to

/** Values of regions that outlive them: read by what follows in the forward pass. */
const keptOf = ({ forward }: Backward, regions: readonly Region[]): ReadonlySet<Vertex> => {
  const kept = new Set<Vertex>([forward.at(-1)!])
  for (const v of forward)
    if (!isSource(v))
      for (const d of dependenciesOf(v)) if (regions.some((r) => inside(d, r) && !inside(v, r))) kept.add(d)
  return kept
}

/** Every vertex from `begin` on that some vertices need, in order. */
const laterThan = (begin: number, roots: readonly Vertex[]): Vertex[] => {
  const seen = new Set<Vertex>()
  const visit = [...roots]
  for (let v = visit.pop(); v; v = visit.pop()) {
    if (v.id < begin || seen.has(v) || isSource(v)) continue
    seen.add(v)
    visit.push(...dependenciesOf(v))
  }
  return [...seen].sort((a, b) => a.id - b.id)
}

/** All of a vertex, bit for bit, but not before the first element of another one is there. */
const gate = (v: Vertex, after: Vertex): Vertex => {
  const { dtype, shape } = v
  const all = { source: v, view: shape, coords: shape.map((_, d) => affine.coordinate(d)) }
  const first = { source: after, view: after.shape, coords: after.shape.map(() => affine.constant(0)) }
  const register = DTYPES[dtype].register
  const formula = traceFormula([register, 'f'], (a, g) =>
    register === 'f' ? select(u32(1), a as F, g as F) : select(u32(1), a as U, (g as F).bits()),
  )
  return addVertex<MapVertex>({ kind: 'map', label: 'gate', dtype, shape, reads: [all, first], formula })
}

/** The same computation on other vertices; the same vertex where they are no others. */
const withSources = (v: Computed, of: (source: Vertex) => Vertex): Computed => {
  if (dependenciesOf(v).every((s) => of(s) === s)) return v
  const { id: _, pullback: __, ...rest } = v
  const reads = v.reads.map((r) => movedLookup(r, of))
  if (rest.kind === 'map') return addVertex<MapVertex>({ ...rest, reads })
  const side = (s: (typeof rest.guards)[number]['left']) =>
    'word' in s ? { word: movedWord(s.word, of) } : s
  const guards = rest.guards.map((g) => ({ test: g.test, left: side(g.left), right: side(g.right) }))
  if (rest.kind === 'blocked') return addVertex({ ...rest, reads, guards })
  const init = typeof rest.init === 'number' ? rest.init : movedLookup(rest.init, of)
  return addVertex({ ...rest, reads, guards, init })
}

const movedLookup = (l: Lookup, of: (source: Vertex) => Vertex): Lookup => ({
  ...l,
  source: of(l.source),
  coords: l.coords.map((c) => ('word' in c ? { word: movedWord(c.word, of) } : c)),
})

const movedWord = (w: WordLookup, of: (source: Vertex) => Vertex): WordLookup => ({
  ...w,
  source: of(w.source),
})
