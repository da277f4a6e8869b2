import { LIMITS } from '../limits.ts'
import type { Affine, Coord, Guard, Node, Read, Ref, WordRead } from '../node.ts'
import * as affine from './affine.ts'
import { TraceError } from './trace-error.ts'
import {
  type Computed,
  isSource,
  type Lookup,
  spaceOf,
  type Vertex,
  type WithoutId,
  type WordLookup,
} from './vertex.ts'

/** Nodes for everything that `roots` need, in order of creation; equal nodes become one. */
export const lowerGraph = (roots: readonly Vertex[]): { nodes: Node[]; refOf: (v: Vertex) => Ref } => {
  const live = new Set<Vertex>()
  const visit = [...roots]
  for (let v = visit.pop(); v; v = visit.pop()) {
    if (live.has(v)) continue
    live.add(v)
    if (!isSource(v)) visit.push(...dependenciesOf(v))
  }
  const refs = new Map<Vertex, Ref>()
  const nodes: Node[] = []
  const known = new Map<string, number>()
  for (const v of [...live].sort((a, b) => a.id - b.id)) {
    if (isSource(v)) {
      refs.set(v, { from: v.kind, index: v.index })
      continue
    }
    const node = lowerVertex(v, refs)
    const key = JSON.stringify(node)
    const index = known.get(key) ?? nodes.length
    if (index === nodes.length) nodes.push(node)
    known.set(key, index)
    refs.set(v, { from: 'node', index })
  }
  if (nodes.length > LIMITS.nodes)
    throw new TraceError('traceProgram', `${nodes.length} nodes; a program has at most ${LIMITS.nodes}`)
  return { nodes, refOf: (v) => refs.get(v)! }
}

/** The vertices that a vertex reads, words and initial accumulators included. */
export const dependenciesOf = (v: WithoutId<Computed>): Vertex[] => {
  const words = (side: Affine | { word: WordLookup }) => ('word' in side ? [side.word.source] : [])
  const ofLookup = (l: Lookup) => [l.source, ...l.coords.flatMap(words)]
  return [
    ...v.reads.flatMap(ofLookup),
    ...(v.kind === 'map' ? [] : v.guards.flatMap((g) => [...words(g.left), ...words(g.right)])),
    ...((v.kind === 'chain' || v.kind === 'scan') && typeof v.init !== 'number' ? ofLookup(v.init) : []),
  ]
}

const lowerVertex = (v: Computed, refs: ReadonlyMap<Vertex, Ref>): Node => {
  const space = spaceOf(v)
  const reads = v.reads.map((r) => lowerRead(r, space, refs))
  const { dtype, shape } = v
  if (v.kind === 'map') return { kind: 'map', dtype, shape, reads, program: v.formula.lower() }
  const side = (s: Affine | { word: WordLookup }) =>
    'word' in s ? { word: lowerWord(s.word, space, refs) } : affine.prune(s, space)
  const guards = v.guards.map((g): Guard => ({ test: g.test, left: side(g.left), right: side(g.right) }))
  const common = { kind: 'fold', dtype, shape, box: v.box, reads, guards, step: v.step.lower() } as const
  if (v.kind === 'blocked')
    return { ...common, order: { kind: 'blocked', init: v.init, combine: v.combine.lower() } }
  const init = typeof v.init === 'number' ? v.init : lowerRead(v.init, space, refs)
  return { ...common, order: { kind: v.kind, init } }
}

const lowerWord = (w: WordLookup, space: readonly number[], refs: ReadonlyMap<Vertex, Ref>): WordRead => {
  const { view, coords } = simplify(w.view, w.coords, space)
  const dtype = w.source.dtype
  if (dtype !== 'u32' && dtype !== 'u8') throw new TraceError('at', `a word of dtype ${dtype}`)
  return { ref: refs.get(w.source)!, dtype, view, coords: coords as Affine[] }
}

const lowerRead = (l: Lookup, space: readonly number[], refs: ReadonlyMap<Vertex, Ref>): Read => {
  const { view, coords, leaves } = simplify(l.view, l.coords, space)
  return {
    ref: refs.get(l.source)!,
    dtype: l.source.dtype,
    view,
    coords: coords.map((c): Coord => ('word' in c ? { word: lowerWord(c.word, space, refs) } : c)),
    ...(l.pad !== undefined && leaves ? { pad: l.pad } : {}),
  }
}

/**
 * The same places under the shortest view: neighbouring view dimensions whose coordinates are always inside become
 * one, so that most reads are one affine form over a flat view. Short views are short to hash, check and referee.
 */
const simplify = <W>(
  view: readonly number[],
  coords: readonly (Affine | { word: W })[],
  space: readonly number[],
): { view: number[]; coords: (Affine | { word: W })[]; leaves: boolean } => {
  const extents: number[] = []
  const forms: (Affine | { word: W })[] = []
  let leaves = false
  let mergeable = false // whether the last kept dimension is affine and always inside
  view.forEach((extent, v) => {
    const c = coords[v]!
    if ('word' in c) {
      extents.push(extent)
      forms.push(c)
      mergeable = false
      return
    }
    const form = affine.prune(c, space)
    const [low, high] = affine.rangeOf(form, space)
    const inside = low >= 0 && high < extent
    if (!inside) leaves = true
    if (inside && extent === 1) return
    if (inside && mergeable) {
      const last = forms.length - 1
      extents[last] = extents[last]! * extent
      forms[last] = affine.sum(affine.scale(forms[last] as Affine, extent), form)
      return
    }
    extents.push(extent)
    forms.push(form)
    mergeable = inside
  })
  return { view: extents, coords: forms, leaves }
}
