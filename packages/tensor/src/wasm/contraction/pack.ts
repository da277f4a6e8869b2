import { DTYPES } from '../../dtype.ts'
import { BoxWalk } from '../box-walk.ts'
import { type Fn, I32, type Local, V128 } from '../emitter.ts'
import { type Kernel, ORIGIN, type Place } from '../kernel.ts'
import { emitScalar } from '../scalar-code.ts'
import type { Load } from '../space.ts'
import { steps } from './loop.ts'
import type { Side } from './plan.ts'
import { runs } from './runs.ts'

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
  else if (liesAlong(kernel, panels.side)) packAlong(kernel, panels, piece)
  else {
    const { f } = kernel
    const i = f.i32(0).keep(I32)
    steps(f, i, piece.count, 1, () => packOne(kernel, panels, piece, i))
  }
}

/** Whether a load's elements lie side by side along a dimension (or do not move), of all loads at least one. */
const sideBySide = (loads: readonly Load[], dim: number): boolean =>
  loads.every((l) => {
    const by = l.at.by[dim]!
    return by === 0 || by === DTYPES[l.dtype].bytes
  }) && loads.some((l) => l.at.by[dim] !== 0)

const liesAcross = ({ space }: Kernel, { side, wide }: Panels): boolean => {
  const last = side.dims.at(-1)
  return (
    last !== undefined &&
    sideBySide(side.reads, last) &&
    (side.dims.length === 1 || space.outer[last]! % wide === 0)
  )
}

/** Whether packAlong can take a side: what depends on the innermost k is the elements' place only. */
const liesAlong = ({ space }: Kernel, { reads, program }: Side): boolean => {
  const inner = space.outer.length + space.box.length - 1
  return (
    sideBySide(reads, inner) &&
    reads.every(
      (l) => l.inside.every((i) => i.form.by[inner] === 0) && (l.word?.load.at.by[inner] ?? 0) === 0,
    ) &&
    !(program?.code ?? []).some((i) => i.op === 'index')
  )
}

/** Sets the coordinates of a side's dimensions from a number of a row. */
const goTo = (kernel: Kernel, { dims }: Side, number: Local): void => {
  if (dims.length > 0)
    kernel.decode(
      number,
      dims.map((dim) => ({ dim, size: 1 })),
    )
}

/** The factor's value at a place, as four lanes. */
const evaluate = (kernel: Kernel, { reads, program }: Side, place: Place): Local => {
  const args = reads.map((r) => kernel.value(r, place))
  if (!program) return args[0]!
  return emitScalar(kernel.f, program, args, { fma: kernel.fma, index: (p) => kernel.index(p, place) })
}

const packAcross = (kernel: Kernel, panels: Panels, piece: Piece): void => {
  const { f, space } = kernel
  const { side, wide, step } = panels
  const { first, count, to, k0, k1 } = piece
  const lane = side.dims.at(-1)!
  const outer = [...space.outer.keys()]
  const walk = new BoxWalk(kernel)
  const i = f.i32(0).keep(I32)
  const number = f.local(I32)
  const at = f.local(I32)
  const together = (panelsAtOnce: number): void =>
    steps(f, i, count, wide * panelsAtOnce, () => {
      f.get(first).get(i).op('i32.add').set(number)
      goTo(kernel, side, number)
      kernel.tile = { lane, vectors: 1, rows: 1 }
      for (const l of side.loads) kernel.start(l, outer)
      panelAt(f, panels, to, i).set(at)
      walk.seek(k0)
      walk.runTo(k1, side.loads, () => {
        for (let p = 0; p < panelsAtOnce; p++)
          for (let v = 0; v < wide; v += 4) {
            // a vector that reaches past its panel's four numbers is written over at the next k
            const value = evaluate(kernel, side, { row: 0, vector: (p * wide + v) / 4 })
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
  goTo(kernel, side, number)
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

/** Elements that lie side by side along k: four rows walk a run together. */
const packAlong = (kernel: Kernel, panels: Panels, piece: Piece): void => {
  const { f, space } = kernel
  const { side, wide } = panels
  const { first, count, to, k0, k1 } = piece
  const outer = [...space.outer.keys()]
  const box = space.box.map((_, d) => space.outer.length + d)
  const inner = box.at(-1)!
  const last = f.get(count).i32(1).op('i32.sub').keep(I32)

  /** Rows i .. i+rows-1 of one panel. */
  const strip = (i: Local, rows: number): void => {
    // every row's own coordinates: rows need not lie evenly
    const number = f.local(I32)
    const coords = Array.from({ length: rows }, (_, r) => {
      f.get(i).i32(r).op('i32.add').set(number)
      f.get(number).get(last).get(number).get(last).op('i32.lt_u').op('select')
      f.get(first).op('i32.add').set(number)
      goTo(kernel, side, number)
      return side.dims.map((d) => f.get(kernel.coords[d]!).keep(I32))
    })
    const at = rowAt(f, panels, to, i).keep(I32)
    const pointers = coords.map(() => side.reads.map(() => f.local(I32)))
    const inside = coords.map(() => side.reads.map(() => f.local(I32)))
    const value = (r: number, load: (l: Load, at: Local) => void): Local => {
      const args = side.reads.map((l, n) => {
        if (l.inside.length === 0) load(l, pointers[r]![n]!)
        else
          f.get(inside[r]![n]!).ifV128(
            () => load(l, pointers[r]![n]!),
            () => f.splat(l.pad),
          )
        return f.keep(V128)
      })
      if (!side.program) return args[0]!
      return emitScalar(f, side.program, args, { fma: kernel.fma, index: () => undefined })
    }
    const move = (points: number): void => {
      for (const ofRow of pointers)
        side.reads.forEach((l, n) => {
          if (l.at.by[inner] === 0) return
          f.get(ofRow[n]!)
            .i32(points * l.at.by[inner]!)
            .op('i32.add')
            .set(ofRow[n]!)
        })
      f.get(at)
        .i32(points * 4 * wide)
        .op('i32.add')
        .set(at)
    }
    runs(kernel, k0, k1, (length) => {
      coords.forEach((of, r) => {
        side.dims.forEach((d, n) => {
          f.get(of[n]!).set(kernel.coords[d]!)
        })
        side.reads.forEach((l, n) => {
          kernel.locate(l, [...outer, ...box]).set(pointers[r]![n]!)
          if (l.inside.length > 0) kernel.isInside(l).set(inside[r]![n]!)
        })
      })
      const end = f
        .get(at)
        .get(length)
        .i32(-4)
        .op('i32.and')
        .i32(4 * wide)
        .op('i32.mul')
        .op('i32.add')
        .keep(I32)
      f.get(at).get(end).op('i32.lt_u')
      f.if(() => {
        f.loop((again) => {
          const values = coords.map((_, r) => value(r, (l, p) => kernel.elements(l, p, l.at.by[inner]!)))
          exchange(f, values).forEach((v, j) => {
            store(f, at, v, rows, j * 4 * wide)
          })
          move(4)
          f.get(at).get(end).op('i32.lt_u').brIf(again)
        })
      })
      f.get(length)
        .i32(3)
        .op('i32.and')
        .i32(4 * wide)
        .op('i32.mul')
        .get(end)
        .op('i32.add')
        .set(end)
      f.get(at).get(end).op('i32.lt_u')
      f.if(() => {
        f.loop((again) => {
          coords.forEach((_, r) => {
            const x = value(r, (l, p) => kernel.elements(l, p, 0))
            f.get(at)
              .get(x)
              .laneMemory('v128.store32_lane', 0, 4 * r)
          })
          move(1)
          f.get(at).get(end).op('i32.lt_u').brIf(again)
        })
      })
    })
  }
  const i = f.i32(0).keep(I32)
  f.loop((again) => {
    for (const rows of wide % 4 === 0 ? [4] : [...Array(wide >> 2).fill(4), wide % 4]) {
      f.get(i).get(count).op('i32.lt_u')
      f.if(() => strip(i, rows))
      f.get(i).i32(rows).op('i32.add').set(i)
    }
    f.get(i).get(count).op('i32.lt_u').brIf(again)
  })
}

/** Up to four rows of four k each, as four k of up to four rows. */
const exchange = (f: Fn, rows: readonly Local[]): Local[] => {
  const [a, b = a, c = a, d = b] = rows as [Local, Local?, Local?, Local?]
  const mix = (x: Local, y: Local, ...words: number[]): Local =>
    f
      .get(x)
      .get(y)
      .shuffleWords(...words)
      .keep(V128)
  const [low, high] = [mix(a, b, 0, 4, 1, 5), mix(a, b, 2, 6, 3, 7)]
  const next = (x: Local): Local => mix(x, x, 2, 3, 0, 1)
  if (rows.length <= 2) return [low, next(low), high, next(high)]
  const [low2, high2] = [mix(c, d, 0, 4, 1, 5), mix(c, d, 2, 6, 3, 7)]
  return [
    mix(low, low2, 0, 1, 4, 5),
    mix(low, low2, 2, 3, 6, 7),
    mix(high, high2, 0, 1, 4, 5),
    mix(high, high2, 2, 3, 6, 7),
  ]
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
