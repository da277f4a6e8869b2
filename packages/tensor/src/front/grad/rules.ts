import { Formula, traceFormula } from '../../scalar/formula.ts'
import { f32Value } from '../../scalar/pattern.ts'
import { type F, f32, index, select, type U, u32, usedArguments } from '../../scalar/trace.ts'
import { fold, foldFormula } from '../fold.ts'
import { dense, type Grid, view } from '../grid.ts'
import { mapFormula } from '../map.ts'
import { show, TraceError } from '../trace-error.ts'
import {
  type BlockedVertex,
  type ChainVertex,
  type Computed,
  type FoldVertex,
  type Kind,
  type Lookup,
  type ScanVertex,
  spaceOf,
  type Vertex,
} from '../vertex.ts'
import { expand, flip, pad, pick } from '../views.ts'
import { adjointOfRead, type Flow } from './adjoint.ts'

/** What a vertex sends to one of its sources, in that source's shape. */
export type Contribution = { readonly to: Vertex; readonly gradient: Grid<'f'> }
type Of<K extends Kind> = Extract<Computed, { readonly kind: K }>
type Rule<K extends Kind> = (
  vertex: Of<K>,
  upstream: Grid<'f'>,
  wanted: (l: Lookup) => boolean,
) => Contribution[]

/** The gradient of every kind of node; a kind without a rule does not compile. */
const RULES: { readonly [K in Kind]: Rule<K> } = {
  map: (vertex, upstream, wanted) =>
    toReads(vertex, wanted, (i) => ({
      formula: vertex.formula.pullback(i),
      upstream,
      reads: vertex.reads,
      guards: [],
    })),
  blocked: (vertex, upstream, wanted) => {
    if (isAdditive(vertex.step) && isAdditive(vertex.combine)) return additive(vertex, upstream, wanted)
    const value = extremeOf(vertex.step)
    if (value && extremeOf(vertex.combine)) return extreme(vertex, value, upstream, wanted)
    // One block is a chain.
    const points = vertex.box.reduce((n, e) => n * e, 1)
    if (points <= 256) return chained({ ...vertex, kind: 'chain' }, upstream, wanted)
    throw new TraceError(
      `gradient of ${vertex.label}`,
      `a blocked fold over ${points} points that is neither a sum nor a maximum; fold in chain order, or in runs of at most 256`,
    )
  },
  chain: (vertex, upstream, wanted) => {
    if (isAdditive(vertex.step)) {
      const initial = initialOf(vertex.init, vertex.shape, upstream, wanted, vertex.label)
      return [...additive(vertex, upstream, wanted), ...initial]
    }
    const value = extremeOf(vertex.step)
    if (value && typeof vertex.init === 'number') return extreme(vertex, value, upstream, wanted)
    return chained(vertex, upstream, wanted)
  },
  scan: (vertex, upstream, wanted) => {
    const axes = vertex.box.map((_, d) => vertex.shape.length - vertex.box.length + d)
    if (!isAdditive(vertex.step)) return recurrence(vertex, upstream, wanted)
    // Every accumulator from k on has term k: sum the upstream gradient backwards.
    const outer = vertex.shape.slice(0, axes[0])
    const backwards = flip(upstream, axes)
    const total = flip(
      fold({
        label: `gradient of ${vertex.label}`,
        shape: outer,
        box: vertex.box,
        register: 'f',
        order: 'scan',
        init: -0,
        reads: (out, k) => [backwards.at(...out, ...k)],
        step: (acc, g) => acc.add(g),
      }),
      axes,
    )
    const first = axes.reduceRight((g, axis) => pick(g, 0, axis), total)
    return [...additive(vertex, total, wanted), ...initialOf(vertex.init, outer, first, wanted, vertex.label)]
  },
}

export const contributionsOf = (
  vertex: Computed,
  upstream: Grid<'f'>,
  wanted: (l: Lookup) => boolean,
): Contribution[] => (RULES[vertex.kind] as Rule<Kind>)(vertex as never, upstream, wanted)

/** One contribution per wanted read that `flowOf` lets something flow to. */
const toReads = (
  vertex: Computed,
  wanted: (l: Lookup) => boolean,
  flowOf: (
    read: number,
  ) => Pick<Flow, 'upstream' | 'reads' | 'guards'> & { readonly formula: Formula | undefined },
): Contribution[] =>
  vertex.reads.flatMap((read, i) => {
    if (!wanted(read)) return []
    const { formula, ...rest } = flowOf(i)
    if (!formula) return []
    const gradient = adjointOfRead(read, { label: vertex.label, space: spaceOf(vertex), formula, ...rest })
    return gradient ? [{ to: read.source, gradient }] : []
  })

/** acc + t(reads): the upstream gradient reaches every term unchanged. */
const additive = (vertex: FoldVertex, upstream: Grid<'f'>, wanted: (l: Lookup) => boolean): Contribution[] =>
  toReads(vertex, wanted, (i) => {
    const back = vertex.step.pullback(i + 1)
    return {
      formula: back && withFirst(back, () => f32(0)),
      upstream,
      reads: vertex.reads,
      guards: vertex.guards,
    }
  })

/** A formula whose first argument has a value of its own. */
const withFirst = (formula: Formula, first: () => F): Formula =>
  traceFormula(formula.args.slice(1), (...values) => formula.on(first(), ...values))

/** Whether the step adds something to its accumulator: its derivative by the accumulator is the constant 1. */
const isAdditive = (step: Formula): boolean => {
  if (step.args[0] !== 'f') return false
  const slope = step.derivative(0)
  const last = slope.code[slope.result - slope.args.length]
  return last?.op === 'const_f' && f32Value(last.immediate) === 1
}

/** t, where the step keeps the greater or the lesser of its accumulator and t(reads); else undefined. */
const extremeOf = (step: Formula): Formula | undefined => {
  const n = step.args.length
  const choice = step.code[step.result - n]
  if (choice?.op !== 'select') return undefined
  const [test, a, b] = choice.args as [number, number, number]
  const comparison = step.code[test - n]
  if (comparison?.op !== 'flt' && comparison?.op !== 'fle') return undefined
  if (a === b || ![a, b].every((x) => comparison.args.includes(x))) return undefined
  if (a !== 0 && b !== 0) return undefined
  const value = new Formula({ ...step, result: a === 0 ? b : a })
  return usedArguments(value)[0] ? undefined : value
}

/** A maximum or minimum: the first point that attains it takes the gradient. */
const extreme = (
  vertex: BlockedVertex | ChainVertex,
  value: Formula,
  upstream: Grid<'f'>,
  wanted: (l: Lookup) => boolean,
): Contribution[] => {
  const { label, shape, box, reads, guards } = vertex
  const best = dense<'f'>(vertex).lookup
  const position = (): U => box.reduce((flat, e, d) => flat.mul(e).add(index(shape.length + d)), u32(0))
  const least = traceFormula(['u', 'u'], (a, b) => select(a.lt(b), a, b))
  const first = foldFormula<'u'>({
    label: `first place of ${label}`,
    dtype: 'u32',
    shape,
    box,
    reads: [...reads, best],
    guards,
    step: traceFormula(['u', ...value.args.slice(1), 'f'], (acc, ...values) => {
      const here = value.on(f32(0), ...values.slice(0, -1)) as F
      const place = select(here.eq(values.at(-1) as F), position(), u32(0xffffffff))
      return select((acc as U).lt(place), acc as U, place)
    }),
    order: 'blocked',
    init: 0xffffffff,
    combine: least,
  })
  return toReads(vertex, wanted, (i) => {
    const back = value.pullback(i + 1)
    const formula =
      back &&
      traceFormula([...value.args.slice(1), 'u', 'f'], (...values) => {
        const place = values.at(-2) as U
        const g = back.on(f32(0), ...values.slice(0, -2), values.at(-1)!) as F
        return select(place.eq(position()), g, f32(0))
      })
    return { formula, upstream, reads: [...reads, first.lookup], guards: [] }
  })
}

/** Gradient of an initial accumulator that is read. */
const initialOf = (
  init: number | Lookup,
  space: readonly number[],
  upstream: Grid<'f'>,
  wanted: (l: Lookup) => boolean,
  label: string,
): Contribution[] => {
  if (typeof init === 'number' || !wanted(init)) return []
  const formula = traceFormula(['f'], (g) => g)
  const gradient = adjointOfRead(init, { label, space, reads: [], upstream, formula, guards: [] })
  return gradient ? [{ to: init.source, gradient }] : []
}

/** A chain that is no sum: the last of a scan, whose accumulators the gradient needs. */
const chained = (
  vertex: ChainVertex,
  upstream: Grid<'f'>,
  wanted: (l: Lookup) => boolean,
): Contribution[] => {
  if (vertex.dtype !== 'f32') throw undifferentiable(vertex, `its dtype is ${vertex.dtype}, a scan's is f32`)
  if (vertex.box.length !== 1)
    throw undifferentiable(vertex, `its box ${show(vertex.box)} has not one dimension`)
  const length = vertex.box[0]!
  const scan = foldFormula<'f'>({ ...vertex, order: 'scan' })
  const last = pad(expand(upstream, -1), [...upstream.shape.map(() => [0, 0] as const), [length - 1, 0]])
  return recurrence(scan.lookup.source as ScanVertex, last, wanted)
}

/** a[k] = step(a[k-1], reads[k]): what reaches a[k] is upstream[k] + (what reaches a[k+1]) * (slope of step at k+1). */
const recurrence = (
  vertex: ScanVertex,
  upstream: Grid<'f'>,
  wanted: (l: Lookup) => boolean,
): Contribution[] => {
  const { box, guards, init, label, reads, step, shape } = vertex
  if (box.length !== 1) throw undifferentiable(vertex, `its box ${show(box)} has not one dimension`)
  if (guards.length > 0)
    throw undifferentiable(vertex, 'it has guards and is no sum: mask inside the step instead')
  if (typeof init !== 'number')
    throw undifferentiable(vertex, 'its initial accumulator is read and it is no sum')
  const axis = shape.length - 1
  const values = dense<'f'>(vertex)
  const before = view(shape, (...i) =>
    values.atPadded(f32Value(init), ...i.with(axis, i[axis]!.sub(1))),
  ).lookup
  const slope = mapFormula<'f'>(`slope of ${label}`, shape, [before, ...reads], step.derivative(0))
  const backwards = flip(upstream, [axis])
  const slopes = flip(slope, [axis])
  const total = flip(
    fold({
      label: `gradient of ${label}`,
      shape: shape.slice(0, -1),
      box,
      register: 'f',
      order: 'scan',
      init: 0,
      reads: (out, k) => [slopes.atPadded(0, ...out, k[0]!.sub(1)), backwards.at(...out, k[0]!)],
      step: (acc, d, g) => acc.fma(d, g),
    }),
    [axis],
  )
  return toReads(vertex, wanted, (i) => ({
    formula: step.pullback(i + 1),
    upstream: total,
    reads: [before, ...reads],
    guards: [],
  }))
}

const undifferentiable = (vertex: FoldVertex, why: string): TraceError =>
  new TraceError(
    `gradient of ${vertex.label}`,
    `this ${vertex.kind} fold of shape ${show(vertex.shape)}: ${why}`,
  )
