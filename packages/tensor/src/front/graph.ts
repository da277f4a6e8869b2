import type { Dtype } from '../dtype.ts'
import { dependenciesOf } from './lower.ts'
import { TraceError } from './trace-error.ts'
import type { Computed, Lookup, Pullback, Source, Vertex, WithoutId, WordLookup } from './vertex.ts'

/** Vertices with ids in [from, to), made by one recomputed function, and what it was entered with. */
export type Region = { readonly from: number; readonly to: number; readonly entries: readonly Vertex[] }

/** The program being traced: every vertex made so far, equal ones made once. */
class Graph {
  readonly vertices: Vertex[] = []
  readonly regions: Region[] = []
  isWithinRegion = false
  narrowing: { readonly dtype: Dtype; readonly from: Set<Vertex> } | undefined
  readonly #known = new Map<string, Vertex>()

  add<V extends Vertex>(make: (id: number) => V): V {
    const made = make(this.vertices.length)
    this.vertices.push(made)
    return made
  }

  intern<V extends Vertex>(key: string, make: (id: number) => V): V {
    const known = this.#known.get(key)
    if (known) return known as V
    const made = this.add(make)
    this.#known.set(key, made)
    return made
  }
}

let current: Graph | undefined
const graph = (): Graph => {
  if (!current) throw new TraceError('trace', 'grids exist only inside the function given to traceProgram')
  return current
}

export const withGraph = <T>(fn: () => T): T => {
  const outer = current
  current = new Graph()
  try {
    return fn()
  } finally {
    current = outer
  }
}

/** Calls a function and notes what it made as a region; within a region it is called, no more. */
export const entering = <T>(entries: readonly Vertex[], fn: () => T): T => {
  const g = graph()
  if (g.isWithinRegion) return fn()
  const from = g.vertices.length
  g.isWithinRegion = true
  try {
    return fn()
  } finally {
    g.isWithinRegion = false
    g.regions.push({ from, to: g.vertices.length, entries })
  }
}

export const regionsSoFar = (): readonly Region[] => graph().regions
/** The id of the next vertex. */
export const nextId = (): number => graph().vertices.length

export const addSource = (source: WithoutId<Source>): Source =>
  graph().intern(`${source.kind} ${source.index}`, (id) => ({ ...source, id }))

/** Calls a function and narrows what it computes from some vertices: see `storingActivations`. */
export const storing = <T>(dtype: Dtype, from: readonly Vertex[], fn: () => T): T => {
  const g = graph()
  const outer = g.narrowing
  g.narrowing = { dtype, from: new Set(from) }
  try {
    return fn()
  } finally {
    g.narrowing = outer
  }
}

const isActivation = (v: WithoutId<Computed>): boolean => {
  if (v.dtype !== 'f32' || v.shape.length < 2 || v.shape.at(-1)! < 2) return false
  if (v.kind === 'map') return true
  return v.kind === 'blocked' && v.step.code.length === 1 && v.step.code[0]!.op === 'fma'
}

/** Makes a vertex, or finds the equal one made before. */
export const addVertex = <V extends Computed>(vertex: WithoutId<V>): V => {
  const { narrowing } = graph()
  if (!narrowing) return intern(vertex)
  const isFrom = dependenciesOf(vertex as WithoutId<Computed>).some((d) => narrowing.from.has(d))
  const narrow = isFrom && isActivation(vertex as WithoutId<Computed>)
  const made = intern<V>(narrow ? { ...vertex, dtype: narrowing.dtype } : vertex)
  if (isFrom) narrowing.from.add(made)
  return made
}

const intern = <V extends Computed>(vertex: WithoutId<V>): V =>
  graph().intern(keyOf(vertex as WithoutId<Computed>), (id) => ({ ...vertex, id }) as unknown as V)

/** The same vertex with a gradient of its own; lowering makes one node of both. */
export const addTwin = (vertex: Computed, pullback: Pullback): Computed => {
  const g = graph()
  const twin = g.add((id) => ({ ...vertex, id, pullback }))
  if (g.narrowing?.from.has(vertex)) g.narrowing.from.add(twin)
  return twin
}

/** Two vertices with one key are the same node. Labels are not part of it. */
const keyOf = (vertex: WithoutId<Computed>): string => {
  const { label, ...rest } = vertex
  return JSON.stringify(rest, (_, value) => {
    if (value && typeof value === 'object') {
      if ('lower' in value) return value.lower() // a formula is what it lowers to
      if ('source' in value) return { ...value, source: (value as Lookup | WordLookup).source.id }
    }
    return value
  })
}
