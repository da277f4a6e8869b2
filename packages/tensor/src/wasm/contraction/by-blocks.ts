import { BLOCK } from '../../node.ts'
import { type Fn, I32, type Local } from '../emitter.ts'
import type { Fma } from '../fma.ts'
import { Kernel } from '../kernel.ts'
import type { Phase } from '../phase.ts'
import { across, readsInOrder } from './across.ts'
import { sideBySide } from './along.ts'
import { accumulate, fill, finish, type Totals } from './finish.ts'
import { pack } from './pack.ts'
import type { Plan } from './plan.ts'

/**
 * One row times weights that threads share by blocks of k, so that each reads whole rows of weights one after another,
 * which memory answers best. Blocks that threads cannot share evenly are cut into columns. What a block gives lies in
 * memory that all share; a second phase adds blocks in their order, as one thread does.
 */
const ARGUMENTS = 2
const ARGUMENT_SCRATCH = 3
/** Less is read faster than two phases are begun. */
const LEAST_COLUMNS = 256

export const sharesBlocks = ({ space, points, rows, columns, batch }: Plan, { threads }: Fma): boolean =>
  threads > 1 &&
  rows.count === 1 &&
  batch.every((d) => space.outer[d] === 1) &&
  space.guards.length === 0 &&
  points >= threads * BLOCK &&
  columns.count >= threads * LEAST_COLUMNS &&
  sideBySide(columns.reads, columns.dims[0]!) &&
  readsInOrder(space, columns)

export const byBlocks = (plan: Plan, fma: Fma): Phase[] => {
  const { space, init, points, rows, columns } = plan
  const { threads } = fma
  const lane = columns.dims[0]!
  const blocks = Math.ceil(points / BLOCK)
  const whole = blocks - (blocks % threads)
  const each = Math.ceil(columns.count / threads / 16) * 16
  const pieces = Math.ceil(columns.count / each)
  const units = whole + (blocks - whole) * pieces
  const [step, pieceStep] = [columns.count, each].map((n) => 4 * Math.ceil(n / 8) * 8 + 64) as [
    number,
    number,
  ]
  const xBytes = 4 * BLOCK + 64
  const isPiece = (f: Fn, unit: Local): Fn => f.get(unit).i32(whole).op('i32.ge_u')
  /** Where a unit's results begin. */
  const results = (f: Fn): Fn => f.get(ARGUMENTS).memory('i32.load', 4 * (1 + space.slots.length))

  const multiply = (): Phase => {
    const kernel = new Kernel(space, { vectors: 1, rows: 1 }, fma)
    const { f } = kernel
    const [k0, k1, firstColumn, count] = [f.local(I32), f.local(I32), f.local(I32), f.local(I32)]
    const [block, cursor] = [f.local(I32), f.local(I32)]
    kernel.units((unit) => {
      f.get(unit).set(block)
      f.i32(0).set(firstColumn)
      f.i32(columns.count).set(count)
      isPiece(f, unit).if(() => {
        const rest = f.get(unit).i32(whole).op('i32.sub').keep(I32)
        f.get(rest).i32(pieces).op('i32.div_u').i32(whole).op('i32.add').set(block)
        f.get(rest).i32(pieces).op('i32.rem_u').i32(each).op('i32.mul').set(firstColumn)
        f.i32(columns.count).get(firstColumn).op('i32.sub').set(count)
        kernel.minimum(count, each)
      })
      f.get(block).i32(BLOCK).op('i32.mul').tee(k0).i32(BLOCK).op('i32.add').set(k1)
      kernel.minimum(k1, points)
      const zero = f.i32(0).keep(I32)
      const one = f.i32(1).keep(I32)
      const to = f.get(ARGUMENT_SCRATCH).keep(I32)
      pack(kernel, { side: rows, wide: 1, step: xBytes }, { first: zero, count: one, to, k0, k1 })
      const totals: Totals = {
        at: results(f).get(unit).i32(step).op('i32.mul').op('i32.add').keep(I32),
        step,
      }
      fill(f, totals, one, init)
      f.get(to).set(cursor)
      const part = { kernel, plan, fma, rows: 1, lane, firstColumn, count, k0, k1 }
      isPiece(f, unit).if(
        () => across({ ...part, isWhole: false }, totals, cursor),
        () => across({ ...part, isWhole: true }, totals, cursor),
      )
    })
    return {
      fn: f,
      slots: space.slots,
      units,
      cost: (columns.count * points) / units,
      scratch: xBytes,
      shared: units * step + pieceStep,
    }
  }

  const add = (): Phase => {
    const kernel = new Kernel(space, { vectors: 1, rows: 1 }, fma)
    const { f } = kernel
    kernel.units((piece) => {
      const firstColumn = f.get(piece).i32(each).op('i32.mul').keep(I32)
      const count = f.i32(columns.count).get(firstColumn).op('i32.sub').keep(I32)
      kernel.minimum(count, each)
      const zero = f.i32(0).keep(I32)
      const one = f.i32(1).keep(I32)
      const totals: Totals = { at: f.get(ARGUMENT_SCRATCH).keep(I32), step: pieceStep }
      fill(f, totals, one, init)
      const below = f.local(I32)
      const unit = f.i32(0).keep(I32)
      f.loop((again) => {
        results(f).get(unit).i32(step).op('i32.mul').op('i32.add').set(below)
        isPiece(f, unit).if(
          () => f.get(piece).i32(step).op('i32.mul').get(below).op('i32.add').set(below),
          () => f.get(firstColumn).i32(4).op('i32.mul').get(below).op('i32.add').set(below),
        )
        accumulate(f, totals, { at: below, step: pieceStep }, one)
        f.get(unit).i32(pieces).op('i32.add').get(unit).i32(1).op('i32.add')
        isPiece(f, unit).op('select')
        f.tee(unit).i32(units).op('i32.lt_u').brIf(again)
      })
      finish(kernel, plan, totals, { firstRow: zero, rows: one, firstColumn, columns: count })
    })
    return {
      fn: f,
      slots: space.slots,
      units: pieces,
      cost: each * blocks,
      scratch: pieceStep + 64,
      shared: 0,
    }
  }
  return [multiply(), add()]
}
