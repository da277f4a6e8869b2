import { BoxWalk } from '../box-walk.ts'
import { type Fn, I32, type Local, V128 } from '../emitter.ts'
import { type Kernel, ORIGIN, type Place } from '../kernel.ts'
import { emitScalar } from '../scalar-code.ts'
import type { Load } from '../space.ts'
import { goToRow, liesAlong, sideBySide, walkAlong } from './along.ts'
import { decode } from './finish.ts'
import { steps } from './loop.ts'
import type { Side } from './plan.ts'

/**
 * Packs some of a side's rows (or columns) for k in [k0, k1) into panels as microkernel.ts describes them: panel after
 * panel, `wide` numbers for each k. Factors are evaluated here, so that the microkernel sees plain numbers.
 *
 * Three ways, by where elements lie: side by side across the panel (four panels at a time, whole cache lines); side by
 * side along k (four rows at a time, exchanged in registers); anywhere (row by row, number by number).
 */
export type Panels = {
  readonly side: Side
  readonly wide: number
  readonly step: number // bytes from one panel to the next
}
/** What is packed: `count` rows of the side from number `first`, to the address `to`. */
export type Piece = {
  readonly first: Local
  readonly count: Local
  readonly to: Local
  readonly k0: Local
  readonly k1: Local
}

/** How many panels are packed together where elements lie across them. */
const TOGETHER = 4

export const pack = (kernel: Kernel, panels: Panels, piece: Piece): void => {
  if (liesAcross(kernel, panels)) packAcross(kernel, panels, piece)
  else if (liesAlong(kernel.space, panels.side)) packAlong(kernel, panels, piece)
  else {
    const { f } = kernel
    const i = f.i32(0).keep(I32)
    steps(f, i, piece.count, 1, () => packOne(kernel, panels, piece, i))
  }
}

const liesAcross = ({ space }: Kernel, { side, wide }: Panels): boolean => {
  const last = side.dims.at(-1)
  return (
    last !== undefined &&
    sideBySide(side.reads, last) &&
    (side.dims.length === 1 || space.outer[last]! % wide === 0)
  )
}

/** The factor's value at a place, as four lanes. */
export const evaluate = (kernel: Kernel, { reads, program }: Side, place: Place): Local => {
  const args = reads.map((r) => kernel.value(r, place))
  if (!program) return args[0]!
  return emitScalar(kernel.f, program, args, { fma: kernel.fma, index: (p) => kernel.index(p, place) })
}

/** Whether padded reads are inside or outside with all of a panel's rows: what convolutions sum for a weight. */
const isInsideTogether = ({ reads, program }: Side, lane: number): boolean =>
  reads.some((l) => l.inside.length > 0) &&
  reads.every((l) => !l.word && l.inside.every((i) => i.form.by[lane] === 0)) &&
  !(program?.code ?? []).some((i) => i.op === 'index')

/** Whether a load is inside at the current k, found once; undefined where it always is. */
const insideOf = (kernel: Kernel, load: Load): Local | undefined =>
  load.inside.length === 0 ? undefined : kernel.isInside(load).keep(I32)

/** The factor's value at a vector along the lanes, where it is known which reads are inside. */
const evaluateInside = (
  kernel: Kernel,
  { reads, program }: Side,
  lane: number,
  vector: number,
  inside: readonly (Local | undefined)[],
): Local => {
  const { f } = kernel
  const args = reads.map((l, n) => {
    const by = l.at.by[lane]!
    const load = (): void => kernel.elements(l, kernel.address(l), by, 4 * vector * by)
    const flag = inside[n]
    if (flag === undefined) load()
    else f.get(flag).ifV128(load, () => f.splat(l.pad))
    return f.keep(V128)
  })
  if (!program) return args[0]!
  return emitScalar(f, program, args, { fma: kernel.fma, index: () => undefined })
}

const packAcross = (kernel: Kernel, panels: Panels, piece: Piece): void => {
  const { f, space } = kernel
  const { side, wide, step } = panels
  const { first, count, to, k0, k1 } = piece
  const lane = side.dims.at(-1)!
  const outer = [...space.outer.keys()]
  const walk = new BoxWalk(kernel)
  const insideOnce = isInsideTogether(side, lane)
  const i = f.i32(0).keep(I32)
  const number = f.local(I32)
  const at = f.local(I32)
  const together = (panelsAtOnce: number): void =>
    steps(f, i, count, wide * panelsAtOnce, () => {
      f.get(first).get(i).op('i32.add').set(number)
      decode(kernel, side.dims, number)
      kernel.tile = { lane, vectors: 1, rows: 1 }
      for (const l of side.loads) kernel.start(l, outer)
      panelAt(f, panels, to, i).set(at)
      walk.seek(k0)
      walk.runTo(k1, side.loads, () => {
        const inside = insideOnce ? side.reads.map((l) => insideOf(kernel, l)) : []
        for (let p = 0; p < panelsAtOnce; p++)
          for (let v = 0; v < wide; v += 4) {
            // a vector that reaches past its panel's four numbers is written over at the next k
            const vector = (p * wide + v) / 4
            const value = insideOnce
              ? evaluateInside(kernel, side, lane, vector, inside)
              : evaluate(kernel, side, { row: 0, vector })
            f.get(at)
              .get(value)
              .memory('v128.store', p * step + 4 * v)
          }
        f.get(at)
          .i32(4 * wide)
          .op('i32.add')
          .set(at)
      })
    })
  const last = space.outer[lane]!
  if (side.dims.length === 1 || last % (wide * TOGETHER) === 0) together(TOGETHER)
  together(1)
  if (side.dims.length === 1) steps(f, i, count, 1, () => packOne(kernel, panels, piece, i))
}

/** The address of the panel of row i, which is the panel's first. */
const panelAt = (f: Fn, { wide, step }: Panels, to: Local, i: Local): Fn =>
  f.get(i).i32(wide).op('i32.div_u').i32(step).op('i32.mul').get(to).op('i32.add')

/** The address of row i's number at the first k. */
const rowAt = (f: Fn, panels: Panels, to: Local, i: Local): Fn =>
  panelAt(f, panels, to, i).get(i).i32(panels.wide).op('i32.rem_u').i32(4).op('i32.mul').op('i32.add')

/** One row, number by number: any factor, anywhere. */
const packOne = (kernel: Kernel, panels: Panels, { first, to, k0, k1 }: Piece, i: Local): void => {
  const { f, space } = kernel
  const { side, wide } = panels
  const number = f.get(first).get(i).op('i32.add').keep(I32)
  decode(kernel, side.dims, number)
  kernel.tile = { vectors: 1, rows: 1 }
  for (const l of side.loads) kernel.start(l, [...space.outer.keys()])
  const at = rowAt(f, panels, to, i).keep(I32)
  const walk = new BoxWalk(kernel)
  walk.seek(k0)
  walk.runTo(k1, side.loads, () => {
    const value = evaluate(kernel, side, ORIGIN)
    f.get(at).get(value).laneMemory('v128.store32_lane', 0)
    f.get(at)
      .i32(4 * wide)
      .op('i32.add')
      .set(at)
  })
}

/** Elements that lie side by side along k: four rows walk together. */
const packAlong = (kernel: Kernel, panels: Panels, { first, count, to, k0, k1 }: Piece): void => {
  const { f } = kernel
  const { side, wide } = panels
  const last = f.get(first).get(count).op('i32.add').i32(1).op('i32.sub').keep(I32)
  const i = f.local(I32)
  f.i32(0).set(i)
  f.loop((again) => {
    for (const rows of wide % 4 === 0 ? [4] : [...Array(wide >> 2).fill(4), wide % 4]) {
      f.get(i).get(count).op('i32.lt_u')
      f.if(() => {
        const at = rowAt(f, panels, to, i).keep(I32)
        const goTo = (r: number): void => {
          f.get(first).get(i).op('i32.add').i32(r).op('i32.add')
          goToRow(kernel, side, last)
        }
        walkAlong(
          kernel,
          side,
          { count: rows, goTo },
          { at, stride: 4 * wide },
          { k0, k1 },
          (values) =>
            values.forEach(([v], k) => {
              store(f, at, v!, rows, 4 * wide * k)
            }),
          (values) =>
            values.forEach((v, r) => {
              f.get(at)
                .get(v)
                .laneMemory('v128.store32_lane', 0, 4 * r)
            }),
        )
      })
      f.get(i).i32(rows).op('i32.add').set(i)
    }
    f.get(i).get(count).op('i32.lt_u').brIf(again)
  })
}

/** Stores the first `rows` lanes. */
const store = (f: Fn, at: Local, value: Local, rows: number, offset: number): void => {
  f.get(at).get(value)
  if (rows === 4) f.memory('v128.store', offset)
  else if (rows === 1) f.laneMemory('v128.store32_lane', 0, offset)
  else {
    f.laneMemory('v128.store64_lane', 0, offset)
    if (rows === 3)
      f.get(at)
        .get(value)
        .laneMemory('v128.store32_lane', 2, offset + 8)
  }
}
