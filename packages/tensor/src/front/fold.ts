import { DTYPES, type Dtype, type Register } from '../dtype.ts'
import { LIMITS } from '../limits.ts'
import type { Affine } from '../node.ts'
import { type Formula, traceFormula } from '../scalar/formula.ts'
import { f32Bits } from '../scalar/pattern.ts'
import { type F, registerOf, type U, type ValueOf } from '../scalar/trace.ts'
import { addVertex } from './graph.ts'
import { checkShape, dense, Element, type Grid, wordLookup } from './grid.ts'
import { formOf, type Index, indicesOf } from './index-form.ts'
import { TraceError } from './trace-error.ts'
import type { BlockedVertex, ChainVertex, GuardLookup, Lookup, ScanVertex, WordLookup } from './vertex.ts'

type Side = Index | number | Element<'u'>
/** The step runs only where every guard holds; elsewhere the accumulator keeps its bits. */
export type Condition = { readonly test: 'lt' | 'eq'; readonly left: Side; readonly right: Side }
export const lessThan = (left: Side, right: Side): Condition => ({ test: 'lt', left, right })
export const equals = (left: Side, right: Side): Condition => ({ test: 'eq', left, right })

type ElementValues<E extends readonly Element[]> = {
  [K in keyof E]: E[K] extends Element<infer R> ? ValueOf<R> : never
}
export type FoldSpec<R extends Register, E extends readonly Element[]> = {
  readonly shape: readonly number[] // of the outer coordinates; a scan's result has the box after them
  readonly box: readonly number[] // folded in lexicographic order, last coordinate fastest
  readonly reads: (out: readonly Index[], k: readonly Index[]) => readonly [...E]
  readonly guards?: (out: readonly Index[], k: readonly Index[]) => readonly Condition[]
  readonly register: R // of the accumulator
  readonly step: (accumulator: ValueOf<R>, ...values: ElementValues<E>) => ValueOf<R>
  readonly dtype?: Dtype // of the result; f32 or u32 if absent
  readonly label?: string
} & (
  | {
      readonly order: 'blocked' // runs of 256, whose results are combined the same way
      readonly init: number // sums of numbers start at -0, maxima at -Infinity
      readonly combine: (accumulator: ValueOf<R>, block: ValueOf<R>) => ValueOf<R>
    }
  | {
      readonly order: 'chain' | 'scan' // uncut; a scan keeps every accumulator
      readonly init: number | ((out: readonly Index[]) => Element<R>)
    }
)

/**
 * The other primitive: an ordered fold. A matrix product of a (M, K) and b (K, N):
 *
 *   fold({ shape: [M, N], box: [K], register: 'f', order: 'blocked', init: -0,
 *     reads: ([m, n], [k]) => [a.at(m, k), b.at(k, n)],
 *     step: (acc, x, y) => x.fma(y, acc), combine: (acc, x) => acc.add(x) })
 */
export const fold = <R extends Register, const E extends readonly Element[]>(
  spec: FoldSpec<R, E>,
): Grid<R> => {
  const { register, shape, box, order } = spec
  const space = indicesOf([...shape, ...box])
  const out = space.slice(0, shape.length)
  const k = space.slice(shape.length)
  const reads = spec.reads(out, k)
  const step = traceFormula(
    [register, ...reads.map((e) => DTYPES[e.lookup.source.dtype].register)],
    spec.step as unknown as (...values: (F | U)[]) => F | U,
  )
  const constantOf = (x: number): number => (register === 'f' ? f32Bits(x) : x >>> 0)
  const common: FoldParts = {
    label: spec.label ?? 'fold',
    dtype: spec.dtype ?? (register === 'f' ? 'f32' : 'u32'),
    shape,
    box,
    reads: reads.map((e) => e.lookup),
    guards: (spec.guards?.(out, k) ?? []).map(guardLookup),
    step,
  }
  if (order === 'blocked')
    return foldFormula({
      ...common,
      order,
      init: constantOf(spec.init),
      combine: traceFormula([register, register], spec.combine as unknown as (...values: (F | U)[]) => F | U),
    })
  const { init } = spec
  return foldFormula({
    ...common,
    order,
    init: typeof init === 'number' ? constantOf(init) : init(indicesOf(shape)).lookup,
  })
}

type FoldParts = {
  readonly label: string
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly box: readonly number[]
  readonly reads: readonly Lookup[]
  readonly guards: readonly GuardLookup[]
  readonly step: Formula
}
type FoldOrder =
  | { readonly order: 'blocked'; readonly init: number; readonly combine: Formula }
  | { readonly order: 'chain' | 'scan'; readonly init: number | Lookup }

/** The same with lookups and formulas already made. `shape` has the outer coordinates only, for a scan too. */
export const foldFormula = <R extends Register>(parts: FoldParts & FoldOrder): Grid<R> => {
  const { label, dtype, shape, box, reads, guards, step } = parts
  checkShape(label, shape)
  if (reads.length > LIMITS.reads)
    throw new TraceError(
      label,
      `${reads.length} reads; a fold has at most ${LIMITS.reads}: prepare some with a map`,
    )
  if (guards.length > LIMITS.guards)
    throw new TraceError(
      label,
      `${guards.length} guards; a fold has at most ${LIMITS.guards}: mask with a map instead`,
    )
  if (box.length > LIMITS.boxRank)
    throw new TraceError(
      label,
      `a box of rank ${box.length}; at most ${LIMITS.boxRank}: merge dimensions first`,
    )
  if (DTYPES[dtype].register !== registerOf(step, step.result))
    throw new TraceError(
      label,
      `the step gives register ${registerOf(step, step.result)}, which ${dtype} cannot hold`,
    )
  const common = { label, dtype, box, reads, guards, step }
  if (parts.order === 'blocked')
    return dense<R>(
      addVertex<BlockedVertex>({
        ...common,
        kind: 'blocked',
        shape,
        init: parts.init,
        combine: parts.combine,
      }),
    )
  if (parts.order === 'chain')
    return dense<R>(addVertex<ChainVertex>({ ...common, kind: 'chain', shape, init: parts.init }))
  return dense<R>(
    addVertex<ScanVertex>({ ...common, kind: 'scan', shape: [...shape, ...box], init: parts.init }),
  )
}

const guardLookup = (g: Condition): GuardLookup => ({
  test: g.test,
  left: sideOf(g.left),
  right: sideOf(g.right),
})
const sideOf = (s: Side): Affine | { readonly word: WordLookup } =>
  s instanceof Element ? { word: wordLookup(s) } : formOf(s)
