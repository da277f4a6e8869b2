import { BLOCK } from '../../node.ts'
import { type Fn, I32, type Local, V128 } from '../emitter.ts'
import { emitFma, type Fma } from '../fma.ts'
import { Kernel } from '../kernel.ts'
import type { Phase } from '../phase.ts'
import { goToRow, liesAlong, sideBySide, walkAlong } from './along.ts'
import { accumulate, decode, fill, finish, type Totals } from './finish.ts'
import { steps } from './loop.ts'
import { evaluate, pack } from './pack.ts'
import type { Plan } from './plan.ts'
import { runs } from './runs.ts'

/**
 * Products of few rows, where each element of the columns' side is used a few times only: packing it would cost as
 * much as multiplying. The rows are packed once for all k, and the columns' elements are read where they lie, each
 * once: along k, exchanged in registers, or across, several k of a long run of columns at a time, with accumulators in
 * the first-level cache.
 */
const MOST_ROWS = 8
/** Columns of a unit, at least, that a run of them is a page of memory, or that rows are packed for enough of them. */
const LEAST_COLUMNS = { across: 1024, along: 64 }
const UNITS = 16
/** Accumulators of a unit, of all rows together: 16 KiB. */
const MOST_ACCUMULATORS = 4096
const ARGUMENT_SCRATCH = 3

/** Whether a product is for this kernel. */
export const isSkinny = ({ space, points, rows, columns, guarding }: Plan): boolean => {
  const [lane] = columns.dims
  return (
    rows.count <= MOST_ROWS &&
    columns.count >= 8 &&
    columns.dims.length === 1 &&
    points <= BLOCK * BLOCK &&
    guarding.kind !== 'depth' &&
    (sideBySide(columns.reads, lane!) || liesAlong(space, columns))
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
  const wanted = Math.ceil((columns.count * batches) / UNITS)
  const most = Math.floor(MOST_ACCUMULATORS / high)
  const each = Math.min(
    columns.count,
    Math.max(
      64,
      Math.min(most, Math.max(LEAST_COLUMNS[isAcross ? 'across' : 'along'], Math.ceil(wanted / 8) * 8)),
    ),
  )
  const pieces = Math.ceil(columns.count / each)
  const step = 4 * Math.ceil(each / 8) * 8
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
    const part: Part = { kernel, plan, fma, high, lane, firstColumn, count, k0, k1 }
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

type Part = {
  readonly kernel: Kernel
  readonly plan: Plan
  readonly fma: Fma
  readonly high: number
  readonly lane: number
  readonly firstColumn: Local
  readonly count: Local
  readonly k0: Local
  readonly k1: Local
}

/** Columns whose elements lie side by side: a few k of every eight columns, along all columns of the unit. */
const across = (
  { kernel, plan, fma, high, lane, firstColumn, count, k0, k1 }: Part,
  results: Totals,
  x: Local,
): void => {
  const { f, space, coords } = kernel
  const { columns } = plan
  const inner = space.outer.length + space.box.length - 1
  const every = [...space.outer.keys(), ...space.box.map((_, i) => space.outer.length + i)]
  const vectors = fma.kind === 'exact' ? 1 : 2
  const column = f.local(I32)
  const accumulator = f.local(I32)
  /** `deep` k at once. */
  const sweep = (deep: number): void => {
    kernel.tile = { lane, vectors, row: inner, rows: deep }
    f.get(firstColumn).set(coords[lane]!)
    for (const l of columns.loads) kernel.start(l, every)
    f.i32(0).set(column)
    f.get(results.at).set(accumulator)
    f.loop((again) => {
      kernel.fresh()
      const values = Array.from({ length: deep }, (_, row) =>
        Array.from({ length: vectors }, (_, vector) => evaluate(kernel, columns, { row, vector })),
      )
      for (let r = 0; r < high; r++) {
        const sums = Array.from({ length: vectors }, (_, v) =>
          f
            .get(accumulator)
            .memory('v128.load', r * results.step + 16 * v)
            .keep(V128),
        )
        values.forEach((ofK, k) => {
          const factor = f
            .get(x)
            .memory('v128.load32_splat', 4 * (k * high + r))
            .keep(V128)
          ofK.forEach((value, v) => {
            f.get(factor).get(value).get(sums[v]!)
            emitFma(f, fma).set(sums[v]!)
          })
        })
        sums.forEach((sum, v) => {
          f.get(accumulator)
            .get(sum)
            .memory('v128.store', r * results.step + 16 * v)
        })
      }
      const move = (local: Local, by: number): Fn => f.get(local).i32(by).op('i32.add').set(local)
      for (const l of columns.loads) {
        const by = l.at.by[lane]!
        if (by !== 0) move(kernel.address(l), 4 * vectors * by)
      }
      move(coords[lane]!, 4 * vectors)
      move(accumulator, 16 * vectors)
      f.get(column)
        .i32(4 * vectors)
        .op('i32.add')
        .tee(column)
        .get(count)
        .op('i32.lt_u')
        .brIf(again)
    })
    f.get(x)
      .i32(4 * high * deep)
      .op('i32.add')
      .set(x)
    f.get(coords[inner]!).i32(deep).op('i32.add').set(coords[inner]!)
  }
  const deep = fma.kind === 'exact' ? 1 : 4
  runs(kernel, k0, k1, (length) => {
    const i = f.local(I32)
    f.i32(0).set(i)
    if (deep > 1) steps(f, i, length, deep, () => sweep(deep))
    steps(f, i, length, 1, () => sweep(1))
  })
}

/** Columns whose elements lie side by side along k: a few columns together, their accumulators in registers. */
const along = (
  { kernel, plan, fma, high, firstColumn, count, k0, k1 }: Part,
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
