import { DTYPES, type Dtype, type Register } from '../dtype.ts'
import type { Affine } from '../node.ts'
import { f32Bits } from '../scalar/pattern.ts'
import * as affine from './affine.ts'
import { copy } from './copy.ts'
import { formOf, type Index, indicesOf } from './index-form.ts'
import { show, TraceError } from './trace-error.ts'
import type { Lookup, Vertex, WordLookup } from './vertex.ts'

/**
 * A grid: a symbolic tensor of the program being traced. It is dense (all of a state tensor, an input or a node)
 * or a view: some other way to look up the same elements. Views cost nothing; they end as index maps in consumers.
 *
 * `R` is the register of its elements: a `Grid<'f'>` of numbers (f32, bf16, f16), a `Grid<'u'>` of words (u32, u8).
 */
export class Grid<R extends Register = Register> {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly lookup: Lookup // over the grid's own coordinates
  declare readonly register: R // a type only: which register loads give

  constructor(shape: readonly number[], lookup: Lookup) {
    this.shape = shape
    this.lookup = lookup
    this.dtype = lookup.source.dtype
  }

  get rank(): number {
    return this.shape.length
  }
  get size(): number {
    return this.shape.reduce((n, d) => n * d, 1)
  }

  /**
   * The element at these coordinates, one per dimension: for use in `view` and `fold`.
   * A coordinate is an index, a number, or an element of a grid of words: a gather, clamped to the last place.
   */
  at(...coords: readonly Coordinate[]): Element<R> {
    return lookUp(this, coords, undefined)
  }

  /** As `at`, but a coordinate outside the grid gives `pad` instead of being an error. */
  atPadded(pad: number, ...coords: readonly Coordinate[]): Element<R> {
    return lookUp(this, coords, DTYPES[this.dtype].register === 'f' ? f32Bits(pad) : pad >>> 0)
  }
}

/** One element of a grid for each point of an iteration space. */
export class Element<R extends Register = Register> {
  readonly lookup: Lookup
  readonly space: readonly number[] | undefined // unknown where every coordinate was a number
  declare readonly register: R
  constructor(lookup: Lookup, space: readonly number[] | undefined) {
    this.lookup = lookup
    this.space = space
  }
}

export type Coordinate = Index | number | Element<'u'>

/** All of a vertex, under its own shape or another one with as many elements. */
export const dense = <R extends Register = Register>(source: Vertex, shape = source.shape): Grid<R> =>
  new Grid(shape, { source, view: shape, coords: shape.map((_, d) => affine.coordinate(d)) })

/**
 * A view of this shape: what each of its coordinates looks up.
 *
 *   transpose of x: view([n, m], (i, j) => x.at(j, i))
 */
export const view = <R extends Register>(
  shape: readonly number[],
  look: (...i: Index[]) => Element<R>,
): Grid<R> => {
  checkShape('view', shape)
  return new Grid(shape, look(...indicesOf(shape)).lookup)
}

/** The same elements, through which no gradient flows. */
export const stopGradient = <R extends Register>(x: Grid<R>): Grid<R> =>
  new Grid(x.shape, { ...x.lookup, stopped: true })

/** Whether a grid is all of its source, in order; then any reshape of it is free. */
export const isDense = (x: Grid): boolean =>
  x.lookup.pad === undefined &&
  x.lookup.view.length === x.shape.length &&
  x.lookup.coords.every(
    (c, d) =>
      !('word' in c) &&
      x.lookup.view[d] === x.shape[d] &&
      affine.sameAffine(affine.prune(c, x.shape), affine.prune(affine.coordinate(d), x.shape)),
  )

/** All of its source in order, each dimension a view dimension of its own: if need be, of a copy made by a node. */
export const materialise = <R extends Register>(x: Grid<R>): Grid<R> => {
  if (!isDense(x)) return dense<R>(copy(x.shape, x.lookup))
  const whole = dense<R>(x.lookup.source, x.shape)
  return x.lookup.stopped ? stopGradient(whole) : whole
}

export const checkShape = (operation: string, shape: readonly number[]): void => {
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 1))
    throw new TraceError(operation, `shape ${show(shape)} has an extent that is not an integer of at least 1`)
}

const lookUp = <R extends Register>(
  grid: Grid<R>,
  coords: readonly Coordinate[],
  pad: number | undefined,
): Element<R> => {
  if (coords.length !== grid.rank)
    throw new TraceError(
      'at',
      `a grid of shape ${show(grid.shape)} takes ${grid.rank} coordinates, not ${coords.length}`,
    )
  const space = coords.map((c) => (typeof c === 'number' ? undefined : c.space)).find((s) => s !== undefined)
  const place = coords.map((c) => (c instanceof Element ? { word: wordLookup(c) } : formOf(c)))

  const outside = grid.shape.map((extent, d) => {
    const c = place[d]!
    if ('word' in c) return false
    const [low, high] = affine.rangeOf(c, space ?? [])
    if (low >= 0 && high < extent) return false
    if (pad === undefined)
      throw new TraceError(
        'at',
        `coordinate ${d} of a grid of shape ${show(grid.shape)} would run from ${low} to ${high}; slice it or use atPadded`,
      )
    return true
  })

  if (!canReplace(grid, place, outside, pad)) return lookUp(materialise(grid), coords, pad)
  const forms = place.map((c) => ('word' in c ? affine.constant(0) : c))
  const inner = grid.lookup
  const composed = inner.coords.map((c) => {
    if ('word' in c)
      return { word: { ...c.word, coords: c.word.coords.map((a) => affine.substitute(a, forms)) } }
    const only = c.terms.length === 1 ? place[c.terms[0]!.at]! : undefined
    if (only && 'word' in only) return only
    return affine.substitute(c, forms)
  })
  const padding = inner.pad ?? (outside.includes(true) ? pad : undefined)
  const lookup: Lookup = {
    source: inner.source,
    view: inner.view,
    coords: composed,
    ...(padding === undefined ? {} : { pad: padding }),
    ...(inner.stopped ? { stopped: true } : {}),
  }
  return new Element<R>(lookup, space)
}

/** Whether a grid's own lookup can take these coordinates; if not, the grid is copied first. */
const canReplace = (
  grid: Grid,
  place: readonly (Affine | { word: WordLookup })[],
  outside: readonly boolean[],
  pad: number | undefined,
): boolean => {
  const { coords, view, pad: inner } = grid.lookup
  const own = coords.find((c) => 'word' in c)
  const words = place.flatMap((c, d) => ('word' in c ? [d] : []))
  if (words.length > 1)
    throw new TraceError(
      'at',
      `${words.length} coordinates are words; one lookup can have one: gather in two steps`,
    )
  if (words.length === 1) {
    // A word may stand only where the grid's dimension is the whole of one view dimension: then its clamp is the same.
    const d = words[0]!
    const users = coords.flatMap((c, v) => (!('word' in c) && c.terms.some((t) => t.at === d) ? [v] : []))
    const c = coords[users[0] ?? 0]
    if (own || users.length !== 1 || !c || 'word' in c || !affine.sameAffine(c, affine.coordinate(d)))
      return false
    if (view[users[0]!] !== grid.shape[d]) return false
  }
  if (!outside.includes(true)) return true
  if (inner !== undefined && inner !== pad) return false
  // Outside of the grid must mean outside of the view, in every dimension that may be outside.
  return outside.every((leaves, d) => {
    if (!leaves) return true
    if (own && 'word' in own && own.word.coords.some((a) => a.terms.some((t) => t.at === d))) return false
    return coords.some((c, v) => {
      if ('word' in c || c.terms.length !== 1 || c.terms[0]!.at !== d) return false
      const { by } = c.terms[0]!
      const before = c.base - by
      const after = c.base + by * grid.shape[d]!
      return by > 0 ? before < 0 && after >= view[v]! : before >= view[v]! && after < 0
    })
  })
}

/** A word as a coordinate or bound: itself read at affine coordinates without padding, so that it can be checked. */
export const wordLookup = (element: Element<'u'>): WordLookup => {
  const { source, view, coords, pad } = element.lookup
  if (source.dtype !== 'u32' && source.dtype !== 'u8')
    throw new TraceError('at', `a word must come from a grid of u32 or u8, not ${source.dtype}`)
  const affineCoords = coords.filter((c): c is Affine => !('word' in c))
  if (pad !== undefined || affineCoords.length !== coords.length)
    throw new TraceError(
      'at',
      'a word must not be padded or gathered itself: materialise the grid of words first',
    )
  return { source, view, coords: affineCoords }
}
