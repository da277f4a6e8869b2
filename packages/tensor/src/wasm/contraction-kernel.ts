import { DTYPES } from '../dtype.ts'
import { BLOCK, type FoldNode } from '../node.ts'
import type { ScalarProgram } from '../scalar/scalar-program.ts'
import { BoxWalk } from './box-walk.ts'
import { type Fn, I32, type Local, V128 } from './emitter.ts'
import { emitFma, type Fma } from './fma.ts'
import { Kernel, ORIGIN, type Place } from './kernel.ts'
import type { Phase } from './phase.ts'
import { type Form, isForm, type Load, type Space, spaceOf, type Test } from './space.ts'

/**
 * Sums of products of two reads, known by the shape of the fold: step is fma of the two reads and the accumulator,
 * combine is add. An output dimension that only one read follows is a row (of the side whose elements are broadcast to
 * the lanes) or a column (of the side that gives four lanes at once); what both or neither follow is batch.
 *
 * The box is cut into the blocks that the fold's meaning has anyway. For each block the columns' elements are packed
 * into panels, k by k, and tiles of 4 rows by 8 columns walk k in order with their accumulators in registers; a tile's
 * block result is then added to its running total, which lies in the output. Only the order of outputs is ours.
 */
const ROWS = 4
const COLUMNS_A_UNIT = 128
// A unit packs its columns once for all of its rows: many rows pay the packing back, several units keep threads busy.
const ROW_TILES_A_UNIT = { least: 32, most: 128 }
const UNITS = 8
const ARGUMENT_SCRATCH = 3

type Plan = {
  readonly space: Space
  readonly init: number
  readonly points: number
  readonly rowRead: Load
  readonly laneRead: Load
  readonly row: number
  readonly moreRows: readonly number[] // other dimensions of the rows' side: tiles are walked over them too
  readonly lane: number
  readonly batch: readonly number[]
  readonly rows: number
  readonly vectors: number
}

export const contractionPhase = (node: FoldNode, fma: Fma): Phase | undefined => {
  const plan = planOf(node)
  return plan && emit(node, plan, fma)
}

/** Whether this kernel takes the node. */
export const isContraction = (node: FoldNode): boolean => planOf(node) !== undefined

const planOf = (node: FoldNode): Plan | undefined => {
  const { order } = node
  const points = node.box.reduce((n, e) => n * e, 1)
  if (order.kind === 'scan' || typeof order.init !== 'number') return undefined
  if (!isProductSum(node.step) || points < 4 || node.shape.length === 0) return undefined
  // more than one level of totals, or a chain longer than a block, is left to the general kernel
  if (order.kind === 'blocked' ? points > BLOCK * BLOCK || !isSum(order.combine) : points > BLOCK)
    return undefined
  const space = spaceOf(node)
  if (space.guards.length > 0 && !(guardsOutputs(space) && (points <= BLOCK || order.init === MINUS_ZERO)))
    return undefined
  const [first, second] = space.reads as readonly [Load, Load]
  const follows = (l: Load, d: number): boolean => formsOf(l).some((form) => form.by[d] !== 0)
  const dims = [...space.outer.keys()]
  const only = (a: Load, b: Load): number[] => dims.filter((d) => follows(a, d) && !follows(b, d))
  const last = dims.at(-1)
  if (last === undefined) return undefined
  const [rowRead, laneRead] = only(second, first).includes(last) ? [first, second] : [second, first]
  const columns = only(laneRead, rowRead)
  const rowDims = only(rowRead, laneRead)
  const lane = columns.at(-1)
  if (lane !== last || rowDims.length === 0 || space.outer[lane]! < 4) return undefined
  // the longest of the rows' dimensions is cut into tiles
  const row = rowDims.reduce((best, d) => (space.outer[d]! >= space.outer[best]! ? d : best))
  const moreRows = rowDims.filter((d) => d !== row)
  const height = rowDims.reduce((n, d) => n * space.outer[d]!, 1)
  if (height < 8) return undefined // packing would cost more than it saves
  return {
    space,
    init: order.init,
    points,
    rowRead,
    laneRead,
    row,
    moreRows,
    lane,
    batch: dims.filter((d) => d !== lane && !rowDims.includes(d)),
    rows: Math.min(ROWS, space.outer[row]!),
    vectors: space.outer[lane]! >= 8 ? 2 : 1,
  }
}

const formsOf = (l: Load): Form[] => [
  l.at,
  ...l.inside.map((i) => i.form),
  ...(l.word ? [l.word.load.at] : []),
]

/**
 * Whether guards pass or fail whole outputs, as a causal mask on scores does. An output that fails keeps init in every
 * block; their sum is init where there is one block, or where init is -0.
 */
const guardsOutputs = ({ guards, outer }: Space): boolean =>
  guards.every((g) =>
    [g.left, g.right].every((s) => isForm(s) && s.form.by.every((by, d) => d < outer.length || by === 0)),
  )
const MINUS_ZERO = 0x80000000

const isProductSum = ({ args, code, result }: ScalarProgram): boolean => {
  const [only] = code
  if (args.length !== 3 || code.length !== 1 || result !== 3 || only?.op !== 'fma') return false
  const [a, b, c] = only.args
  return c === 0 && ((a === 1 && b === 2) || (a === 2 && b === 1))
}

const isSum = ({ code, result }: ScalarProgram): boolean => {
  const [only] = code
  return code.length === 1 && result === 2 && only?.op === 'fadd' && only.args[0] !== only.args[1]
}

/** How the rows' elements reach the tile: straight from their tensor, or packed four by four, k by k. */
const isDirect = ({ space, rowRead, row, rows }: Plan): boolean =>
  rowRead.dtype === 'f32' &&
  rowRead.inside.length === 0 &&
  !rowRead.word &&
  space.box.length === 1 &&
  rowRead.at.by[row]! >= 0 &&
  rows * rowRead.at.by[row]! < 2 ** 30 &&
  Math.abs(rowRead.at.by[space.outer.length]!) <= 16

const emit = (node: FoldNode, plan: Plan, fma: Fma): Phase => {
  const { space, init, points, rowRead, laneRead, row, moreRows, lane, batch, rows, vectors } = plan
  const kernel = new Kernel(space, { vectors: 1, rows: 1 }, fma)
  const { f, coords } = kernel
  const walk = new BoxWalk(kernel)
  const width = 4 * vectors
  const blocked = points > BLOCK
  const direct = isDirect(plan)
  const wide = node.dtype === 'f32' // the output itself can hold running totals

  const extent = (d: number): number => space.outer[d]!
  const laneTiles = Math.ceil(extent(lane) / width)
  const rowTiles = moreRows.reduce((n, d) => n * extent(d), Math.ceil(extent(row) / rows))
  const laneBlocks = Math.ceil((laneTiles * width) / COLUMNS_A_UNIT)
  const batches = batch.reduce((n, d) => n * extent(d), 1)
  const share = Math.ceil((rowTiles * laneBlocks * batches) / UNITS)
  const rowTilesEach = Math.max(ROW_TILES_A_UNIT.least, Math.min(ROW_TILES_A_UNIT.most, share))
  const rowBlocks = Math.ceil(rowTiles / rowTilesEach)
  const lanesEach = Math.ceil(laneTiles / laneBlocks)
  // rows that lie side by side in memory are packed four tiles at a time, a whole cache line
  const consecutive = !direct && rows === 4 && rowRead.at.by[row] === DTYPES[rowRead.dtype].bytes
  const group = consecutive && extent(row) % 16 === 0 ? 4 : 1
  const rowsEach = Math.ceil(rowTiles / rowBlocks / group) * group

  const tilePanel = 4 * rows * BLOCK
  const rowPanel = direct ? 0 : group * tilePanel
  const panelBytes = 4 * width * Math.min(points, BLOCK)
  const totalsAt = rowPanel + lanesEach * panelBytes
  const totalsBytes = blocked && !wide ? rowsEach * lanesEach * rows * width * 4 : 0

  const laneLoads = kernel.loads.filter((l) => l === laneRead || l === laneRead.word?.load)
  const rowLoads = kernel.loads.filter((l) => l === rowRead || l === rowRead.word?.load)
  const outer = [...space.outer.keys()]
  const scratch = (offset: number): Fn => f.get(ARGUMENT_SCRATCH).i32(offset).op('i32.add')

  /** A loop of `local` over [from, to). */
  const count = (local: Local, from: Local, to: Local, body: () => void): void => {
    f.get(from).set(local)
    f.loop((again) => {
      body()
      f.get(local).i32(1).op('i32.add').tee(local).get(to).op('i32.lt_u').brIf(again)
    })
  }
  /** Part `number` of `total` things in pieces of `each`. */
  const piece = (number: Local, each: number, total: number): { from: Local; to: Local } => {
    const from = f.get(number).i32(each).op('i32.mul').keep(I32)
    const to = f.get(from).i32(each).op('i32.add').keep(I32)
    kernel.minimum(to, total)
    return { from, to }
  }

  const tile = f.local(I32) // counts tiles along the lanes, in packing and in computing
  const k0 = f.local(I32)
  const k1 = f.local(I32)

  const packLanes = (lanes: { from: Local; to: Local }): void => {
    kernel.tile = { lane, vectors, rows: 1 }
    const to = scratch(rowPanel).keep(I32)
    count(tile, lanes.from, lanes.to, () => {
      kernel.decode(tile, [{ dim: lane, size: width }])
      for (const l of laneLoads) kernel.start(l, [...batch, lane])
      walk.seek(k0)
      walk.runTo(k1, laneLoads, () => {
        for (let vector = 0; vector < vectors; vector++) {
          const value = kernel.value(laneRead, { row: 0, vector })
          f.get(to)
            .get(value)
            .memory('v128.store', 16 * vector)
        }
        f.get(to)
          .i32(4 * width)
          .op('i32.add')
          .set(to)
      })
      if (points % BLOCK !== 0 && blocked)
        // the last block is shorter, its panels too: each begins where a full one would
        f.get(to)
          .i32(4 * width)
          .get(k0)
          .get(k1)
          .op('i32.sub')
          .i32(BLOCK)
          .op('i32.add')
          .op('i32.mul')
          .op('i32.add')
          .set(to)
    })
  }

  const packRows = (): void => {
    kernel.tile = consecutive ? { lane: row, vectors: group, rows: 1 } : { row, rows, vectors: 1 }
    const to = scratch(0).keep(I32)
    walk.seek(k0)
    walk.runTo(k1, rowLoads, () => {
      if (consecutive)
        for (let vector = 0; vector < group; vector++) {
          const value = kernel.value(rowRead, { row: 0, vector })
          f.get(to)
            .get(value)
            .memory('v128.store', vector * tilePanel)
        }
      else
        for (let r = 0; r < rows; r++) {
          const value = kernel.value(rowRead, { row: r, vector: 0 })
          f.get(to)
            .get(value)
            .laneMemory('v128.store32_lane', 0, 4 * r)
        }
      f.get(to)
        .i32(4 * rows)
        .op('i32.add')
        .set(to)
    })
  }

  /** The tile's accumulators over the block: rows from `from`, lanes from the panel. */
  const multiply = (from: Local, panel: Local): Local[] => {
    const accumulators = Array.from({ length: rows * vectors }, () => f.splat(init).keep(V128))
    const a = f.get(from).keep(I32)
    const b = f.get(panel).keep(I32)
    const end = f
      .get(k1)
      .get(k0)
      .op('i32.sub')
      .i32(4 * width)
      .op('i32.mul')
      .get(b)
      .op('i32.add')
      .keep(I32)
    const lanes = Array.from({ length: vectors }, () => f.local(V128))
    const one = f.local(V128)
    const walkBlock = (): Fn =>
      f.loop((again) => {
        lanes.forEach((l, j) => {
          f.get(b)
            .memory('v128.load', 16 * j)
            .set(l)
        })
        for (let r = 0; r < rows; r++) {
          f.get(a)
            .memory('v128.load32_splat', direct ? r * rowRead.at.by[row]! : 4 * r)
            .set(one)
          for (let j = 0; j < vectors; j++) {
            const accumulator = accumulators[r * vectors + j]!
            f.get(one).get(lanes[j]!).get(accumulator)
            emitFma(f, fma).set(accumulator)
          }
        }
        f.get(a)
          .i32(direct ? rowRead.at.by[space.outer.length]! : 4 * rows)
          .op('i32.add')
          .set(a)
        f.get(b)
          .i32(4 * width)
          .op('i32.add')
          .tee(b)
          .get(end)
          .op('i32.lt_u')
          .brIf(again)
      })
    const tests = space.guards.flatMap(relaxed)
    if (tests.length === 0) walkBlock()
    else {
      // a tile in which no place can pass is left out
      tests.forEach((t, i) => {
        kernel.holds(t, ORIGIN)
        if (i > 0) f.op('i32.and')
      })
      f.if(walkBlock)
    }
    return accumulators
  }

  /** A test that holds at the tile's first place if the guard holds anywhere in the tile; none for equalities. */
  const relaxed = (g: Test): Test[] => {
    if (g.test !== 'lt' || !isForm(g.left) || !isForm(g.right)) return []
    const [left, right] = [g.left.form, g.right.form]
    const gain = (d: number, n: number): number => Math.max(0, (right.by[d]! - left.by[d]!) * (n - 1))
    return [{ ...g, right: { form: { ...right, base: right.base + gain(row, rows) + gain(lane, width) } } }]
  }

  /** A result as it is stored: init where a guard fails. */
  const guarded = (value: Local, place: Place): Local => {
    if (space.guards.length === 0) return value
    f.get(value).splat(init)
    space.guards.forEach((g, i) => {
      kernel.holdsMask(g, place)
      if (i > 0) f.v('v128.and')
    })
    return f.v('v128.bitselect').keep(V128)
  }

  /** Adds block results to totals and stores. Of a tile that was moved back, only the places that are its own. */
  const finish = (accumulators: readonly Local[], totals: Local | undefined): void => {
    const write = (fromRow: number, fromLane: number): void => {
      for (let r = fromRow; r < rows; r++)
        for (let j = 0; j < vectors; j++) {
          if (4 * j + 3 < fromLane) continue
          const place = { row: r, vector: j }
          const value = accumulators[r * vectors + j]!
          const partial = Math.max(0, fromLane - 4 * j)
          if (!blocked) {
            kernel.store(space.out, guarded(value, place), place, partial)
            continue
          }
          const at = totals ?? kernel.address(space.out)
          const offset = totals === undefined ? r * space.out.at.by[row]! + 16 * j : 4 * width * r + 16 * j
          f.get(k0)
          f.ifV128(
            () => f.get(at).memory('v128.load', offset),
            () => f.splat(init),
          )
          const total = f.get(value).v('f32x4.add').keep(V128)
          if (totals === undefined) kernel.store(space.out, guarded(total, place), place, partial)
          else {
            f.get(k1).i32(points).op('i32.eq')
            f.if(
              () => kernel.store(space.out, guarded(total, place), place, partial),
              () => f.get(at).get(total).memory('v128.store', offset),
            )
          }
        }
    }
    const moved = (dim: number, size: number): boolean => extent(dim) % size !== 0
    const isLast = (dim: number, size: number): Fn =>
      f
        .get(coords[dim]!)
        .i32(extent(dim) - size)
        .op('i32.eq')
    const byLane = (fromRow: number): void => {
      if (!moved(lane, width)) write(fromRow, 0)
      else
        isLast(lane, width).if(
          () => write(fromRow, width - (extent(lane) % width)),
          () => write(fromRow, 0),
        )
    }
    if (!moved(row, rows)) byLane(0)
    else
      isLast(row, rows).if(
        () => byLane(rows - (extent(row) % rows)),
        () => byLane(0),
      )
  }

  kernel.units((unit) => {
    const rest = f.get(unit).keep(I32)
    const split = (n: number): Local => {
      const part = f.get(rest).i32(n).op('i32.rem_u').keep(I32)
      f.get(rest).i32(n).op('i32.div_u').set(rest)
      return part
    }
    const lanes = piece(split(laneBlocks), lanesEach, laneTiles)
    const tiles = piece(split(rowBlocks), rowsEach, rowTiles)
    kernel.decode(
      rest,
      batch.map((dim) => ({ dim, size: 1 })),
    )
    const rowTile = f.local(I32)
    const panel = f.local(I32)
    f.i32(0).set(k0)
    f.loop((again) => {
      f.get(k0).i32(BLOCK).op('i32.add').set(k1)
      kernel.minimum(k1, points)
      packLanes(lanes)
      const totals = totalsBytes > 0 ? scratch(totalsAt).keep(I32) : undefined
      count(rowTile, tiles.from, tiles.to, () => {
        kernel.decode(rowTile, [...moreRows.map((dim) => ({ dim, size: 1 })), { dim: row, size: rows }])
        for (const l of rowLoads)
          kernel.start(
            l,
            outer.filter((d) => d !== lane),
          )
        let from: Local
        if (direct) {
          f.get(kernel.address(rowRead)).get(k0).i32(rowRead.at.by[space.outer.length]!)
          from = f.op('i32.mul').op('i32.add').keep(I32)
        } else {
          const place = (): Fn =>
            f
              .get(rowTile)
              .i32(group - 1)
              .op('i32.and')
          place().op('i32.eqz').if(packRows)
          place().i32(tilePanel).op('i32.mul')
          from = f.get(ARGUMENT_SCRATCH).op('i32.add').keep(I32)
        }
        kernel.tile = { lane, vectors, row, rows }
        scratch(rowPanel).set(panel)
        kernel.start(
          space.out,
          outer.filter((d) => d !== lane),
        )
        count(tile, lanes.from, lanes.to, () => {
          kernel.decode(tile, [{ dim: lane, size: width }])
          kernel.moved([space.out], [lane], () => finish(multiply(from, panel), totals))
          f.get(panel).i32(panelBytes).op('i32.add').set(panel)
          if (totals !== undefined)
            f.get(totals)
              .i32(4 * rows * width)
              .op('i32.add')
              .set(totals)
        })
      })
      f.get(k1).tee(k0).i32(points).op('i32.lt_u').brIf(again)
    })
  })
  const units = batches * laneBlocks * rowBlocks
  const cost = rowsEach * rows * lanesEach * width * points
  return { fn: f, slots: space.slots, units, cost, scratch: totalsAt + totalsBytes }
}
