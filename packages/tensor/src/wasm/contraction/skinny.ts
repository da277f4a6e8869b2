import { BLOCK } from '../../node.ts'
import { I32, type Local, V128 } from '../emitter.ts'
import { emitFma, type Fma } from '../fma.ts'
import { Kernel } from '../kernel.ts'
import type { Phase } from '../phase.ts'
import { type Across, across } from './across.ts'
import { goToRow, liesAlong, sideBySide, walkAlong } from './along.ts'
import { accumulate, decode, fill, finish, type Totals } from './finish.ts'
import { pack } from './pack.ts'
import type { Plan } from './plan.ts'

/**
 * Products of few rows, where each element of the columns' side is used a few times only: packing it would cost as
 * much as multiplying. The rows are packed once for all k, and the columns' elements are read where they lie, each
 * once: along k, exchanged in registers, or across, several k of a long run of columns at a time, with accumulators in
 * the caches.
 */
const MOST_ROWS = { across: 32, along: 8 }
/** Columns of a unit, at least, so that rows are packed for enough of them. */
const LEAST_COLUMNS = { across: 256, along: 64 }
/** So many rows are multiplied longer than their weights are read: half of the columns are enough. */
const MANY_ROWS = 8
const UNITS_ALONG = 16
/** Accumulators of a unit, of all rows together. */
const MOST_ACCUMULATORS = { across: 16384, along: 4096 }
/** After a row of accumulators: rows a power of two apart would share the sets of a cache. */
const GAP = 64
const ARGUMENT_SCRATCH = 3

/** Whether a product is for this kernel. */
export const isSkinny = ({ space, points, rows, columns, guarding }: Plan): boolean => {
  const [lane] = columns.dims
  return (
    columns.count >= 8 &&
    columns.dims.length === 1 &&
    points <= BLOCK * BLOCK &&
    guarding.kind !== 'depth' &&
    (sideBySide(columns.reads, lane!)
      ? rows.count <= (columns.count < LEAST_COLUMNS.across ? MOST_ROWS.along : MOST_ROWS.across)
      : rows.count <= MOST_ROWS.along && liesAlong(space, columns))
  )
}

export const skinnyPhase = (plan: Plan, fma: Fma): Phase => {
  const { space, init, points, rows, columns, batch } = plan
  const kernel = new Kernel(space, { vectors: 1, rows: 1 }, fma)
  const { f } = kernel
  const lane = columns.dims[0]!
  const isAcross = sideBySide(columns.reads, lane)

  const high = rows.count
  const batches = batch.reduce((n, d) => n * space.outer[d]!, 1)
  const how = isAcross ? 'across' : 'along'
  const most = Math.max(64, Math.floor(MOST_ACCUMULATORS[how] / high / 16) * 16)
  const wanted = isAcross ? acrossColumns(plan, batches, most, fma.threads) : alongColumns(plan, batches)
  const least = isAcross && high >= MANY_ROWS ? LEAST_COLUMNS.across / 2 : LEAST_COLUMNS[how]
  const each = Math.min(columns.count, most, Math.max(least, roundUp(wanted, 16)))
  const pieces = Math.ceil(columns.count / each)
  const step = 4 * Math.ceil(each / 8) * 8 + GAP
  const blocked = points > BLOCK
  const xBytes = 4 * high * points + 64
  const regionBytes = high * step + 64

  const k0 = f.local(I32)
  const k1 = f.local(I32)
  kernel.units((unit) => {
    const rest = f.get(unit).keep(I32)
    const firstColumn = f.get(rest).i32(pieces).op('i32.rem_u').i32(each).op('i32.mul').keep(I32)
    f.get(rest).i32(pieces).op('i32.div_u').set(rest)
    const count = f.i32(columns.count).get(firstColumn).op('i32.sub').keep(I32)
    kernel.minimum(count, each)
    decode(kernel, batch, rest)
    const x = f.get(ARGUMENT_SCRATCH)
    const atX = x.keep(I32)
    const zero = f.i32(0).keep(I32)
    const all = f.i32(points).keep(I32)
    const rowCount = f.i32(high).keep(I32)
    pack(
      kernel,
      { side: rows, wide: high, step: xBytes },
      { first: zero, count: rowCount, to: atX, k0: zero, k1: all },
    )
    const region = (i: number): Totals => ({
      at: f
        .get(ARGUMENT_SCRATCH)
        .i32(xBytes + i * regionBytes)
        .op('i32.add')
        .keep(I32),
      step,
    })
    const results = region(0)
    const totals = blocked ? region(1) : results
    if (blocked) fill(f, totals, rowCount, init)
    const part: Across = {
      kernel,
      plan,
      fma,
      rows: high,
      lane,
      isWhole: pieces === 1,
      firstColumn,
      count,
      k0,
      k1,
    }
    const cursor = f.local(I32)
    /** Block after block; the cursor is at the rows' numbers for its first k. */
    const eachBlock = (body: () => void): void => {
      f.i32(0).set(k0)
      f.get(atX).set(cursor)
      f.loop((next) => {
        f.get(k0).i32(BLOCK).op('i32.add').set(k1)
        kernel.minimum(k1, points)
        body()
        f.get(k1).tee(k0).i32(points).op('i32.lt_u').brIf(next)
      })
    }
    if (isAcross)
      eachBlock(() => {
        fill(f, results, rowCount, init)
        across(part, results, cursor)
        if (blocked) accumulate(f, totals, results, rowCount)
      })
    else along(part, totals, blocked, cursor, eachBlock)
    finish(kernel, plan, totals, { firstRow: zero, rows: rowCount, firstColumn, columns: count })
  })
  return {
    fn: f,
    slots: space.slots,
    units: batches * pieces,
    cost: high * each * points,
    scratch: xBytes + (blocked ? 2 : 1) * regionBytes,
  }
}

/** Columns of a unit: as many as can be, so that memory is read in long runs, and units for each thread alike. */
const acrossColumns = ({ columns }: Plan, batches: number, most: number, threads: number): number => {
  const alike = batches >= 2 * threads ? 1 : threads
  return columns.count / roundUp(Math.ceil(columns.count / most), alike)
}

const alongColumns = ({ columns }: Plan, batches: number): number => (columns.count * batches) / UNITS_ALONG

const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to

/** Columns whose elements lie side by side along k: a few columns together, their accumulators in registers. */
const along = (
  { kernel, plan, fma, rows: high, firstColumn, count, k0, k1 }: Across,
  totals: Totals,
  blocked: boolean,
  at: Local,
  eachBlock: (body: () => void) => void,
): void => {
  const { f } = kernel
  const { columns, init } = plan
  const wide = high <= 4 && fma.kind === 'fused' ? 8 : 4
  const vectors = wide / 4
  const last = f.get(firstColumn).get(count).op('i32.add').i32(1).op('i32.sub').keep(I32)
  const column = f.local(I32)
  const sums = Array.from({ length: high * vectors }, () => f.local(V128))
  const block = (): void => {
    for (const s of sums) f.splat(init).set(s)
    const add = (k: number, value: (v: number) => void): void => {
      for (let r = 0; r < high; r++) {
        const factor = f
          .get(at)
          .memory('v128.load32_splat', 4 * (k * high + r))
          .keep(V128)
        for (let v = 0; v < vectors; v++) {
          const sum = sums[r * vectors + v]!
          f.get(factor)
          value(v)
          f.get(sum)
          emitFma(f, fma).set(sum)
        }
      }
    }
    const goTo = (r: number): void => {
      f.get(firstColumn).get(column).op('i32.add').i32(r).op('i32.add')
      goToRow(kernel, columns, last)
    }
    walkAlong(
      kernel,
      columns,
      { count: wide, goTo },
      { at, stride: 4 * high },
      { k0, k1 },
      (values) => {
        values.forEach((ofK, k) => {
          add(k, (v) => f.get(ofK[v]!))
        })
      },
      (values) => {
        const together = Array.from({ length: vectors }, (_, v) => {
          const [a, b, c, d] = values.slice(4 * v, 4 * v + 4) as [Local, Local, Local, Local]
          const low = f.get(a).get(b).shuffleWords(0, 4, 0, 4).keep(V128)
          const high = f.get(c).get(d).shuffleWords(0, 4, 0, 4).keep(V128)
          return f.get(low).get(high).shuffleWords(0, 1, 4, 5).keep(V128)
        })
        add(0, (v) => f.get(together[v]!))
      },
    )
    const to = f.get(column).i32(4).op('i32.mul').get(totals.at).op('i32.add').keep(I32)
    sums.forEach((sum, i) => {
      const place = Math.floor(i / vectors) * totals.step + 16 * (i % vectors)
      f.get(to)
      if (blocked) f.get(to).memory('v128.load', place).get(sum).v('f32x4.add')
      else f.get(sum)
      f.memory('v128.store', place)
    })
  }
  f.i32(0).set(column)
  f.loop((again) => {
    eachBlock(block)
    f.get(column).i32(wide).op('i32.add').tee(column).get(count).op('i32.lt_u').brIf(again)
  })
}
