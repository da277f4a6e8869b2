import { BLOCK, type FoldNode } from '../../node.ts'
import { I32, type Local } from '../emitter.ts'
import type { Fma } from '../fma.ts'
import { Kernel } from '../kernel.ts'
import type { Phase } from '../phase.ts'
import { fillColumns, findIntervals, multiplyColumns, multiplyIntervals, type Rows } from './bounded.ts'
import { accumulate, decode, fill, finish, type Totals } from './finish.ts'
import { ADD, LAST, type Microkernel, multiply, RESUME } from './microkernel.ts'
import { type Panels, pack } from './pack.ts'
import { type Once, packOnce, panelAt, type Whole } from './pack-once.ts'
import { evenStep, MINUS_ZERO, type Plan, type Side } from './plan.ts'

/**
 * The box is cut into the blocks that the fold's meaning has anyway. A unit is some rows by some columns of one batch:
 * for each block it packs its columns into panels, then some tens of rows at a time, and has the microkernel multiply
 * them into running totals. Only the order of outputs is ours.
 */
const COLUMNS_A_UNIT = 256 // their panels for a block fill 256 KiB, half of a small second-level cache
const ROWS_A_UNIT = 96
const ROWS_TOGETHER = 96
const UNITS = 16
/**
 * Native code multiplies so fast that packing counts: it has as few and as large units as keep the threads busy. It
 * cuts columns into shares of its caches by itself.
 */
const NATIVE = { columns: 1024, unitsAThread: 4 }
/**
 * Panels that several units need are packed once (pack-once.ts), unless their bytes are too many to keep, or several
 * threads would spend more on taking so few from each other's caches than on packing them again.
 */
const ONCE = { most: 48 * 2 ** 20, leastForThreads: 4 * 2 ** 20, unitsAThread: 16 }
/** Fewer rows or columns would not pay for packing. */
const LEAST_COUNT = 4
/** Between panels, so that the same k of many panels does not fall on one cache set; and for vectors that reach past. */
const GAP = 64
const ARGUMENT_SCRATCH = 3

/** Whether a product is for this kernel. */
export const isPackable = ({ rows, columns }: Plan): boolean =>
  Math.min(rows.count, columns.count) >= LEAST_COUNT

export const packedPhases = (node: FoldNode, plan: Plan, fma: Fma, mayShare: boolean): Phase[] => {
  const { space, init, points, rows, columns, batch, guarding } = plan
  const microkernel = fma.imported ?? chooseMicrokernel(plan, fma)
  const kernel = new Kernel(space, { vectors: 1, rows: 1 }, fma)
  const { f } = kernel
  const own = (): number => fma.module.add(multiply(microkernel, fma))
  const call = fma.imported ? 0 : own()

  const depth = Math.min(points, BLOCK)
  const blocks = Math.ceil(points / BLOCK)
  const batches = batch.reduce((n, d) => n * space.outer[d]!, 1)
  const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to
  // rows are packed together, and units begin, at whole numbers of panels that are packed together
  const together = Math.max(1, Math.floor(ROWS_TOGETHER / (4 * microkernel.rows))) * 4 * microkernel.rows
  // where totals are kept
  const rowStep = evenStep(space, rows)
  const levels = levelsOf(blocks)
  const direct =
    node.dtype === 'f32' &&
    guarding.kind !== 'mask' &&
    levels <= (guarding.kind === 'depth' ? 0 : 1) &&
    (levels === 0 || init === MINUS_ZERO) &&
    evenStep(space, columns) === 4 &&
    rowStep !== undefined
  const isNative = fma.imported !== undefined && direct
  const a = panelsOf(rows, microkernel.rows, depth)
  const b = panelsOf(columns, microkernel.columns, depth)
  // guards that bound columns serve outputs that are computed in place; otherwise finish masks them
  const bounds =
    guarding.kind === 'depth' || (guarding.kind === 'columns' && direct) ? { ...guarding } : undefined
  const packedBytes = blocks * (bytesOf(a) + bytesOf(b))
  const mayPackOnce =
    mayShare &&
    bounds === undefined &&
    batches === 1 &&
    packedBytes <= ONCE.most &&
    (fma.threads === 1 || packedBytes >= ONCE.leastForThreads)
  const pieces = mayPackOnce
    ? freePieces(plan, isNative, fma.threads)
    : isNative
      ? nativePieces(plan, batches, fma.threads)
      : undefined
  const least = pieces?.columns ?? Math.ceil(columns.count / COLUMNS_A_UNIT)
  const columnsEach = Math.min(
    columns.count,
    roundUp(Math.ceil(columns.count / least), 4 * microkernel.columns),
  )
  const columnPieces = Math.ceil(columns.count / columnsEach)
  const wanted = pieces?.rows ?? Math.ceil(UNITS / (batches * columnPieces))
  const rowsEach = Math.min(
    rows.count,
    roundUp(
      Math.max(mayPackOnce ? 4 * microkernel.rows : ROWS_A_UNIT, Math.ceil(rows.count / wanted)),
      pieces ? 4 * microkernel.rows : together,
    ),
  )
  const rowPieces = Math.ceil(rows.count / rowsEach)
  const whole = (panels: Panels, at: number): Whole => ({ ...panels, at, blockBytes: bytesOf(panels) })
  const rowsOnce = mayPackOnce && columnPieces > 1
  const once: Once = {
    rows: rowsOnce ? whole(a, 0) : undefined,
    columns: mayPackOnce && rowPieces > 1 ? whole(b, rowsOnce ? blocks * bytesOf(a) : 0) : undefined,
  }
  const rowsAtOnce = once.rows ? rowsEach : Math.min(together, rowsEach)
  const bBytes = once.columns ? 0 : Math.ceil(columnsEach / b.wide) * b.step
  const aBytes = once.rows ? 0 : Math.ceil(rowsAtOnce / a.wide) * a.step

  const totalsStep = 4 * roundUp(columnsEach, 4)
  const totalsBytes = direct ? 0 : rowsEach * totalsStep
  const regions = direct ? 0 : Math.max(levels, 1)
  const temporaryBytes = bounds?.kind === 'depth' && levels > 0 ? rowsAtOnce * totalsStep : 0
  const intervalBytes = bounds ? 8 * rowsAtOnce : 0
  const inOrder = [bBytes, aBytes, intervalBytes, temporaryBytes, regions * totalsBytes]
  const offset = (i: number): number => inOrder.slice(0, i).reduce((x, y) => x + y, 0)
  const scratchAt = { b: 0, a: offset(1), intervals: offset(2), temporary: offset(3), totals: offset(4) }
  const scratch = (offset: number): Local => f.get(ARGUMENT_SCRATCH).i32(offset).op('i32.add').keep(I32)
  const smaller = (x: Local, most: number): Local => {
    kernel.minimum(x, most)
    return x
  }

  const k0 = f.local(I32)
  const k1 = f.local(I32)
  kernel.units((unit) => {
    const rest = f.get(unit).keep(I32)
    const split = (pieces: number, each: number): Local => {
      f.get(rest).i32(pieces).op('i32.rem_u').i32(each).op('i32.mul')
      const first = f.keep(I32)
      f.get(rest).i32(pieces).op('i32.div_u').set(rest)
      return first
    }
    const left = (first: Local, count: number, each: number): Local =>
      smaller(f.i32(count).get(first).op('i32.sub').keep(I32), each)
    const firstColumn = split(columnPieces, columnsEach)
    const columnCount = left(firstColumn, columns.count, columnsEach)
    const firstRow = split(rowPieces, rowsEach)
    const rowCount = left(firstRow, rows.count, rowsEach)
    decode(kernel, batch, rest)
    const atB = once.columns ? panelAt(kernel, once.columns, firstColumn) : scratch(scratchAt.b)
    const atA = once.rows ? panelAt(kernel, once.rows, firstRow) : scratch(scratchAt.a)
    const totals = Array.from(
      { length: regions },
      (_, level): Totals => ({ at: scratch(scratchAt.totals + level * totalsBytes), step: totalsStep }),
    )
    const out = f.local(I32)
    if (direct) {
      kernel.start(space.out, batch)
      f.get(kernel.address(space.out)).get(firstRow).i32(rowStep).op('i32.mul').op('i32.add')
      f.get(firstColumn).i32(4).op('i32.mul').op('i32.add').set(out)
    } else f.get(totals[0]!.at).set(out)
    const outStep = direct ? rowStep : totalsStep

    /** Rows of a group whose guards bound their columns or their k. */
    const multiplyBounded = (group: {
      first: Local
      count: Local
      rowsOut: Local
      depthNow: Local
    }): void => {
      if (bounds === undefined) return
      const { first, count, rowsOut, depthNow } = group
      const temporary = bounds.kind === 'depth' && levels > 0 ? scratch(scratchAt.temporary) : undefined
      const to = temporary ?? rowsOut
      const of: Rows = {
        ...{ plan, bounds, first, count, columns: columnCount, outStep },
        ...{ high: a.wide, out: to, at: scratch(scratchAt.intervals) },
      }
      const panelOf = (number: Local): void => {
        f.get(number).i32(a.wide).op('i32.div_u').i32(a.step).op('i32.mul').get(atA).op('i32.add')
        f.get(number).i32(a.wide).op('i32.rem_u').i32(4).op('i32.mul').op('i32.add')
      }
      const rowOf = (number: Local): void => {
        f.get(number).i32(outStep).op('i32.mul').get(to).op('i32.add')
      }
      if (bounds.kind === 'columns') {
        findIntervals(kernel, of, firstColumn, columnCount)
        multiplyColumns(kernel, of, (panel, height, most) => {
          panelOf(panel)
          f.i32(a.step).get(atB).i32(b.step).get(depthNow).get(height).get(most)
          rowOf(panel)
          f.i32(outStep).i32(init).get(flags).call(call)
        })
        f.get(k1).i32(points).op('i32.eq')
        f.if(() => fillColumns(kernel, of))
        return
      }
      findIntervals(kernel, of, k0, depthNow)
      multiplyIntervals(kernel, of, (number, height, from, depth, alone) => {
        panelOf(number)
        f.get(from)
          .i32(4 * a.wide)
          .op('i32.mul')
          .op('i32.add')
          .i32(a.step)
        f.get(from)
          .i32(4 * b.wide)
          .op('i32.mul')
          .get(atB)
          .op('i32.add')
          .i32(b.step)
        f.get(depth).get(height).get(columnCount)
        rowOf(number)
        f.i32(outStep).i32(init).i32(RESUME)
        // a call out of WebAssembly for one row and a few k would cost more than it does
        f.call(alone ? own() : call)
      })
      if (temporary !== undefined)
        accumulate(f, { at: rowsOut, step: outStep }, { at: temporary, step: outStep }, count)
    }

    f.i32(0).set(k0)
    const flags = f.local(I32)
    const block = f.i32(0).keep(I32)
    f.loop((nextBlock) => {
      f.get(k0).i32(BLOCK).op('i32.add').set(k1)
      kernel.minimum(k1, points)
      // at the beginning of each run of blocks totals begin from init
      const begins = (level: number): void => {
        f.get(block)
          .i32(BLOCK ** level)
          .op('i32.rem_u')
          .op('i32.eqz')
      }
      if (levels === 0) f.i32(direct ? LAST : 0).set(flags)
      else {
        if (direct) f.get(k1).i32(points).op('i32.eq').i32(1).op('i32.shl')
        else f.i32(0)
        if (init === MINUS_ZERO) {
          begins(1)
          f.op('i32.eqz')
        } else f.i32(ADD)
        f.op('i32.or').set(flags)
        totals.forEach((region, level) => {
          if (level === 0 && init === MINUS_ZERO && bounds?.kind !== 'depth') return
          begins(level + 1)
          f.if(() => fill(f, region, rowCount, init))
        })
      }
      if (!once.columns) pack(kernel, b, { first: firstColumn, count: columnCount, to: atB, k0, k1 })
      const row = f.i32(0).keep(I32)
      f.i32(0).set(row)
      f.loop((nextRows) => {
        const count = f.get(rowCount).get(row).op('i32.sub').keep(I32)
        kernel.minimum(count, rowsAtOnce)
        const first = f.get(firstRow).get(row).op('i32.add').keep(I32)
        if (!once.rows) pack(kernel, a, { first, count, to: atA, k0, k1 })
        const rowsOut = f.get(row).i32(outStep).op('i32.mul').get(out).op('i32.add').keep(I32)
        const depthNow = f.get(k1).get(k0).op('i32.sub').keep(I32)
        if (bounds === undefined) {
          f.get(atA).i32(a.step).get(atB).i32(b.step).get(depthNow).get(count).get(columnCount)
          f.get(rowsOut).i32(outStep).i32(init).get(flags).call(call)
        } else multiplyBounded({ first, count, rowsOut, depthNow })
        f.get(row).i32(rowsAtOnce).op('i32.add').tee(row).get(rowCount).op('i32.lt_u').brIf(nextRows)
      })
      if (once.rows) f.get(atA).i32(once.rows.blockBytes).op('i32.add').set(atA)
      if (once.columns) f.get(atB).i32(once.columns.blockBytes).op('i32.add').set(atB)
      f.get(block).i32(1).op('i32.add').set(block)
      // a run of totals that is complete, or the last one, is added to the totals above
      for (let level = 1; level < levels; level++) {
        begins(level)
        f.get(k1).i32(points).op('i32.eq').op('i32.or')
        f.if(() => accumulate(f, totals[level]!, totals[level - 1]!, rowCount))
      }
      f.get(k1).tee(k0).i32(points).op('i32.lt_u').brIf(nextBlock)
    })
    if (!direct)
      finish(kernel, plan, totals.at(-1)!, {
        firstRow,
        rows: rowCount,
        firstColumn,
        columns: columnCount,
      })
  })
  const packing = packOnce(plan, fma, once)
  return [
    ...(packing ? [packing] : []),
    {
      fn: f,
      slots: space.slots,
      units: batches * columnPieces * rowPieces,
      cost: rowsEach * columnsEach * points,
      scratch: offset(inOrder.length) + GAP,
      ...(packing && { shared: packing.shared! }),
    },
  ]
}

/** How rows and columns are cut where packing costs a unit nothing. */
const freePieces = (
  { columns }: Plan,
  isNative: boolean,
  threads: number,
): { rows: number; columns: number } => {
  const pieces = Math.ceil(columns.count / (isNative ? NATIVE.columns : COLUMNS_A_UNIT))
  return { rows: Math.ceil((ONCE.unitsAThread * threads) / pieces), columns: pieces }
}

const panelsOf = (side: Side, wide: number, depth: number): Panels => ({
  side,
  wide,
  step: 4 * wide * depth + GAP,
})
/** Bytes of a side's panels for one block of k. */
const bytesOf = ({ side, wide, step }: Panels): number => Math.ceil(side.count / wide) * step

/** How rows and columns are cut for native code: every row is packed once for each piece of columns, and vice versa. */
const nativePieces = (
  { rows, columns }: Plan,
  batches: number,
  threads: number,
): { rows: number; columns: number } => {
  const units = threads === 1 ? 1 : NATIVE.unitsAThread * threads
  const cut = (pieces: number): { rows: number; columns: number } => ({
    rows: Math.max(1, Math.ceil(units / (batches * pieces))),
    columns: pieces,
  })
  const packing = (x: { rows: number; columns: number }): number =>
    x.rows / rows.count + x.columns / columns.count
  let best = cut(Math.ceil(columns.count / NATIVE.columns))
  for (let pieces = best.columns + 1; pieces <= units; pieces++)
    if (packing(cut(pieces)) < packing(best)) best = cut(pieces)
  return best
}

/** How many levels of totals there are above the blocks' own results. */
const levelsOf = (blocks: number): number => {
  let levels = 0
  for (let n = blocks; n > 1; n = Math.ceil(n / BLOCK)) levels++
  return levels
}

/** Panels that waste least: tiles of 6 rows keep the multiplier busiest, but few rows may divide better by 4 or 5. */
const chooseMicrokernel = ({ rows, space }: Plan, fma: Fma): Microkernel => {
  if (fma.kind === 'exact') return { rows: 4, columns: 4, kind: 'wasm' }
  // measured times of a tile with so many rows, a tile of six rows as the unit
  const time = [0, 0.53, 0.56, 0.65, 0.71, 0.87, 1]
  const cost = (h: number): number =>
    Math.floor(rows.count / h) * time[h]! + time[rows.count % h]! + (dividesLast(h) ? 0 : 1e9)
  // rows that lie in several dimensions pack faster where panels do not straddle
  const last = rows.dims.at(-1)
  const dividesLast = (h: number): boolean =>
    rows.dims.length < 2 ||
    ![4, 5, 6].some((x) => space.outer[last!]! % x === 0) ||
    space.outer[last!]! % h === 0
  const best = [6, 5, 4].reduce((x, h) => (cost(h) < cost(x) ? h : x))
  return { rows: best, columns: 8, kind: 'wasm' }
}
