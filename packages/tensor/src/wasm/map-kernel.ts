import { DTYPES } from '../dtype.ts'
import type { MapNode } from '../node.ts'
import { I32 } from './emitter.ts'
import type { Fma } from './fma.ts'
import { Kernel, type Place, type Tile } from './kernel.ts'
import type { Phase } from './phase.ts'
import { emitScalars } from './scalar-code.ts'
import { type Load, type Space, spaceOf } from './space.ts'

/** How many elements along the lanes make one unit of work. */
const CHUNK = 4096

export const mapPhase = (node: MapNode, fma: Fma): Phase => {
  const space = spaceOf(node)
  const tile = chooseTile(node, space)
  const { lane, row, rows } = tile
  const extent = lane === undefined ? 1 : space.outer[lane]!
  const width = 4 * tile.vectors
  const kernel = new Kernel(space, tile, fma)
  const { f, coords } = kernel
  const dims = [...space.outer.keys()]
  const body = (): void => {
    kernel.fresh()
    for (let row = 0; row < rows; row++) {
      const places = Array.from({ length: tile.vectors }, (_, vector): Place => ({ row, vector }))
      const runs = places.map((place) => ({
        args: space.reads.map((r) => kernel.value(r, place)),
        index: (position: number): void => kernel.index(position, place),
      }))
      emitScalars(f, node.program, runs, fma).forEach((result, vector) => {
        kernel.store(space.out, result, places[vector]!)
      })
    }
  }
  const pieces = Math.ceil(extent / CHUNK)
  const size = Math.ceil(extent / pieces / width) * width
  kernel.units((unit) => {
    kernel.decode(
      unit,
      dims.map((dim) => ({ dim, size: dim === lane ? size : dim === row ? rows : 1, cut: dim === lane })),
    )
    for (const load of kernel.loads)
      kernel.start(
        load,
        dims.filter((d) => d !== lane),
      )
    if (lane === undefined) return body()
    const x = coords[lane]!
    const next = f.get(x).keep(I32)
    const end = f.get(x).i32(size).op('i32.add').keep(I32)
    kernel.minimum(end, extent)
    const rowPlaces = Array.from({ length: rows }, (_, row): Place => ({ row, vector: 0 }))
    kernel.keeping([lane], rowPlaces, () => {
      for (const { to, known } of stretchesOf(space, lane, width)) {
        const limit = to === extent ? end : f.i32(to).keep(I32)
        if (to !== extent) f.get(limit).get(end).get(limit).get(end).op('i32.lt_u').op('select').set(limit)
        f.block((done) => {
          f.get(next).get(limit).op('i32.ge_u').brIf(done)
          f.loop((again) => {
            f.get(next).set(x)
            if (extent % width !== 0) kernel.minimum(x, extent - width)
            kernel.knowing(known, () => kernel.moved(kernel.loads, [lane], body))
            f.get(next).i32(width).op('i32.add').tee(next).get(limit).op('i32.lt_u').brIf(again)
          })
        })
      }
    })
  })
  const units = space.outer.reduce(
    (n, e, d) => n * Math.ceil(e / (d === lane ? size : d === row ? rows : 1)),
    1,
  )
  const cost = rows * (lane === undefined ? 4 : size) * (node.program.code.length + space.reads.length + 1)
  return { fn: kernel.f, slots: space.slots, units, cost, scratch: 0 }
}

const chooseTile = (node: MapNode, space: Space): Tile => {
  const lane = lastAtLeast(space.outer, 4)
  if (lane === undefined) return { vectors: 1, rows: 1 }
  const row = crossing(space, lane)
  if (row !== undefined) return { lane, row, vectors: 1, rows: 4 }
  return { lane, vectors: vectorsOf(node, space.outer[lane]!), rows: 1 }
}

/**
 * Vectors that are computed side by side. A long program takes four: its results wait for each other. More than one only
 * where that divides the extent, or where a short program does not mind.
 */
const vectorsOf = ({ program, reads }: MapNode, extent: number): number => {
  const { length } = program.code
  if (length > SHORT && length <= LONG && reads.length <= 4 && extent % 16 === 0) return 4
  return extent >= 16 && (length <= SHORT || extent % 8 === 0) ? 2 : 1
}
const SHORT = 24
const LONG = 64

/** Whether no element is computed twice: where tiles do not divide a dimension, the last one is moved back. */
export const mapsOnce = (node: MapNode): boolean => {
  const space = spaceOf(node)
  const { lane, row, rows, vectors } = chooseTile(node, space)
  const divides = (d: number | undefined, by: number): boolean =>
    d === undefined || space.outer[d]! % by === 0
  return divides(lane, 4 * vectors) && divides(row, rows)
}

/** A stretch of the lanes' dimension, up to `to`, in which reads are known to be inside of their views or to be pads. */
type Stretch = { readonly to: number; readonly known: ReadonlyMap<Load, boolean> }
const MOST_STRETCHES = 4

/** Stretches between the borders of padded reads, where these lie on the lanes' dimension between whole tiles. */
const stretchesOf = (space: Space, lane: number, width: number): Stretch[] => {
  const extent = space.outer[lane]!
  const whole = [{ to: extent, known: new Map<Load, boolean>() }]
  const padded = space.reads.filter((r) => r.inside.length > 0)
  const tests = padded.flatMap((r) => r.inside)
  if (tests.some(({ form }) => form.by.some((by, d) => (d === lane ? Math.abs(by) !== 1 : by !== 0))))
    return whole
  const borders = tests.flatMap(({ form, extent: e }) =>
    form.by[lane] === 1 ? [-form.base, e - form.base] : [form.base + 1, form.base - e + 1],
  )
  const cuts = [...new Set([...borders.filter((b) => b > 0 && b < extent), extent])].sort((a, b) => a - b)
  if (cuts.length > MOST_STRETCHES || cuts.some((c) => c % width !== 0)) return whole
  return cuts.map((to, k) => {
    const x = cuts[k - 1] ?? 0
    const isInside = ({ inside }: Load): boolean =>
      inside.every(({ form, extent: e }) => {
        const at = form.base + form.by[lane]! * x
        return at >= 0 && at < e
      })
    return { to, known: new Map(padded.map((r) => [r, isInside(r)])) }
  })
}

/** A dimension along which a read has its elements side by side, where it has not along the lanes: a transposition. */
const crossing = (space: Space, lane: number): number | undefined => {
  for (const { at, dtype } of space.reads) {
    if (at.by[lane] === 0 || at.by[lane] === DTYPES[dtype].bytes) continue
    const row = at.by.findIndex((by, d) => by === DTYPES[dtype].bytes && d !== lane && space.outer[d]! >= 4)
    if (row >= 0) return row
  }
  return undefined
}

export const lastAtLeast = (extents: readonly number[], least: number): number | undefined => {
  for (let d = extents.length - 1; d >= 0; d--) if (extents[d]! >= least) return d
  return undefined
}
