import { type Fn, I32, type Local, V128 } from '../emitter.ts'
import { emitFma, type Fma } from '../fma.ts'
import type { Kernel } from '../kernel.ts'
import type { Space } from '../space.ts'
import { callRows, readInPlace } from './few-rows.ts'
import type { Totals } from './finish.ts'
import { steps } from './loop.ts'
import { evaluate } from './pack.ts'
import type { Plan, Side } from './plan.ts'
import { runs } from './runs.ts'

/** Columns of few rows: `rows` of them, packed k after k, times `count` columns from the unit's first. */
export type Across = {
  readonly kernel: Kernel
  readonly plan: Plan
  readonly fma: Fma
  readonly rows: number
  readonly lane: number
  /** Whether a unit has all columns. */
  readonly isWhole: boolean
  readonly firstColumn: Local
  readonly count: Local
  readonly k0: Local
  readonly k1: Local
}

/** Two vectors of columns at a time, and what else of the 15 registers they leave for sums or values. */
const VECTORS = 2
const HELD = 12
/** The ways of a first-level cache: so many rows that lie whole pages apart fit one of its sets. */
const WAYS = 8
const PAGE = 4096
/** One row's accumulators that stay in the first-level cache. */
const MOST_COLUMNS = 4096
const DEEP_VALUES = HELD / VECTORS

/** Whether whole rows of columns, one k after another, are memory in order, and their accumulators stay near. */
export const readsInOrder = (space: Space, { count, dims, reads }: Side): boolean => {
  const inner = space.outer.length + space.box.length - 1
  const lane = dims[0]!
  return count <= MOST_COLUMNS && reads.every((l) => l.at.by[inner] === l.at.by[lane]! * count)
}

/**
 * Columns whose elements lie side by side: some k of every eight columns, along all columns of the unit, into totals in
 * the first or second cache. Memory answers many streams at once, so several k are read together; a multiply-add waits
 * for two loads, so what is used most stays in registers: the sums of few rows, or the values for more.
 */
export const across = (part: Across, results: Totals, x: Local): void => {
  const { kernel, plan, fma, rows, lane, isWhole, firstColumn, count, k0, k1 } = part
  const { f, space, coords } = kernel
  const { columns } = plan
  const inner = space.outer.length + space.box.length - 1
  const every = [...space.outer.keys(), ...space.box.map((_, i) => space.outer.length + i)]
  const vectors = fma.kind === 'exact' ? 1 : VECTORS
  const holdsSums = rows * vectors <= HELD
  const column = f.local(I32)
  const accumulator = f.local(I32)
  const move = (local: Local, by: number): Fn => f.get(local).i32(by).op('i32.add').set(local)
  const sumOf = (r: number, v: number): Local =>
    f
      .get(accumulator)
      .memory('v128.load', r * results.step + 16 * v)
      .keep(V128)
  const store = (sum: Local, r: number, v: number): Fn =>
    f
      .get(accumulator)
      .get(sum)
      .memory('v128.store', r * results.step + 16 * v)
  const factorOf = (r: number, k: number): Local =>
    f
      .get(x)
      .memory('v128.load32_splat', 4 * (k * rows + r))
      .keep(V128)
  const multiply = (factor: Local, value: Local, sum: Local): void => {
    f.get(factor).get(value).get(sum)
    emitFma(f, fma).set(sum)
  }
  /**
   * How many k are taken at once where sums are held: so many rows of the columns' side are read side by side. Who takes
   * whole rows one after another reads memory in order, which is best.
   */
  const deepOfSums = (): number => {
    if (rows === 1 && isWhole && readsInOrder(space, columns)) return 1
    return rows > 1 || columns.reads.some((l) => l.at.by[inner]! % PAGE === 0) ? WAYS : 2 * WAYS
  }
  /** `deep` k at once. */
  const sweep = (deep: number): void => {
    kernel.tile = { lane, vectors, row: inner, rows: deep }
    f.get(firstColumn).set(coords[lane]!)
    for (const l of columns.loads) kernel.start(l, every)
    f.i32(0).set(column)
    f.get(results.at).set(accumulator)
    const ofTile = Array.from({ length: vectors }, (_, v) => v)
    const ofRows = Array.from({ length: rows }, (_, r) => r)
    const valuesOf = (k: number): Local[] =>
      ofTile.map((vector) => evaluate(kernel, columns, { row: k, vector }))
    f.loop((again) => {
      kernel.fresh()
      if (holdsSums) {
        const sums = ofRows.map((r) => ofTile.map((v) => sumOf(r, v)))
        for (let k = 0; k < deep; k++) {
          const values = valuesOf(k)
          for (const r of ofRows) {
            const factor = factorOf(r, k)
            for (const v of ofTile) multiply(factor, values[v]!, sums[r]![v]!)
          }
        }
        sums.forEach((ofRow, r) => {
          ofRow.forEach((sum, v) => store(sum, r, v))
        })
      } else {
        const values = Array.from({ length: deep }, (_, k) => valuesOf(k))
        for (const r of ofRows) {
          const sums = ofTile.map((v) => sumOf(r, v))
          values.forEach((ofK, k) => {
            const factor = factorOf(r, k)
            for (const v of ofTile) multiply(factor, ofK[v]!, sums[v]!)
          })
          sums.forEach((sum, v) => store(sum, r, v))
        }
      }
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
    move(x, 4 * rows * deep)
    move(coords[inner]!, deep)
  }
  const deep = fma.kind === 'exact' ? 1 : holdsSums ? deepOfSums() : DEEP_VALUES
  const inPlace = readInPlace(fma, columns, rows, lane, inner)
  runs(kernel, k0, k1, (length) => {
    if (inPlace) {
      f.get(firstColumn).set(coords[lane]!)
      kernel.start(inPlace, every)
      const b = { f, address: kernel.address(inPlace) }
      callRows(b, inPlace.at.by[inner]!, { x, length, rows, columns: count }, results)
      return
    }
    const i = f.local(I32)
    f.i32(0).set(i)
    for (const by of new Set([deep, Math.min(deep, 4), 1])) steps(f, i, length, by, () => sweep(by))
  })
}
