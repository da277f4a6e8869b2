import { type Fn, I32, type Local, V128 } from '../emitter.ts'
import type { Kernel, Place } from '../kernel.ts'
import { steps } from './loop.ts'
import type { Plan } from './plan.ts'

/**
 * Totals lie in scratch, row after row, where the output itself cannot hold them: it is narrower than f32, it lies in
 * another order, some of it is guarded, or there are totals of totals.
 */
export type Totals = {
  readonly at: Local
  readonly step: number // bytes from one row to the next
}
export type Part = {
  readonly firstRow: Local
  readonly rows: Local
  readonly firstColumn: Local
  readonly columns: Local
}

const vectorLoop = (f: Fn, from: Local, bytes: () => void, body: (at: Local) => void): void => {
  const at = f.get(from).keep(I32)
  f.get(at)
  bytes()
  const end = f.op('i32.add').keep(I32)
  f.loop((again) => {
    body(at)
    f.get(at).i32(16).op('i32.add').tee(at).get(end).op('i32.lt_u').brIf(again)
  })
}

/** Sets `rows` rows of totals to one pattern. */
export const fill = (f: Fn, { at, step }: Totals, rows: Local, pattern: number): void => {
  vectorLoop(
    f,
    at,
    () => f.get(rows).i32(step).op('i32.mul'),
    (word) => f.get(word).splat(pattern).memory('v128.store'),
  )
}

/** Adds totals of one level to those of the level above. */
export const accumulate = (f: Fn, above: Totals, below: Totals, rows: Local): void => {
  const distance = f.get(below.at).get(above.at).op('i32.sub').keep(I32)
  vectorLoop(
    f,
    above.at,
    () => f.get(rows).i32(above.step).op('i32.mul'),
    (word) => {
      f.get(word).get(word).memory('v128.load')
      f.get(word).get(distance).op('i32.add').memory('v128.load').v('f32x4.add').memory('v128.store')
    },
  )
}

/** Stores totals as the output: narrowed, the one NaN, and init where a guard fails. */
export const finish = (
  kernel: Kernel,
  { space, init, rows, columns, guarding }: Plan,
  totals: Totals,
  part: Part,
): void => {
  const { f } = kernel
  const outer = [...space.outer.keys()]
  const lane = columns.dims.length === 1 ? columns.dims[0] : undefined
  const loads = [space.out]
  const number = f.local(I32)
  const from = f.local(I32)

  const one = (place: Place, offset: number): void => {
    f.get(from).memory(kernel.tile.lane === undefined ? 'v128.load32_splat' : 'v128.load', offset)
    if (guarding.kind === 'mask' || guarding.kind === 'columns') {
      f.splat(init)
      space.guards.forEach((g, i) => {
        kernel.holdsMask(g, place)
        if (i > 0) f.v('v128.and')
      })
      f.v('v128.bitselect')
    }
    kernel.store(space.out, f.keep(V128), place)
  }
  /** `width` columns from column `c` of the part. */
  const columnsAt = (row: Local, c: Local, width: number): void => {
    f.get(part.firstColumn).get(c).op('i32.add').set(number)
    kernel.tile = width === 1 ? { vectors: 1, rows: 1 } : { lane: lane!, vectors: 1, rows: 1 }
    decode(kernel, columns.dims, number)
    for (const l of loads) kernel.start(l, outer)
    f.get(row).i32(totals.step).op('i32.mul').get(totals.at).op('i32.add')
    f.get(c).i32(4).op('i32.mul').op('i32.add').set(from)
    kernel.fresh()
    one({ row: 0, vector: 0 }, 0)
  }

  const row = f.i32(0).keep(I32)
  f.loop((nextRow) => {
    f.get(part.firstRow).get(row).op('i32.add').set(number)
    decode(kernel, rows.dims, number)
    const c = f.i32(0).keep(I32)
    const step = (width: number): void => steps(f, c, part.columns, width, () => columnsAt(row, c, width))
    f.i32(0).set(c)
    if (lane !== undefined) step(4)
    step(1)
    f.get(row).i32(1).op('i32.add').tee(row).get(part.rows).op('i32.lt_u').brIf(nextRow)
  })
}

export const decode = (kernel: Kernel, dims: readonly number[], number: Local): void => {
  if (dims.length > 0)
    kernel.decode(
      number,
      dims.map((dim) => ({ dim, size: 1 })),
    )
}
