import type { Register } from '../../dtype.ts'
import { LIMITS } from '../../limits.ts'
import type { Affine } from '../../node.ts'
import { Formula, traceFormula } from '../../scalar/formula.ts'
import { type F, f32, index, select, type U, u32, usedArguments } from '../../scalar/trace.ts'
import * as affine from '../affine.ts'
import { foldFormula } from '../fold.ts'
import { Grid } from '../grid.ts'
import { Index } from '../index-form.ts'
import { mapFormula } from '../map.ts'
import { reshape } from '../reshape.ts'
import { substituteGuard, substituteIndices, substituteLookup, usesCoordinate } from '../substitute.ts'
import type { GuardLookup, Lookup } from '../vertex.ts'
import { pad } from '../views.ts'
import { invertRead, type Part } from './inverse.ts'

/**
 * What flows back at each point of a node's iteration space: `formula` of the node's reads and then of the upstream
 * gradient, where the guards hold. It must be linear in the upstream gradient.
 */
export type Flow = {
  readonly label: string
  readonly space: readonly number[]
  readonly reads: readonly Lookup[]
  readonly upstream: Grid<'f'> // read at the first coordinates of the space, as many as its rank
  readonly formula: Formula
  readonly guards: readonly GuardLookup[]
}

/**
 * The gradient of one read's source, of the source's shape: for every place the sum of what flows back at the points
 * that look there, in their order. Undefined where nothing looks anywhere.
 */
export const adjointOfRead = (read: Lookup, flow: Flow): Grid<'f'> | undefined => {
  const { label, space, upstream } = flow
  const used = usedArguments(flow.formula).slice(0, -1)
  const reads = flow.reads.filter((_, i) => used[i])
  const words = [read, ...reads].flatMap((r) => r.coords.filter((c) => 'word' in c))
  const wordSides = [...words, ...flow.guards.flatMap((g) => [g.left, g.right]).filter((s) => 'word' in s)]
  const inverse = invertRead(
    read,
    space,
    (at) => at < upstream.rank,
    (at) => wordSides.some((w) => usesCoordinate(w, at)),
  )
  if (!inverse) return undefined
  const { extents, outputs, place } = inverse

  // Points outside of the old space do not exist. An upstream gradient of 0 there says so where nothing else would
  // be read out of range; else guards do, and the reads are padded so that they may be described at all.
  const guards = [...flow.guards.map((g) => substituteGuard(g, place)), ...inverse.guards]
  const leaving: number[] = []
  for (const at of inverse.ranges) {
    const [low, high] = affine.rangeOf(place[at]!, extents)
    if (low >= 0 && high < space[at]!) continue
    leaving.push(at)
    const elsewhere = reads.some((r) => r.coords.some((c) => usesCoordinate(c, at)))
    if (at < upstream.rank && (!elsewhere || isPolynomial(flow.formula))) continue
    if (low < 0) guards.push({ test: 'lt', left: affine.constant(-1), right: place[at]! })
    if (high >= space[at]!) guards.push({ test: 'lt', left: place[at]!, right: affine.constant(space[at]!) })
  }
  const moved = reads.map((r) => {
    const lookup = substituteLookup(r, place)
    const leaves = leaving.some((at) => r.coords.some((c) => usesCoordinate(c, at)))
    return leaves && lookup.pad === undefined ? { ...lookup, pad: 0 } : lookup
  })
  const up = upstream.atPadded(0, ...upstream.shape.map((_, d) => new Index(place[d]!, extents))).lookup
  const formula = withoutArguments(substituteIndices(flow.formula, place), [...used, true])

  const summed = sumPoints({
    label: `gradient of ${label}`,
    extents,
    outputs,
    reads: [...moved, up],
    guards,
    formula,
    scatter: inverse.scatter,
  })
  return layOut(summed, inverse.parts, read)
}

/** Whether finite arguments give finite values, so that an upstream gradient of 0 makes all of it 0. */
const isPolynomial = (formula: Formula): boolean =>
  formula.code.every((step) => !['call', 'fdiv', 'fsqrt', 'float'].includes(step.op))

type Points = {
  readonly label: string
  readonly extents: readonly number[]
  readonly outputs: number
  readonly reads: readonly Lookup[]
  readonly guards: readonly GuardLookup[]
  readonly formula: Formula
  readonly scatter: boolean
}

/** The sum of a formula over the box, for each output. */
const sumPoints = (points: Points): Grid<'f'> => {
  const { label, extents, outputs, guards } = points
  const shape = extents.slice(0, outputs)
  const box = extents.slice(outputs)
  if (box.length === 0) {
    // What is only handed on is a view of the upstream gradient, not a node.
    const { formula, reads } = points
    if (guards.length === 0 && reads.length === 1 && formula.code.length === 0)
      return new Grid(shape, reads[0]!)
    const chosen = guards.length === 0 ? points : guardsAsSelection(points)
    if (chosen) return mapFormula(label, shape, chosen.reads, chosen.formula)
  }
  const { reads, step } = accumulating(points.reads, points.formula)
  if (points.scatter)
    return foldFormula<'f'>({
      label,
      dtype: 'f32',
      shape,
      box,
      reads,
      guards,
      step,
      order: 'chain',
      init: NEGATIVE_ZERO,
    })
  const lanes = lanesOf(points)
  if (!lanes)
    return foldFormula<'f'>({
      label,
      dtype: 'f32',
      shape,
      box,
      reads,
      guards,
      step,
      order: 'blocked',
      init: NEGATIVE_ZERO,
      combine: PLUS(),
    })
  // 16 interleaved partial sums, then their sum: see reduceBy.
  const last = extents.length - 1
  const by = extents.map((_, at): Affine => {
    if (at < outputs) return affine.coordinate(at)
    const moved = affine.coordinate(at + 1)
    return at === last ? affine.sum(affine.scale(moved, lanes), affine.coordinate(outputs)) : moved
  })
  const partial = foldFormula<'f'>({
    label,
    dtype: 'f32',
    shape: [...shape, lanes],
    box: box.with(-1, box.at(-1)! / lanes),
    reads: reads.map((r) => substituteLookup(r, by)),
    guards: guards.map((g) => substituteGuard(g, by)),
    step: substituteIndices(step, by),
    order: 'blocked',
    init: NEGATIVE_ZERO,
    combine: PLUS(),
  })
  return foldFormula<'f'>({
    label,
    dtype: 'f32',
    shape,
    box: [lanes],
    reads: [partial.lookup],
    guards: [],
    step: PLUS(),
    order: 'blocked',
    init: NEGATIVE_ZERO,
    combine: PLUS(),
  })
}

const NEGATIVE_ZERO = 0x80000000
const PLUS = (): Formula => traceFormula(['f', 'f'], (a, b) => a.add(b))

/** acc + formula, as one fused multiply-add where the formula is a product. */
const accumulating = (
  reads: readonly Lookup[],
  formula: Formula,
): { reads: readonly Lookup[]; step: Formula } => {
  const last = formula.code[formula.result - formula.args.length]
  const product = last?.op === 'fmul' ? last.args : undefined
  // A product of two reads is what executors know as a matrix product: x, y -> fma(x, y, acc).
  if (product && formula.code.length === 1 && product[0] !== product[1])
    return {
      reads: product.map((i) => reads[i]!),
      step: traceFormula(['f', 'f', 'f'], (acc, x, y) => x.fma(y, acc)),
    }
  const step = traceFormula(['f', ...formula.args], (acc, ...values) => {
    const part = (result: number) => new Formula({ ...formula, result }).on(...values) as F
    return product ? part(product[0]!).fma(part(product[1]!), acc as F) : (acc as F).add(part(formula.result))
  })
  return { reads, step }
}

const LANES = 16
const LEAST = 64
/** How many lanes to sum in: more than one where the box ends along a long contiguous run of data read once. */
const lanesOf = ({ extents, outputs, reads }: Points): number | undefined => {
  const last = extents.length - 1
  if (last < outputs || extents[last]! % LANES !== 0 || extents[last]! < LEAST) return undefined
  const contiguous = reads.some((r) => {
    if (r.coords.some((c) => 'word' in c)) return false
    const strides = extents.map((_, at) =>
      r.coords.reduce((total, c, v) => {
        const by = 'word' in c ? 0 : (c.terms.find((t) => t.at === at)?.by ?? 0)
        return total + by * r.view.slice(v + 1).reduce((n, e) => n * e, 1)
      }, 0),
    )
    return Math.abs(strides[last]!) === 1 && strides.every((s, at) => s !== 0 || extents[at] === 1)
  })
  return contiguous ? LANES : undefined
}

/** Without a box a guard is a choice between the formula and 0. Undefined where a scalar program cannot ask it. */
const guardsAsSelection = ({
  reads,
  formula,
  guards,
  extents,
}: Points): Pick<Points, 'reads' | 'formula'> | undefined => {
  const words: Lookup[] = []
  const askable = guards.every(
    (g) =>
      g.test === 'eq' ||
      [g.left, g.right].every(
        (s) => !('word' in s) && affine.rangeOf(s, extents).every((x) => Math.abs(x) < 2 ** 31),
      ),
  )
  if (!askable) return undefined
  const sides = guards.flatMap((g) => [g.left, g.right])
  for (const s of sides) if ('word' in s) words.push(s.word)
  if (reads.length + words.length > LIMITS.reads) return undefined
  const args: readonly Register[] = [...formula.args, ...words.map(() => 'u' as const)]
  const selected = traceFormula(args, (...values) => {
    let word = formula.args.length
    const sideValue = (s: GuardLookup['left']): U => ('word' in s ? (values[word++] as U) : affineValue(s))
    const holds = guards.map((g): U => {
      const [left, right] = [sideValue(g.left), sideValue(g.right)]
      return g.test === 'eq' ? left.eq(right) : left.slt(right)
    })
    const all = holds.reduce((a, b) => a.and(b))
    return select(all, formula.on(...values.slice(0, formula.args.length)) as F, f32(0))
  })
  return { reads: [...reads, ...words], formula: selected }
}

const affineValue = (form: Affine): U =>
  form.terms.reduce((total, t) => total.add(t.by === 1 ? index(t.at) : index(t.at).mul(t.by)), u32(form.base))

/** The same formula over the arguments that are kept; it does not use the others. */
const withoutArguments = (formula: Formula, kept: readonly boolean[]): Formula =>
  traceFormula(
    formula.args.filter((_, i) => kept[i]),
    (...values) => {
      const rest = [...values]
      const all = formula.args.map((r, i) => (kept[i] ? rest.shift()! : r === 'f' ? f32(0) : u32(0)))
      return formula.on(...all)
    },
  )

/** Outputs as the read's view and then as its source: digits merged, padded to the places that they do not reach. */
const layOut = (x: Grid<'f'>, parts: readonly Part[], read: Lookup): Grid<'f'> => {
  const radices = parts.flatMap((p) => p.radices)
  const spread = padIfNeeded(
    x,
    x.shape.map((e, d) => [0, radices[d]! - e]),
  )
  const merged = parts.map((p) => p.radices.reduce((n, e) => n * e, 1))
  const placed = padIfNeeded(
    reshape(spread, merged),
    merged.map((e, v) => [parts[v]!.start, read.view[v]! - parts[v]!.start - e]),
  )
  return reshape(placed, read.source.shape)
}

const padIfNeeded = (x: Grid<'f'>, around: readonly (readonly [number, number])[]): Grid<'f'> =>
  around.every(([before, after]) => before === 0 && after === 0) ? x : pad(x, around)
