import { DTYPES } from '../dtype.ts'
import { BLOCK, type FoldNode } from '../node.ts'
import { BoxWalk } from './box-walk.ts'
import { I32, I64, type Local, V128 } from './emitter.ts'
import type { Fma } from './fma.ts'
import { Kernel, ORIGIN, type Place, type Tile } from './kernel.ts'
import type { Phase } from './phase.ts'
import { emitScalar, emitScalars, laneSelect } from './scalar-code.ts'
import { type Form, isForm, type Load, type Space, spaceOf, type Test } from './space.ts'

/**
 * Any fold: a register tile of accumulators walks the box in order. Lanes, vectors and rows lie across output
 * elements only, so each element sees its own k ascending.
 */
export const foldPhase = (node: FoldNode, fma: Fma): Phase => {
  const space = spaceOf(node)
  const tile = chooseTile(node, space)
  const kernel = new Kernel(space, tile, fma)
  const { f } = kernel
  const outerDims = [...space.outer.keys()]
  const points = node.box.reduce((n, e) => n * e, 1)
  const box = space.box.map((_, i) => space.outer.length + i)
  const isScan = node.order.kind === 'scan'
  const places: Place[] = []
  for (let row = 0; row < tile.rows; row++)
    for (let vector = 0; vector < tile.vectors; vector++) places.push({ row, vector })

  const parts = outerDims.map((dim) => ({
    dim,
    size: dim === tile.lane ? 4 * tile.vectors : dim === tile.row ? tile.rows : 1,
  }))
  kernel.units((unit) => {
    kernel.decode(unit, parts)
    for (const load of kernel.loads) kernel.start(load, outerDims)
    kernel.fresh()
    const accumulators = places.map((place) => {
      const { init } = node.order
      if (typeof init === 'number') f.splat(init)
      else f.get(kernel.value(space.init as Load, place))
      return f.keep(V128)
    })
    if (points > 0)
      kernel.keeping(box, places, () => new Walk(kernel, node, places, accumulators, points).emit())
    if (!isScan)
      places.forEach((place, i) => {
        kernel.store(space.out, accumulators[i]!, place)
      })
  })
  const units = parts.reduce((n, { dim, size }) => n * Math.ceil(space.outer[dim]! / size), 1)
  const cost = places.length * 4 * (points + 4) * (node.step.code.length + node.guards.length + 1)
  return { fn: kernel.f, slots: space.slots, units, cost, scratch: 0 }
}

const dependsOn = (form: Form, dim: number): boolean => form.by[dim] !== 0
const sides = (test: Test): Form[] => [test.left, test.right].map((s) => (isForm(s) ? s.form : s.load.at))

/** The loop over the box: blocks, then runs along the innermost box dimension, then steps. */
class Walk {
  readonly #kernel: Kernel
  readonly #node: FoldNode
  readonly #places: readonly Place[]
  readonly #accumulators: readonly Local[]
  readonly #points: number
  readonly #walk: BoxWalk
  readonly #bounds: Test[] = [] // guards that cut a run to an interval
  readonly #runs: Test[] = [] // guards that a whole run passes or fails
  readonly #steps: Test[] = [] // guards that the whole tile passes or fails
  readonly #rows: Test[] = []
  readonly #masks: Test[] = []

  constructor(
    kernel: Kernel,
    node: FoldNode,
    places: readonly Place[],
    accumulators: readonly Local[],
    points: number,
  ) {
    this.#kernel = kernel
    this.#node = node
    this.#places = places
    this.#accumulators = accumulators
    this.#points = points
    this.#walk = new BoxWalk(kernel)
    for (const g of kernel.space.guards) {
      if (kernel.variesByLane(g)) this.#masks.push(g)
      else if (kernel.variesByRow(g)) this.#rows.push(g)
      else if (node.order.kind === 'scan') this.#steps.push(g)
      else if (!sides(g).some((form) => dependsOn(form, this.#walk.inner))) this.#runs.push(g)
      else if (this.#slope(g) !== 0) this.#bounds.push(g)
      else this.#steps.push(g)
    }
  }

  /** By how much right - left grows along the innermost dimension, where that makes the guard an interval; else 0. */
  #slope(g: Test): number {
    if (g.test !== 'lt') return 0
    let slope = 0
    for (const [side, sign] of [
      [g.right, 1],
      [g.left, -1],
    ] as const) {
      if (isForm(side)) slope += sign * side.form.by[this.#walk.inner]!
      else if (dependsOn(side.load.at, this.#walk.inner)) return 0
    }
    return Math.abs(slope) === 1 ? slope : 0
  }

  emit(): void {
    const { f } = this.#kernel
    this.#walk.rewind()
    const blocked = this.#node.order.kind === 'blocked'
    if (!blocked || this.#points <= BLOCK) {
      const end = f.i32(this.#points).keep(I32)
      this.#runTo(end)
      return
    }
    let level = 0
    for (let results = Math.ceil(this.#points / BLOCK); results > 1; results = Math.ceil(results / BLOCK))
      level++
    this.#level(level, this.#accumulators, f.i32(this.#points).keep(I32))
  }

  /** Folds everything up to `end` into `into`: steps at level 0, results of the level below above it. */
  #level(level: number, into: readonly Local[], end: Local): void {
    const { f } = this.#kernel
    const { order } = this.#node
    if (order.kind !== 'blocked') throw new Error('only blocked folds have levels')
    for (const a of into) f.splat(order.init).set(a)
    if (level === 0) {
      this.#runTo(end)
      return
    }
    // accumulators are those of level 0; the levels above keep their own
    const below = level === 1 ? this.#level0 : into.map(() => f.local(V128))
    const span = BLOCK ** level
    const belowEnd = f.local(I32)
    f.loop((again) => {
      f.get(this.#walk.k).i32(span).op('i32.add').tee(belowEnd).get(end)
      f.get(belowEnd).get(end).op('i32.lt_u').op('select').set(belowEnd)
      this.#level(level - 1, below, belowEnd)
      into.forEach((a, i) => {
        const place = this.#places[i]!
        const result = emitScalar(f, order.combine, [a, below[i]!], {
          fma: this.#kernel.fma,
          index: (p) => this.#kernel.index(p, place),
        })
        f.get(result).set(a)
      })
      f.get(this.#walk.k).get(end).op('i32.lt_u').brIf(again)
    })
  }

  #level0Locals: readonly Local[] | undefined
  /** The accumulators that steps go into: their own where blocks are combined. */
  get #level0(): readonly Local[] {
    this.#level0Locals ??= this.#accumulators.map(() => this.#kernel.f.local(V128))
    return this.#level0Locals
  }
  get #active(): readonly Local[] {
    return this.#level0Locals ?? this.#accumulators
  }

  /** Steps until k is `end`. */
  #runTo(end: Local): void {
    const { f, loads } = this.#kernel
    this.#walk.runTo(
      end,
      loads,
      () => this.#step(),
      (from, to, skip) => {
        for (const g of this.#runs) {
          this.#kernel.holds(g, ORIGIN)
          f.op('i32.eqz').brIf(skip)
        }
        for (const g of this.#bounds) this.#narrow(g, from, to)
        if (this.#bounds.length > 0) f.get(from).get(to).op('i32.ge_u').brIf(skip)
      },
    )
  }

  /** Cuts [from, to) to where the guard holds. The innermost coordinate is 0 here. */
  #narrow(g: Test, from: Local, to: Local): void {
    const { f } = this.#kernel
    this.#kernel.sideI64(g.right)
    this.#kernel.sideI64(g.left)
    const distance = f.op('i64.sub').keep(I64)
    const limit = f.local(I64)
    // falling: x < distance. rising: x > -distance
    if (this.#slope(g) > 0) f.i64(1).get(distance).op('i64.sub').set(limit)
    else f.get(distance).set(limit)
    // limit = min(max(limit, from), to)
    const bound = (local: Local, test: 'i64.lt_s' | 'i64.gt_s'): void => {
      f.get(local).op('i64.extend_i32_u').get(limit)
      f.get(local).op('i64.extend_i32_u').get(limit).op(test).op('select').set(limit)
    }
    bound(from, 'i64.gt_s')
    bound(to, 'i64.lt_s')
    f.get(limit)
      .op('i32.wrap_i64')
      .set(this.#slope(g) > 0 ? from : to)
  }

  #step(): void {
    const { space } = this.#kernel
    this.#when(this.#steps, ORIGIN, () => {
      for (let row = 0; row < this.#kernel.tile.rows; row++)
        this.#when(this.#rows, { row, vector: 0 }, () => {
          this.#row(row)
        })
    })
    if (this.#node.order.kind !== 'scan') return
    this.#places.forEach((place, i) => {
      this.#kernel.store(space.out, this.#active[i]!, place)
    })
  }

  #when(guards: readonly Test[], place: Place, body: () => void): void {
    const { f } = this.#kernel
    if (guards.length === 0) {
      body()
      return
    }
    guards.forEach((g, i) => {
      this.#kernel.holds(g, place)
      if (i > 0) f.op('i32.and')
    })
    f.if(() => this.#kernel.scoped(body))
  }

  /** A step of one row's places: side by side, or one by one where lanes of their own may be left out. */
  #row(row: number): void {
    const { f, space, fma } = this.#kernel
    const entries = this.#places.flatMap((place, i) =>
      place.row === row ? [{ place, accumulator: this.#active[i]! }] : [],
    )
    const step = (some: typeof entries): readonly Local[] =>
      emitScalars(
        f,
        this.#node.step,
        some.map(({ place, accumulator }) => ({
          args: [accumulator, ...space.reads.map((r) => this.#kernel.value(r, place))],
          index: (p) => this.#kernel.index(p, place),
        })),
        fma,
      )
    if (this.#masks.length === 0) {
      step(entries).forEach((result, i) => {
        f.get(result).set(entries[i]!.accumulator)
      })
      return
    }
    for (const entry of entries) {
      const { place, accumulator } = entry
      this.#masks.forEach((g, i) => {
        this.#kernel.holdsMask(g, place)
        if (i > 0) f.v('v128.and')
      })
      const mask = f.keep(V128)
      // where no lane passes, as in half of a causal mask, nothing is computed
      f.get(mask).v('v128.any_true')
      f.if(() =>
        this.#kernel.scoped(() => {
          const [result] = step([entry])
          laneSelect(f.get(result!).get(accumulator).get(mask), fma).set(accumulator)
        }),
      )
    }
  }
}

/** Chooses the dimension for the lanes by what a step's loads cost there, then rows where they share loads. */
const chooseTile = (node: FoldNode, space: Space): Tile => {
  const points = node.box.reduce((n, e) => n * e, 1)
  const forms = (l: Load): Form[] => [
    l.at,
    ...l.inside.map((i) => i.form),
    ...(l.word ? [l.word.load.at] : []),
  ]
  const cost = (dim: number): number => {
    let loads = 0
    for (const r of space.reads) {
      const by = r.at.by[dim]!
      loads += by === 0 || by === DTYPES[r.dtype].bytes ? 1 : 4
      if (r.inside.some((i) => dependsOn(i.form, dim))) loads += 4
      if (r.word && dependsOn(r.word.load.at, dim)) loads += 6
    }
    for (const g of space.guards) if (sides(g).some((form) => dependsOn(form, dim))) loads += 3
    const store = space.out.at.by[dim] === DTYPES[node.dtype].bytes ? 1 : 4
    return loads * points + store * (node.order.kind === 'scan' ? points : 1)
  }
  let lane: number | undefined
  for (let d = space.outer.length - 1; d >= 0; d--)
    if (space.outer[d]! >= 4 && (lane === undefined || cost(d) < cost(lane))) lane = d
  if (lane === undefined) return { vectors: 1, rows: 1 }

  const small = node.step.code.length <= 8
  const masked = space.guards.some((g) => sides(g).some((form) => dependsOn(form, lane)))
  if (masked || node.order.kind === 'scan') return { lane, vectors: 1, rows: 1 }
  if (!small)
    return {
      lane,
      vectors: space.outer[lane]! >= 16 && node.step.code.length <= 64 ? 4 : space.outer[lane]! >= 8 ? 2 : 1,
      rows: 1,
    }
  // rows pay where a load does not depend on them
  let row: number | undefined
  for (let d = space.outer.length - 1; d >= 0; d--) {
    if (d === lane || space.outer[d]! < 2) continue
    if (space.guards.some((g) => sides(g).some((form) => dependsOn(form, d)))) continue
    if (!space.reads.some((r) => forms(r).every((form) => !dependsOn(form, d)))) continue
    if (row === undefined || space.outer[d]! > space.outer[row]!) row = d
  }
  const extent = space.outer[lane]!
  if (row !== undefined)
    return { lane, vectors: extent >= 8 ? 2 : 1, row, rows: Math.min(4, space.outer[row]!) }
  // a walk that jumps from row to row takes two cache lines of each
  const vectors = extent >= 32 && node.step.code.length <= 2 ? 8 : extent >= 16 ? 4 : extent >= 8 ? 2 : 1
  return { lane, vectors, rows: 1 }
}
