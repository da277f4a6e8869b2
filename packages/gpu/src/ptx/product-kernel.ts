import { BLOCK, DTYPES, type FoldNode, size } from '@lockstep/tensor'
import { type Contraction, contractionOf, type Factor, type Tiling, tilingOf } from './contraction.ts'
import { loadRaw, storeElementCode, storeFourCode, widen } from './elements.ts'
import { accumulatorDtype, afterResults, combined, foldLaunches } from './fold-kernel.ts'
import { PtxKernel, type PtxTarget } from './kernel-text.ts'
import type { Launch } from './launch.ts'
import { isSameRef, slotsOf, unravelCode } from './point.ts'
import { emitScalar, numberLiteral } from './scalar-code.ts'

/** k of one tile: sixteen tiles are one canonical block. */
const DEPTH = 16
/** Floats between rows of a tile in shared memory: apart by four banks more than a multiple of 32. */
const SKEW = 4

/** The tiled kernels of a sum of products; undefined where the node is none. */
export const productLaunches = (
  node: FoldNode,
  name: string,
  target: PtxTarget,
  chosen?: Tiling,
): Launch[] | undefined => {
  const contraction = contractionOf(node)
  if (!contraction) return undefined
  const tiling = chosen ?? tilingOf(contraction)
  if (!tiling.split) return [productLaunch(contraction, tiling, name, target)]
  return [
    productLaunch(contraction, tiling, `${name}_blocks`, target),
    ...foldLaunches(combined(node, 0), `${name}_combined`, afterResults(node, 0)),
  ]
}

/**
 * One tile of the output a block of threads, 8 x 8 elements a thread: a warp has 64 rows and 32 columns. The factors'
 * tiles of 16 k lie twice in shared memory, k by k, so that one is computed with while the next is on its way. k ascends
 * within a canonical block from the fold's init; at each block's end its result is combined with the total.
 */
const productLaunch = (c: Contraction, tiling: Tiling, name: string, target: PtxTarget): Launch => {
  const { rows, columns, split } = tiling
  const { node, m, n, depth } = c
  const order = node.order as Extract<FoldNode['order'], { kind: 'blocked' }>
  const slots = slotsOf(node)
  const threads = (rows * columns) / 64
  const k = new PtxKernel(name, threads, 1 + slots.length)
  const outputs = size(node.shape)
  const matrices = size(c.batch)
  const [tilesM, tilesN] = [Math.ceil(m / rows), Math.ceil(n / columns)]

  // Which tile of which matrix, and which block of k.
  const block = k.let('r', 'mov.u32', '%ctaid.x')
  const tid = k.let('r', 'mov.u32', '%tid.x')
  const parts = unravelCode(k, block, [split ? c.blocks : 1, matrices, tilesM * tilesN])
  const [kBlock, matrix, tile] = parts as [string, string, string]
  const batch = unravelCode(k, matrix, c.batch)
  const [tileM, tileN] = tileOf(k, tile, tilesM, tilesN)
  const firstRow = k.let('r', 'mul.lo.u32', tileM, rows)
  const firstColumn = k.let('r', 'mul.lo.u32', tileN, columns)

  // k of this block of threads: full tiles, and whether a shorter one follows.
  const firstK = split ? k.let('r', 'mul.lo.u32', kBlock, BLOCK) : k.let('r', 'mov.b32', 0)
  const tail = depth % DEPTH
  const endK = split
    ? k.let('r', 'min.u32', k.let('r', 'add.u32', firstK, BLOCK), depth)
    : k.let('r', 'mov.b32', depth)
  const length = k.let('r', 'sub.u32', endK, firstK)
  const range = tileRange(k, c, tiling, {
    ...{ firstRow, firstColumn, firstK, length },
    full: k.let('r', 'shr.u32', length, 4),
    tiles: k.let('r', 'shr.u32', k.let('r', 'add.u32', length, DEPTH - 1), 4),
  })
  const { full, tiles } = range
  const loadedFrom = range.start === '0' ? firstK : k.let('r', 'mad.lo.u32', range.start, DEPTH, firstK)

  const [leftStep, rightStep] = [rows + SKEW, columns + SKEW]
  const half = DEPTH * (leftStep + rightStep) * 4
  const shared = k.shared(2 * half)
  const slot = (f: Factor): number => 1 + slots.findIndex((s) => isSameRef(s, f.ref))
  const copy = (
    f: Factor,
    extent: number,
    side: number,
    step: number,
    first: string,
    offset: number,
  ): TileCopy =>
    new TileCopy(k, target, f, {
      ...{ extent, side, step, first, threads, tid, firstK: loadedFrom, batch, depth, tail },
      base: k.parameter(slot(f)),
      shared: k.let('r', 'add.u32', shared, offset),
    })
  const left = copy(c.left, m, rows, leftStep, firstRow, 0)
  const right = copy(c.right, n, columns, rightStep, firstColumn, DEPTH * leftStep * 4)

  // This thread's eight rows and columns: two runs of four each.
  const lane = k.let('r', 'and.b32', tid, 31)
  const warp = k.let('r', 'shr.u32', tid, 5)
  const acrossWarps = columns / 32
  const warpRow = k.let('r', 'div.u32', warp, acrossWarps)
  const warpColumn = k.let('r', 'sub.u32', warp, k.let('r', 'mul.lo.u32', warpRow, acrossWarps))
  const laneRow = k.let('r', 'shr.u32', lane, 2)
  const laneColumn = k.let('r', 'and.b32', lane, 3)
  const ownRow = k.let('r', 'mad.lo.u32', warpRow, 64, k.let('r', 'shl.b32', laneRow, 2))
  const ownColumn = k.let('r', 'mad.lo.u32', warpColumn, 32, k.let('r', 'shl.b32', laneColumn, 2))
  const leftAt = k.let('r', 'mad.lo.u32', ownRow, 4, shared)
  const rightAt = k.let('r', 'add.u32', k.let('r', 'mad.lo.u32', ownColumn, 4, shared), DEPTH * leftStep * 4)

  const init = numberLiteral(order.init)
  const several = c.blocks > 1 && !split
  const sums = Array.from({ length: 64 }, () => k.let('f', 'mov.f32', init))
  const totals = several ? Array.from({ length: 64 }, () => k.let('f', 'mov.f32', init)) : []
  const combine = (): void => {
    sums.forEach((sum, i) => {
      k.emit(`mov.f32 ${totals[i]}, ${emitScalar(k, order.combine, [totals[i]!, sum], noIndex)}`)
      k.emit(`mov.f32 ${sum}, ${init}`)
    })
  }

  const number = k.let('r', 'mov.b32', range.start) // of the tile that is computed with
  /** Which half of shared memory it lies in. */
  const current = k.let('r', 'mov.b32', 0)
  const four = (address: string, offset: number): string[] => {
    const f = Array.from({ length: 4 }, () => k.register('f'))
    k.emit(`ld.shared.v4.f32 {${f.join(', ')}}, [${address}+${offset}]`)
    return f
  }
  const guard = c.guard
  const byK = guard !== undefined && guard.k !== 0
  // From which k on a row's steps run, or no longer run, counted from this block's first k.
  const bounds = byK ? ROWS.map((i) => range.boundOf(k.let('r', 'add.u32', ownRow, i))) : []
  const compute = (count: number, masked: boolean): void => {
    const within = masked ? k.let('r', 'shl.b32', number, 4) : ''
    const rest = masked ? bounds.map((bound) => k.let('r', 'sub.u32', bound, within)) : []
    const l = k.let('r', 'add.u32', leftAt, current)
    const r = k.let('r', 'add.u32', rightAt, current)
    const fragments = (kk: number) => ({
      x: [...four(l, kk * leftStep * 4), ...four(l, kk * leftStep * 4 + 128)],
      y: [...four(r, kk * rightStep * 4), ...four(r, kk * rightStep * 4 + 64)],
    })
    let next = fragments(0)
    for (let kk = 0; kk < count; kk++) {
      const { x, y } = next
      if (kk + 1 < count) next = fragments(kk + 1)
      const runs = rest.map((r) => `@${guard!.k > 0 ? '!' : ''}${k.let('p', 'setp.ge.s32', r, kk + 1)} `)
      for (let i = 0; i < 8; i++)
        for (let j = 0; j < 8; j++) {
          // Neighbours share a factor going to and fro.
          const jj = i % 2 === 0 ? j : 7 - j
          const sum = sums[8 * i + jj]!
          k.emit(`${runs[i] ?? ''}fma.rn.f32 ${sum}, ${x[i]}, ${y[jj]}, ${sum}`)
        }
    }
  }

  const nothing = k.label()
  if (guard) k.emit(`@!${k.let('p', 'setp.lt.u32', number, tiles)} bra ${nothing}`)
  left.load(number, full)
  right.load(number, full)
  left.store('0')
  right.store('0')
  left.landed(right)
  k.emit('bar.sync 0')
  const loop = k.label()
  const end = k.label()
  const asked = k.label()
  const met = k.label()
  k.place(loop)
  k.emit(`@!${k.let('p', 'setp.lt.u32', number, full)} bra ${end}`)
  const following = k.let('r', 'add.u32', number, 1)
  const more = k.let('p', 'setp.lt.u32', following, tiles)
  const other = k.let('r', 'xor.b32', current, half)
  k.emit(`@!${more} bra ${asked}`)
  left.load(following, full, other)
  right.load(following, full, other)
  k.place(asked)
  if (byK) {
    const all = k.label()
    const computed = k.label()
    k.emit(`@${range.isWhole(number)} bra ${all}`)
    compute(DEPTH, true)
    k.emit(`bra ${computed}`)
    k.place(all)
    compute(DEPTH, false)
    k.place(computed)
  } else compute(DEPTH, false)
  k.emit(`@!${more} bra ${end}`)
  left.store(other)
  right.store(other)
  left.landed(right)
  k.emit('bar.sync 0')
  k.emit(`mov.b32 ${current}, ${other}`)
  k.emit(`mov.b32 ${number}, ${following}`)
  if (several) {
    const inside = k.let('p', 'setp.ne.u32', k.let('r', 'and.b32', number, BLOCK / DEPTH - 1), 0)
    k.emit(`@${inside} bra ${met}`)
    combine()
    k.place(met)
  }
  k.emit(`bra ${loop}`)
  k.place(end)
  if (tail > 0) {
    const none = k.label()
    k.emit(`@!${k.let('p', 'setp.lt.u32', full, tiles)} bra ${none}`)
    compute(tail, byK)
    k.place(none)
  }
  if (several) combine()
  k.place(nothing)

  // Out it goes.
  const results = several ? totals : sums
  const dtype = split ? accumulatorDtype(node) : node.dtype
  const bytes = DTYPES[dtype].bytes
  const row = k.let('r', 'add.u32', firstRow, ownRow)
  const column = k.let('r', 'add.u32', firstColumn, ownColumn)
  if (guard && !byK)
    ROWS.forEach((i, at) => {
      COLUMNS.forEach((j, to) => {
        const r = k.let('r', 'mad.lo.u32', row, low(guard.m), low(guard.base + guard.m * i + guard.n * j))
        const value = k.let('r', 'mad.lo.u32', column, low(guard.n), r)
        const runs = k.let('p', 'setp.ge.s32', value, 1)
        const sum = results[8 * at + to]!
        k.emit(`selp.f32 ${sum}, ${sum}, ${init}, ${runs}`)
      })
    })
  let position = split ? k.let('r', 'mul.lo.u32', kBlock, outputs) : k.let('r', 'mov.b32', 0)
  batch.forEach((at, d) => {
    position = k.let('r', 'mad.lo.u32', at, c.out.batch[d]!, position)
  })
  const out = k.parameter(0)
  const together =
    c.out.n === 1 &&
    n % 4 === 0 &&
    c.out.m % 4 === 0 &&
    c.out.batch.every((b) => b % 4 === 0) &&
    (!split || outputs % 4 === 0)
  for (let i = 0; i < 8; i++) {
    const r = k.let('r', 'add.u32', row, (i % 4) + (i < 4 ? 0 : 32))
    const rowAt = k.let('r', 'mad.lo.u32', r, c.out.m, position)
    const inRows = m % rows === 0 ? undefined : k.let('p', 'setp.lt.u32', r, m)
    for (const h of [0, 1]) {
      const written = results.slice(8 * i + 4 * h, 8 * i + 4 * h + 4)
      const step = together ? 4 : 1
      for (let j = 0; j < 4; j += step) {
        const col = k.let('r', 'add.u32', column, 16 * h + j)
        const inColumns = n % columns === 0 ? undefined : k.let('p', 'setp.lt.u32', col, n)
        const inside = inRows && inColumns ? k.let('p', 'and.pred', inRows, inColumns) : (inRows ?? inColumns)
        const skip = k.label()
        if (inside) k.emit(`@!${inside} bra ${skip}`)
        const at = k.let('r', 'mad.lo.u32', col, c.out.n, rowAt)
        const address = k.let('d', 'add.s64', out, k.let('d', 'mul.wide.u32', at, bytes))
        if (together) storeFourCode(k, dtype, address, written)
        else storeElementCode(k, dtype, address, written[j]!)
        if (inside) k.place(skip)
      }
    }
  }
  k.emit('ret')
  const launch = { kernel: k, blocks: tilesM * tilesN * matrices * (split ? c.blocks : 1), slots }
  return split ? { ...launch, scratch: afterResults(node, 0), writes: 0 } : { ...launch, scratch: 0 }
}

const noIndex = (): never => {
  throw new Error('a combine program has no coordinates')
}

/** A thread's rows and columns, from its first. */
const ROWS = [0, 1, 2, 3, 32, 33, 34, 35]
const COLUMNS = [0, 1, 2, 3, 16, 17, 18, 19]

/** A word modulo 2^32. */
const low = (n: number): number => n >>> 0

type TileRange = {
  /** The first tile in which any step runs, how many are full, and how many there are; counted from the block's first k. */
  readonly start: string
  readonly full: string
  readonly tiles: string
  /** Whether all steps of a full tile run, where the guard looks at k. */
  isWhole(number: string): string
  /** Of a row of the tile: from which k on its steps run, or no longer run. */
  boundOf(row: string): string
}

/** The tiles of k in which steps of this tile of the output run at all. */
const tileRange = (
  k: PtxKernel,
  { guard }: Contraction,
  { rows, columns }: Tiling,
  at: { firstRow: string; firstColumn: string; firstK: string; length: string; full: string; tiles: string },
): TileRange => {
  const { firstRow, firstColumn, firstK, length, full, tiles } = at
  const none = (): never => {
    throw new Error('the guard does not look at k')
  }
  if (!guard) return { start: '0', full, tiles, isWhole: none, boundOf: none }
  const { base, m, n } = guard
  const clamped = (value: string): string => k.let('r', 'min.s32', k.let('r', 'max.s32', value, 0), length)
  if (guard.k === 0) {
    // The greatest value that the guard's form has in this tile.
    const row = k.let('r', 'add.u32', firstRow, m > 0 ? rows - 1 : 0)
    const column = k.let('r', 'add.u32', firstColumn, n > 0 ? columns - 1 : 0)
    const byRow = k.let('r', 'mad.lo.u32', row, low(m), low(base))
    const most = k.let('r', 'mad.lo.u32', column, low(n), byRow)
    const any = k.let('p', 'setp.ge.s32', most, 1)
    const zero = (count: string): string => k.let('r', 'selp.b32', count, 0, any)
    return { start: '0', full: zero(full), tiles: zero(tiles), isWhole: none, boundOf: none }
  }
  // A row's steps run while k < base + m * row; or from k = 1 - base - m * row on.
  const sign = guard.k < 0 ? 1 : -1
  const first = guard.k < 0 ? base : 1 - base
  const boundOf = (row: string): string => {
    const absolute = k.let('r', 'add.u32', firstRow, row)
    const bound = k.let('r', 'mad.lo.u32', absolute, low(sign * m), low(first))
    return k.let('r', 'sub.u32', bound, firstK)
  }
  const ends = [boundOf('0'), boundOf(String(rows - 1))] as const
  const least = k.let('r', 'min.s32', ...ends)
  const most = k.let('r', 'max.s32', ...ends)
  if (guard.k < 0) {
    const reached = k.let('r', 'shr.u32', k.let('r', 'add.u32', clamped(most), DEPTH - 1), 4)
    const whole = k.let('r', 'shr.u32', clamped(least), 4)
    return {
      start: '0',
      full: k.let('r', 'min.u32', full, reached),
      tiles: k.let('r', 'min.u32', tiles, reached),
      isWhole: (number) => k.let('p', 'setp.lt.u32', number, whole),
      boundOf,
    }
  }
  const whole = k.let('r', 'shr.u32', k.let('r', 'add.u32', clamped(most), DEPTH - 1), 4)
  return {
    start: k.let('r', 'shr.u32', clamped(least), 4),
    full,
    tiles,
    isWhole: (number) => k.let('p', 'setp.ge.u32', number, whole),
    boundOf,
  }
}

/** Rows of tiles that are walked together, so that the columns they share stay in the card's cache. */
const TOGETHER = 8

const tileOf = (k: PtxKernel, tile: string, tilesM: number, tilesN: number): [string, string] => {
  if (tilesM % TOGETHER !== 0 || tilesN === 1) {
    const [n, m] = unravelCode(k, tile, [tilesN, tilesM]) as [string, string]
    return [m, n]
  }
  const [group, n, m] = unravelCode(k, tile, [tilesM / TOGETHER, tilesN, TOGETHER]) as [
    string,
    string,
    string,
  ]
  return [k.let('r', 'mad.lo.u32', group, TOGETHER, m), n]
}

type Place = {
  /** Rows (or columns) of the factor, of a tile, and floats between two k of a tile in shared memory. */
  readonly extent: number
  readonly side: number
  readonly step: number
  readonly first: string
  readonly threads: number
  readonly tid: string
  readonly firstK: string
  readonly batch: readonly string[]
  readonly depth: number
  readonly tail: number
  readonly base: string
  readonly shared: string
}

/** What one thread brings of a tile: four elements along k, four along the rows, or one. */
type Shape = 'k' | 'along' | 'one'

/**
 * One factor's tiles on their way from global to shared memory, where rows (or columns) lie together for each k. Where
 * they lie together in global memory too, a card from 8.0 on copies them past the registers.
 */
class TileCopy {
  readonly #k: PtxKernel
  readonly #factor: Factor
  readonly #place: Place
  readonly #shape: Shape
  readonly #isAsync: boolean
  readonly #pieces: readonly {
    readonly pointer: string
    readonly offset: number
    /** Bytes in shared memory from the tile's first. */
    readonly to: string
    readonly toOffset: number
    readonly inside: string | undefined
    /** Its first k within the tile. */
    readonly kk: string
    readonly kOffset: number
  }[]
  readonly #pointers: readonly string[]
  #staged: string[][] = []

  constructor(k: PtxKernel, target: PtxTarget, factor: Factor, place: Place) {
    this.#k = k
    this.#factor = factor
    this.#place = place
    const { side, step, threads, tid, extent, first, depth } = place
    const bytes = DTYPES[factor.dtype].bytes
    const aligned = [factor.base, ...factor.batch].every((x) => x % 4 === 0)
    this.#shape =
      factor.k === 1 && aligned && factor.along % 4 === 0 && depth % 4 === 0
        ? 'k'
        : factor.along === 1 && aligned && factor.k % 4 === 0 && extent % 4 === 0
          ? 'along'
          : 'one'
    this.#isAsync = this.#shape === 'along' && factor.dtype === 'f32' && target !== 'sm_75'
    const width = this.#shape === 'one' ? 1 : 4
    const count = (side * DEPTH) / width / threads
    // Neighbouring threads bring what lies together.
    const alongK =
      this.#shape === 'k' || (this.#shape === 'one' && Math.abs(factor.k) < Math.abs(factor.along))
    const inner = alongK ? DEPTH / (this.#shape === 'k' ? 4 : 1) : side / (this.#shape === 'along' ? 4 : 1)
    const outer = k.let('r', 'div.u32', tid, inner)
    const rest = k.let('r', 'sub.u32', tid, k.let('r', 'mul.lo.u32', outer, inner))
    const scaled = width === 4 ? k.let('r', 'shl.b32', rest, 2) : rest
    const [row, kk] = alongK ? [outer, scaled] : [scaled, outer]
    const ahead = threads / inner
    const [rowAhead, kAhead] = alongK ? [ahead, 0] : [0, ahead]
    let position = k.let('r', 'mov.b32', factor.base >>> 0)
    place.batch.forEach((at, d) => {
      if (factor.batch[d] !== 0) position = k.let('r', 'mad.lo.u32', at, factor.batch[d]! >>> 0, position)
    })
    const absolute = k.let('r', 'add.u32', first, row)
    position = k.let('r', 'mad.lo.u32', absolute, factor.along >>> 0, position)
    const absoluteK = k.let('r', 'add.u32', place.firstK, kk)
    position = k.let('r', 'mad.lo.u32', absoluteK, factor.k >>> 0, position)
    const to = k.let('r', 'mad.lo.u32', kk, step, row)
    const toBytes = k.let('r', 'mad.lo.u32', to, 4, place.shared)
    const pointers: string[] = []
    const start = k.let('d', 'add.s64', place.base, k.let('d', 'mul.wide.u32', position, bytes))
    pointers.push(start)
    this.#pieces = Array.from({ length: count }, (_, j) => {
      const away = j * (rowAhead * factor.along + kAhead * factor.k)
      let pointer = start
      let offset = away * bytes
      if (Math.abs(offset) >= 2 ** 28) {
        const p = k.let('r', 'add.u32', position, away >>> 0)
        pointer = k.let('d', 'add.s64', place.base, k.let('d', 'mul.wide.u32', p, bytes))
        offset = 0
        pointers.push(pointer)
      }
      const inside =
        extent % side === 0
          ? undefined
          : k.let('p', 'setp.lt.u32', k.let('r', 'add.u32', absolute, j * rowAhead), extent)
      const toOffset = 4 * j * (rowAhead + kAhead * step)
      return { pointer, offset, to: toBytes, toOffset, inside, kk, kOffset: j * kAhead }
    })
    this.#pointers = pointers
  }

  /** Asks for tile `number`; the one after the full tiles is shorter. `half` is where it will lie. */
  load(number: string, full: string, half = '0'): void {
    const k = this.#k
    const { tail } = this.#place
    const { dtype } = this.#factor
    const isFull = tail > 0 ? k.let('p', 'setp.lt.u32', number, full) : undefined
    const width = this.#shape === 'one' ? 1 : 4
    this.#staged = this.#pieces.map(({ pointer, offset, to, toOffset, inside, kk, kOffset }) => {
      let holds = inside
      if (isFull) {
        const before = k.let('p', 'setp.lt.u32', k.let('r', 'add.u32', kk, kOffset), tail)
        const has = k.let('p', 'or.pred', isFull, before)
        holds = inside ? k.let('p', 'and.pred', inside, has) : has
      }
      if (!this.#isAsync) return loadRaw(k, dtype, width, pointer, offset, holds)
      const there = k.let('r', 'add.u32', to, half)
      const size = holds ? k.let('r', 'selp.b32', 16, 0, holds) : undefined
      k.emit(
        `cp.async.cg.shared.global [${there}+${toOffset}], [${pointer}+${offset}], 16${size ? `, ${size}` : ''}`,
      )
      return []
    })
    if (this.#isAsync) k.emit('cp.async.commit_group')
    const ahead = DEPTH * this.#factor.k * DTYPES[dtype].bytes
    if (ahead !== 0) for (const p of this.#pointers) k.emit(`add.s64 ${p}, ${p}, ${ahead}`)
  }

  /** Writes what has been asked for into the half of shared memory that nobody reads now. */
  store(half: string): void {
    if (this.#isAsync) return
    const k = this.#k
    const { step } = this.#place
    const { dtype } = this.#factor
    this.#pieces.forEach(({ to, toOffset }, j) => {
      const there = k.let('r', 'add.u32', to, half)
      const values = this.#staged[j]!.map((raw) => widen(k, dtype, raw))
      if (this.#shape === 'along') k.emit(`st.shared.v4.f32 [${there}+${toOffset}], {${values.join(', ')}}`)
      else
        values.forEach((value, i) => {
          k.emit(`st.shared.f32 [${there}+${toOffset + 4 * i * step}], ${value}`)
        })
    })
  }

  /** Waits for copies that are under way, this one's and the other's. */
  landed(other: TileCopy): void {
    if (this.#isAsync || other.#isAsync) this.#k.emit('cp.async.wait_group 0')
  }
}
