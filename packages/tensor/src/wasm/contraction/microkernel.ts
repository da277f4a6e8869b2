import { Fn, I32, type Type, V128 } from '../emitter.ts'
import { emitFma, type Fma } from '../fma.ts'
import { canonical } from '../formats.ts'

/**
 * THE BORDER of the microkernel. A product's kernel packs its operands into panels, whatever their layout, dtype,
 * padding or gathering, and then calls one function once for each packed block of rows, columns and k. That function
 * is generated below ('wasm'), or imported ('import'), so that native code may take this inner part:
 *
 *   multiply(a, aStep, b, bStep, depth, rows, columns, out, outStep, init, flags)
 *
 * All eleven are i32. Addresses and steps are in bytes of the program's one memory; nothing is aligned to more than 4.
 * With H and W for the description's `rows` and `columns`:
 *
 * - row panel i holds rows iH .. iH+H-1, k after k: the f32 of row iH+r at k lies at  a + i*aStep + 4*(k*H + r).
 *   There are ceil(rows/H) of them. The last one is as wide as the others; what it holds past `rows` means nothing.
 * - column panel j, likewise:  b + j*bStep + 4*(k*W + c), ceil(columns/W) of them.
 * - the word of row i and column j lies at  out + i*outStep + 4*j. Only rows x columns words may be written; up to
 *   64 bytes past a word may be read. Panels, and `out`, never overlap.
 *
 * For each i < rows and j < columns:
 *
 *   acc = flags & RESUME ? out[i][j] : the f32 with the pattern `init`
 *   for k = 0, 1, ... depth-1:  acc = fma(a[i][k], b[k][j], acc)        one rounding each, subnormals kept; the order is law
 *   if (flags & ADD)  acc = out[i][j] + acc                             never together with RESUME
 *   if (flags & LAST) acc = 0x7fc00000 where acc is a NaN               without LAST any NaN may be left
 *   out[i][j] = acc
 *
 * depth is 1 to 256, rows and columns at least 1. A kernel calls once for each block of some tens of rows by up to 256
 * columns, so an import's call may cost tenths of a microsecond. Without ADD and RESUME `out` may hold anything.
 */
export type Microkernel = {
  readonly rows: number // H
  readonly columns: number // W, a multiple of 4
  readonly kind: 'wasm' | 'import'
  /** The most rows of an imported multiplyRows, see few-rows.ts; absent: there is none. */
  readonly fewRows?: number | undefined
}

export const ADD = 1
export const LAST = 2
export const RESUME = 4
export const MULTIPLY: readonly Type[] = Array.from({ length: 11 }, () => I32)
const [A, A_STEP, B, B_STEP, DEPTH, ROWS, COLUMNS, OUT, OUT_STEP, INIT, FLAGS] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
] as const

/** Vectors of a register tile's row: with 6 rows, 12 accumulators, 2 vectors of B and one splat fill 15 registers. */
const VECTORS = 2

/** The function of the border in WebAssembly, for panels as `microkernel` describes them. */
export const multiply = ({ rows: high, columns: wide }: Microkernel, fma: Fma): Fn => {
  const f = new Fn(MULTIPLY)
  const most = Math.min(VECTORS, wide / 4) // vectors of a tile
  const init = f.get(INIT).v('i32x4.splat').keep(V128)
  const rowsLeft = f.local(I32)
  const columnsLeft = f.local(I32)
  const a = f.local(I32)
  const b = f.local(I32)
  const out = f.local(I32)
  const at = f.local(I32) // of the tile in its column panel
  const rowOut = Array.from({ length: high }, () => f.local(I32))
  const accumulators = Array.from({ length: high * most }, () => f.local(V128))
  const lanes = Array.from({ length: most }, () => f.local(V128))
  const one = f.local(V128)
  const pointer = f.local(I32)
  const end = f.local(I32)
  const flag = (bit: number): Fn => f.get(FLAGS).i32(bit).op('i32.and')

  /** One register tile, `rows` by `vectors`, from panels at a and b + at to the rows' words at out. */
  const tile = (rows: number, vectors: number): void => {
    const places = Array.from({ length: rows * vectors }, (_, i) => ({
      acc: accumulators[i]!,
      row: rowOut[Math.floor(i / vectors)]!,
      far: 16 * (i % vectors),
      isEdge: i % vectors === vectors - 1,
    }))
    f.get(out).set(rowOut[0]!)
    for (let r = 1; r < rows; r++)
      f.get(rowOut[r - 1]!)
        .get(OUT_STEP)
        .op('i32.add')
        .set(rowOut[r]!)
    flag(RESUME).if(
      () => {
        for (const { acc, row, far } of places) f.get(row).memory('v128.load', far).set(acc)
      },
      () => {
        for (const { acc } of places) f.get(init).set(acc)
      },
    )
    f.get(b).get(at).op('i32.add').set(pointer)
    f.get(DEPTH)
      .i32(4 * wide)
      .op('i32.mul')
      .get(pointer)
      .op('i32.add')
      .set(end)
    const x = f.get(a).keep(I32)
    f.loop((again) => {
      for (let v = 0; v < vectors; v++)
        f.get(pointer)
          .memory('v128.load', 16 * v)
          .set(lanes[v]!)
      for (let r = 0; r < rows; r++) {
        f.get(x)
          .memory('v128.load32_splat', 4 * r)
          .set(one)
        for (let v = 0; v < vectors; v++) {
          const acc = accumulators[r * vectors + v]!
          f.get(one).get(lanes[v]!).get(acc)
          emitFma(f, fma).set(acc)
        }
      }
      f.get(x)
        .i32(4 * high)
        .op('i32.add')
        .set(x)
      f.get(pointer)
        .i32(4 * wide)
        .op('i32.add')
        .tee(pointer)
        .get(end)
        .op('i32.lt_u')
        .brIf(again)
    })
    flag(ADD).if(() => {
      for (const { acc, row, far } of places)
        f.get(row).memory('v128.load', far).get(acc).v('f32x4.add').set(acc)
    })
    flag(LAST).if(() => {
      for (const { acc } of places) canonical(f.get(acc)).set(acc)
    })
    const store = ({ acc, row, far }: (typeof places)[number]): Fn =>
      f.get(row).get(acc).memory('v128.store', far)
    for (const place of places) if (!place.isEdge) store(place)
    const edges = places.filter((p) => p.isEdge)
    const full = (): Fn =>
      f
        .get(columnsLeft)
        .i32(4 * vectors)
        .op('i32.ge_u')
    full().if(
      () => edges.forEach(store),
      () => {
        const count = f.get(columnsLeft).i32(3).op('i32.and').keep(I32) // 1, 2 or 3 lanes
        f.get(count).i32(1).op('i32.eq')
        f.if(
          () => {
            for (const { acc, row, far } of edges) f.get(row).get(acc).laneMemory('v128.store32_lane', 0, far)
          },
          () => {
            for (const { acc, row, far } of edges) f.get(row).get(acc).laneMemory('v128.store64_lane', 0, far)
            f.get(count).i32(3).op('i32.eq')
            f.if(() => {
              for (const { acc, row, far } of edges)
                f.get(row)
                  .get(acc)
                  .laneMemory('v128.store32_lane', 2, far + 8)
            })
          },
        )
      },
    )
  }

  /** All tiles of one row panel. */
  const across = (rows: number): void => {
    f.get(COLUMNS).set(columnsLeft)
    f.get(B).set(b)
    f.i32(0).set(at)
    f.loop((again) => {
      if (most === 1) tile(rows, 1)
      else
        f.get(columnsLeft)
          .i32(4 * (most - 1))
          .op('i32.gt_u')
          .if(
            () => tile(rows, most),
            () => tile(rows, most - 1),
          )
      f.get(out)
        .i32(16 * most)
        .op('i32.add')
        .set(out)
      if (wide === 4 * most) f.get(b).get(B_STEP).op('i32.add').set(b)
      else {
        // a panel is several tiles wide
        f.get(at)
          .i32(16 * most)
          .op('i32.add')
          .tee(at)
          .i32(4 * wide)
          .op('i32.eq')
        f.if(() => {
          f.get(b).get(B_STEP).op('i32.add').set(b)
          f.i32(0).set(at)
        })
      }
      f.get(columnsLeft)
        .i32(4 * most)
        .op('i32.gt_u')
      f.get(columnsLeft)
        .i32(4 * most)
        .op('i32.sub')
        .set(columnsLeft)
      f.brIf(again)
    })
  }

  f.get(ROWS).set(rowsLeft)
  f.get(A).set(a)
  f.get(OUT).set(out)
  f.loop((again) => {
    const row = f.get(out).keep(I32)
    const choose = (rows: number): void => {
      if (rows === 1) across(1)
      else
        f.get(rowsLeft)
          .i32(rows)
          .op('i32.ge_u')
          .if(
            () => across(rows),
            () => choose(rows - 1),
          )
    }
    choose(high)
    f.get(row).get(OUT_STEP).i32(high).op('i32.mul').op('i32.add').set(out)
    f.get(a).get(A_STEP).op('i32.add').set(a)
    f.get(rowsLeft).i32(high).op('i32.gt_u')
    f.get(rowsLeft).i32(high).op('i32.sub').set(rowsLeft)
    f.brIf(again)
  })
  return f
}
