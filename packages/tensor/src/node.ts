import type { Dtype } from './dtype.ts'
import type { ScalarProgram } from './scalar/scalar-program.ts'

/** Where a tensor comes from: an earlier node of the same step, a state tensor as the step found it, or an input. */
export type Ref = { readonly from: 'node' | 'state' | 'input'; readonly index: number }

/**
 * An affine form over the iteration space: base + sum of by * index[at].
 * The iteration space is the node's output coordinates followed by the fold's k coordinates.
 * Canonical: terms ascend in `at`, no `by` is 0. All are signed integers of 32 bits.
 */
export type Affine = {
  readonly base: number
  readonly terms: readonly { readonly at: number; readonly by: number }[]
}

/** One word (dtype u32 or u8) read at an affine position: a gather index or the bound of a guard. */
export type WordRead = {
  readonly ref: Ref
  readonly dtype: 'u32' | 'u8'
  readonly view: readonly number[]
  readonly coords: readonly Affine[]
}

/**
 * How one input is read at one point of the iteration space.
 * `view` is the shape under which the dense row-major source is addressed (same element count as the source);
 * each coordinate is affine, or, for at most one of them, min(word, view[d] - 1).
 * With `pad` a coordinate outside the view gives that constant instead of an element.
 */
export type Read = {
  readonly ref: Ref
  readonly dtype: Dtype
  readonly view: readonly number[]
  readonly coords: readonly Coord[]
  readonly pad?: number // 32-bit pattern in the register type of dtype; absent: every coordinate is in bounds
}
export type Coord = Affine | { readonly word: WordRead }

export const isWordCoord = (c: Coord): c is { readonly word: WordRead } => 'word' in c

/** `left < right` or `left == right` over wide integers; a fold's step runs only where all its guards hold. */
export type Guard = { readonly test: 'lt' | 'eq'; readonly left: Bound; readonly right: Bound }
export type Bound = Affine | { readonly word: WordRead }

/** One scalar program per output element. Program arguments: one per read, in order. */
export type MapNode = {
  readonly kind: 'map'
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly reads: readonly Read[]
  readonly program: ScalarProgram
}

/**
 * An ordered fold over the box k, lexicographic, last coordinate fastest.
 * `step` arguments: the accumulator, then one per read. `combine` arguments: accumulator, block result.
 * The accumulator's register is step's result register; the final accumulator is stored as `dtype`.
 */
export type FoldNode = {
  readonly kind: 'fold'
  readonly dtype: Dtype
  readonly shape: readonly number[] // for a scan: the outer coordinates followed by the box
  readonly box: readonly number[]
  readonly reads: readonly Read[]
  readonly guards: readonly Guard[]
  readonly step: ScalarProgram
  readonly order:
    | { readonly kind: 'blocked'; readonly init: number; readonly combine: ScalarProgram }
    | { readonly kind: 'chain' | 'scan'; readonly init: number | Read } // a Read has only output coordinates
}

export type Node = MapNode | FoldNode

/** How many elements a block of a blocked fold has: part of the fold's meaning. */
export const BLOCK = 256
