import type { Dtype } from '../dtype.ts'
import type { Affine } from '../node.ts'
import type { Formula } from '../scalar/formula.ts'
import type { Grid } from './grid.ts'

/**
 * The graph that tracing builds: like a program's nodes, but sources are pointers and scalar programs are still
 * formulas, so that gradients can be derived. `id` ascends in order of creation, which is an order of evaluation.
 */
export type Vertex = Source | Computed
export type Source = {
  readonly id: number
  readonly kind: 'state' | 'input'
  readonly index: number
  readonly name: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
}

type Common = {
  readonly id: number
  readonly label: string // which operation made it, for error messages
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly reads: readonly Lookup[]
  readonly pullback?: Pullback // instead of the kind's own gradient
}
/** What an upstream gradient, of the vertex's shape, becomes for some grids that the vertex was computed from. */
export type Pullback = (
  upstream: Grid<'f'>,
) => readonly { readonly of: Grid<'f'>; readonly gradient: Grid<'f'> }[]
export type MapVertex = Common & { readonly kind: 'map'; readonly formula: Formula }
type Folding = Common & {
  readonly box: readonly number[]
  readonly guards: readonly GuardLookup[]
  readonly step: Formula // (accumulator, one value per read) -> accumulator
}
export type BlockedVertex = Folding & {
  readonly kind: 'blocked'
  readonly init: number
  readonly combine: Formula
}
export type ChainVertex = Folding & { readonly kind: 'chain'; readonly init: number | Lookup }
/** `shape` ends with the box: the accumulator after every k. */
export type ScanVertex = Folding & { readonly kind: 'scan'; readonly init: number | Lookup }
export type FoldVertex = BlockedVertex | ChainVertex | ScanVertex
export type Computed = MapVertex | FoldVertex
export type Kind = Computed['kind']
/** A vertex that is not made yet. */
export type WithoutId<V> = V extends unknown ? Omit<V, 'id'> : never

/** One element of a vertex for each point of an iteration space: a `Read` whose source is a vertex. */
export type Lookup = {
  readonly source: Vertex
  readonly view: readonly number[]
  readonly coords: readonly (Affine | { readonly word: WordLookup })[]
  readonly pad?: number // pattern; coordinates may then be outside the view
  readonly stopped?: boolean // gradients do not flow through
}
export type WordLookup = {
  readonly source: Vertex
  readonly view: readonly number[]
  readonly coords: readonly Affine[]
}
export type GuardLookup = {
  readonly test: 'lt' | 'eq'
  readonly left: Affine | { readonly word: WordLookup }
  readonly right: Affine | { readonly word: WordLookup }
}

/** The extents of a vertex's iteration space. */
export const spaceOf = (v: Computed): readonly number[] =>
  v.kind === 'map' || v.kind === 'scan' ? v.shape : [...v.shape, ...v.box]

export const isSource = (v: Vertex): v is Source => v.kind === 'state' || v.kind === 'input'
