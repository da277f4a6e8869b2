import { I32, I64, type Local } from '../emitter.ts'
import type { Kernel } from '../kernel.ts'
import { type Form, isForm, type Space, type Test } from '../space.ts'

/**
 * What a product makes of its fold's guards.
 *
 * - `columns`: in each row the outputs before some column pass, as in causal scores. The others are not computed.
 * - `depth`: each row takes k from an interval of its own, as in sums that causal weights multiply.
 * - `mask`: any other guards that whole outputs pass or fail. All are computed, and those that fail are given init.
 */
export type Guarding =
  | { readonly kind: 'none' | 'mask' }
  | { readonly kind: 'columns' | 'depth'; readonly lows: readonly Test[]; readonly highs: readonly Test[] }

export const guardingOf = (
  { guards, outer, box }: Space,
  columns: readonly number[],
): Guarding | undefined => {
  if (guards.length === 0) return { kind: 'none' }
  if (!guards.every((g) => isForm(g.left) && isForm(g.right))) return undefined
  const ofBox = box.map((_, i) => outer.length + i)
  const free = (dims: readonly number[]): boolean => guards.every((g) => dims.every((d) => !moves(g, d)))
  const bounds = (d: number): boolean => guards.every((g) => g.test === 'lt' && Math.abs(slope(g, d)) === 1)
  const along = (kind: 'columns' | 'depth', d: number): Guarding => ({
    kind,
    lows: guards.filter((g) => slope(g, d) > 0),
    highs: guards.filter((g) => slope(g, d) < 0),
  })
  if (free(ofBox)) {
    const [column] = columns
    if (columns.length === 1 && bounds(column!) && guards.every((g) => slope(g, column!) < 0))
      return along('columns', column!)
    return { kind: 'mask' }
  }
  return box.length === 1 && free(columns) && bounds(ofBox[0]!) ? along('depth', ofBox[0]!) : undefined
}

const forms = (g: Test): readonly [Form, Form] => {
  if (!isForm(g.left) || !isForm(g.right)) throw new Error('a bound is a form here')
  return [g.left.form, g.right.form]
}
const moves = (g: Test, d: number): boolean => forms(g).some((form) => form.by[d] !== 0)
/** By how much right - left grows along a dimension. */
const slope = (g: Test, d: number): number => {
  const [left, right] = forms(g)
  return right.by[d]! - left.by[d]!
}

/**
 * The interval in which all guards hold along their dimension, for the row whose coordinates are set; that dimension's
 * own coordinate must be 0. It is given from `start` on and cut to [0, size).
 */
export const interval = (
  kernel: Kernel,
  { lows, highs }: { readonly lows: readonly Test[]; readonly highs: readonly Test[] },
  start: Local,
  size: Local,
): { from: Local; to: Local } => {
  const { f } = kernel
  const wide = (x: Local): Local => f.get(x).op('i64.extend_i32_u').keep(I64)
  const [first, most] = [wide(start), wide(size)]
  const from = f.i64(0).keep(I64)
  f.i64(0).set(from)
  const to = f.get(most).keep(I64)
  const less = (a: Local, b: Local): void => {
    f.get(a).get(b).op('i64.lt_s')
  }
  const take = (target: Local, value: Local, smaller: boolean): void => {
    f.get(value).get(target)
    if (smaller) less(value, target)
    else less(target, value)
    f.op('select').set(target)
  }
  const distance = (g: Test): void => {
    kernel.sideI64(g.right)
    kernel.sideI64(g.left)
    f.op('i64.sub')
  }
  for (const g of highs) {
    distance(g) // coordinate < distance
    take(to, f.get(first).op('i64.sub').keep(I64), true)
  }
  for (const g of lows) {
    f.i64(1) // coordinate > -distance
    distance(g)
    f.op('i64.sub')
    take(from, f.get(first).op('i64.sub').keep(I64), false)
  }
  take(from, most, true)
  take(to, from, false) // empty, not less than empty
  const word = (x: Local): Local => f.get(x).op('i32.wrap_i64').keep(I32)
  return { from: word(from), to: word(to) }
}
