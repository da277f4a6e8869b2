import { I32, type Local, type Type } from '../emitter.ts'
import type { Fma } from '../fma.ts'
import type { Kernel } from '../kernel.ts'
import type { Load } from '../space.ts'
import type { Totals } from './finish.ts'
import type { Side } from './plan.ts'

/**
 * THE BORDER of few rows, beside the one of microkernel.ts: an accelerator may take products of few rows, too, whose
 * columns' side is float32 and read where it lies.
 *
 *   multiplyRows(a, b, bStep, depth, rows, columns, out, outStep)
 *
 * All eight are i32; addresses and steps are in bytes of the program's one memory and multiples of 4.
 *
 * - the f32 of row r at k lies at  a + 4*(k*rows + r),  that of column c at k at  b + k*bStep + 4*c.
 * - the word of row r and column c lies at  out + r*outStep + 4*c. Only these may be written, nothing past them read.
 *
 * For each row and column, for k = 0, 1, ... depth-1:  out = fma(a, b, out)  one rounding each, subnormals kept; the order
 * is law. Any NaN may be left. depth is 1 to 256, rows 1 to what the accelerator says, columns at least 1.
 */
export const MULTIPLY_ROWS: readonly Type[] = Array.from({ length: 8 }, () => I32)
/** Its place among the functions that a module imports. */
export const MULTIPLY_ROWS_FUNCTION = 1
/** One row has nothing to multiply: it waits for memory, wherever it is computed. */
const LEAST_ROWS = 2

/** The columns' one read, if an accelerator may multiply it by so many rows. */
export const readInPlace = (
  { imported }: Fma,
  { reads, program }: Side,
  rows: number,
  lane: number,
  inner: number,
): Load | undefined => {
  const [read] = reads
  const isPlain =
    reads.length === 1 &&
    program === undefined &&
    read!.dtype === 'f32' &&
    read!.inside.length === 0 &&
    !read!.word &&
    read!.at.by[lane] === 4 &&
    read!.at.by[inner]! > 0
  return isPlain && rows >= LEAST_ROWS && rows <= (imported?.fewRows ?? 0) ? read : undefined
}

/** Calls the border for a run of `length` k: the read's address is at the unit's first column and the run's first k. */
export const callRows = (
  { f, address }: { readonly f: Kernel['f']; readonly address: Local },
  bStep: number,
  { x, length, rows, columns }: { x: Local; length: Local; rows: number; columns: Local },
  { at, step }: Totals,
): void => {
  f.get(x).get(address).i32(bStep).get(length).i32(rows).get(columns).get(at).i32(step)
  f.call(MULTIPLY_ROWS_FUNCTION)
  f.get(length)
    .i32(4 * rows)
    .op('i32.mul')
    .get(x)
    .op('i32.add')
    .set(x)
}
