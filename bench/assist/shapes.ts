import { type Block, GRID_RULES, type GridRules, gridSymbols } from '@lockstep/assist'

/** What the memory of shapes says of the next symbol. */
export type ShapesView = {
  readonly p: Float32Array // chance of each symbol; sums to 1
  readonly best: number // chance of the likeliest goal
  readonly known: number // chance that the goal is a known one
}

/** Remembers what was built, and sees it again wherever it is begun on the board. */
export type ShapesMemory = {
  /** A finished game, as its symbols; `at` orders games in time. */
  learn(symbols: Uint16Array, at: number): void
  /** Undoes one `learn` of the same game and time, as though it had not been. */
  forget(symbols: Uint16Array, at: number): void
  /** What follows a game's symbols so far. */
  distribution(context: Uint16Array): ShapesView
  /** Different shapes that it holds. */
  readonly size: number
}

/** When a shape was finished, and in which order it was built then. */
type Shape = Map<number, { readonly order: readonly Spot[]; count: number }>
/** A block relative to the top left corner of its shape. */
type Spot = { readonly x: number; readonly y: number; readonly colour: number }

/**
 * The greedy prior of goals: what was finished before is what is being built now, at any place where it covers all blocks on
 * the board. A goal weighs by how often and how lately it was finished, and by how well the moves so far follow
 * the order in which it was last built: each takes the r-th of the blocks left with chance NEXT (1 - NEXT)^r, or any of them
 * alike. An unknown goal is always possible: it explains each move with a chance of UNKNOWN, and next comes any free cell in any
 * colour. `common` are goals that everybody knows.
 * Numbers are added, multiplied and divided in one order, so one history gives one distribution, bit for bit.
 */
export const shapesMemory = (
  rules: GridRules = GRID_RULES,
  common: readonly (readonly Block[])[] = [],
): ShapesMemory => {
  const { size, colours } = rules
  const symbols = gridSymbols(rules)
  const shapes = new Map<string, Shape>()
  let latest = 0
  // In the order of keys: sums then do not depend on what was learned first, or forgotten since.
  let inOrder: readonly Shape[] | undefined

  const read = (written: Uint16Array): Reading => {
    const found = symbols.read(written[0] === symbols.begin ? written.subarray(1) : written)
    const blocks = new Map<number, number>()
    for (const move of found?.moves ?? []) {
      blocks.delete(move.cell)
      if (move.kind === 'place') blocks.set(move.cell, move.colour)
    }
    const { moves = [], tool, from = 0, open = false } = found ?? {}
    const taken = moves.filter(({ kind }) => kind === 'remove').length
    return { ...spotsIn(blocks, size), tool, from, open, taken }
  }

  const timesOf = (key: string): Shape => {
    const found = shapes.get(key) ?? new Map()
    shapes.set(key, found)
    return found
  }

  for (const blocks of common) {
    const { spots } = spotsIn(new Map(blocks.map(({ cell, colour }) => [cell, colour])), size)
    const order = spots.toSorted((a, b) => b.y - a.y || a.x - b.x)
    timesOf(keyOf(spots)).set(COMMON, { order, count: 1 })
  }

  /** Lately finished goals weigh more: half as much after MEMORY games. */
  const weightOf = (times: Shape): number => {
    let weight = 0
    for (const [at, { count }] of times)
      weight += at === COMMON ? COMMON_WEIGHT : (count * MEMORY) / (MEMORY + Math.max(0, latest - at))
    return weight
  }

  /** How likely known goals hold each placement next, and all that was before it; the likeliest of them, and all. */
  const knownOf = ({ spots: lying, left, top, taken }: Reading, board: Uint8Array) => {
    const placed = new Float64Array(board.length * colours)
    let [known, best] = [0, 0]
    let slips = 1
    for (let n = 0; n < taken; n++) slips *= SLIP
    inOrder ??= [...shapes].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, shape]) => shape)
    for (const shape of inOrder) {
      const order = [...shape.values()].at(-1)!.order
      if (order.length <= lying.length) continue
      const weight = weightOf(shape) * slips
      for (const { dx, dy, places } of placesOf(order, lying, left, top, size)) {
        const chance = (weight / places) * following(order, lying, left - dx, top - dy)
        known += chance
        best = Math.max(best, chance)
        const open = order.filter(({ x, y }) => !board[(dy + y) * size + dx + x])
        let turn = NEXT
        for (const { x, y, colour } of open) {
          const at = ((dy + y) * size + dx + x) * colours + colour
          placed[at]! += chance * (ORDERLY * turn + (1 - ORDERLY) / open.length)
          turn *= 1 - NEXT
        }
      }
    }
    return { placed, known, best }
  }

  return {
    get size() {
      return shapes.size
    },
    learn(written, at) {
      const { spots } = read(written)
      if (spots.length === 0) return
      const times = timesOf(keyOf(spots))
      times.set(at, { order: spots, count: (times.get(at)?.count ?? 0) + 1 })
      inOrder = undefined
      latest = Math.max(latest, at)
    },
    forget(written, at) {
      const key = keyOf(read(written).spots)
      const times = shapes.get(key)
      const found = times?.get(at)
      if (!times || !found) return
      if (found.count > 1) found.count--
      else times.delete(at)
      if (times.size === 0) shapes.delete(key)
      inOrder = undefined
      latest = 0
      for (const times of shapes.values()) for (const at of times.keys()) latest = Math.max(latest, at)
    },
    distribution(context) {
      const reading = read(context)
      const { spots: lying, left, top, tool, from, open } = reading
      const board = new Uint8Array(size ** 2)
      for (const { x, y, colour } of lying) board[(top + y) * size + left + x] = colour + 1
      const { placed, known, best } = knownOf(reading, board)
      let other = 1
      for (let n = 0; n < lying.length + 2 * reading.taken; n++) other *= UNKNOWN
      const all = known + other
      const free = board.filter((value) => !value).length
      for (const [at, chance] of placed.entries()) placed[at] = chance + other / (free * colours)

      const p = new Float64Array(symbols.count)
      const isOpen = (hand: number, cell: number): boolean => (hand === colours) === board[cell]! > 0
      for (let hand = 0; hand <= colours; hand++) {
        if (open && hand !== tool) continue
        const removing = hand === colours
        for (let cell = 0; cell < board.length; cell++) {
          if (!isOpen(hand, cell)) continue
          const chance = removing ? (REMOVAL * all) / lying.length : placed[cell * colours + hand]!
          p[hand === tool ? symbols.offsetOf(cell, from) : symbols.toolOf(hand)]! += chance
        }
      }
      let sum = 0
      for (const chance of p) sum += chance
      const chances = Float32Array.from(p, (chance) => (sum > 0 ? chance / sum : 0))
      return { p: chances, best: all > 0 ? best / all : 0, known: all > 0 ? known / all : 0 }
    },
  }
}

type Reading = {
  readonly spots: readonly Spot[]
  readonly left: number
  readonly top: number
  readonly tool: number | undefined
  readonly from: number
  readonly open: boolean
  readonly taken: number // blocks that were taken away
}

const NEXT = 0.75 // the chance that the next block is the first of those left in the order
const ORDERLY = 0.8 // the chance that a move follows the order at all
const UNKNOWN = 0.02 // the chance of a move of an unknown goal
const REMOVAL = 0.01
const SLIP = 0.0001 // the chance that a block of no known goal is placed, and taken away again
const MEMORY = 8 // games
const COMMON = -1 // when goals that everybody knows were finished
const COMMON_WEIGHT = 0.05

const spotsIn = (
  blocks: ReadonlyMap<number, number>,
  size: number,
): { readonly spots: Spot[]; readonly left: number; readonly top: number } => {
  let [left, top] = [size, size]
  for (const cell of blocks.keys()) {
    left = Math.min(left, cell % size)
    top = Math.min(top, Math.floor(cell / size))
  }
  const spots = [...blocks].map(([cell, colour]) => ({
    x: (cell % size) - left,
    y: Math.floor(cell / size) - top,
    colour,
  }))
  return { spots, left, top }
}

const keyOf = (spots: readonly Spot[]): string =>
  spots
    .map(({ x, y, colour }) => (y * 16 + x) * 16 + colour)
    .sort((a, b) => a - b)
    .join(' ')

/** Where a shape may lie: corners (dx, dy) at which it covers all blocks on the board, and how many corners there are on an empty one. */
function* placesOf(
  order: readonly Spot[],
  lying: readonly Spot[],
  left: number,
  top: number,
  size: number,
): Iterable<{ readonly dx: number; readonly dy: number; readonly places: number }> {
  let [wide, high] = [0, 0]
  const has = new Map<number, number>()
  for (const { x, y, colour } of order) {
    wide = Math.max(wide, x + 1)
    high = Math.max(high, y + 1)
    has.set(y * 16 + x, colour)
  }
  const places = (size - wide + 1) * (size - high + 1)
  for (let dy = 0; dy <= size - high; dy++)
    for (let dx = 0; dx <= size - wide; dx++)
      if (
        lying.every(({ x, y, colour }) => {
          const [at, down] = [left + x - dx, top + y - dy]
          return at >= 0 && down >= 0 && has.get(down * 16 + at) === colour
        })
      )
        yield { dx, dy, places }
}

/** How well blocks that were placed one after another follow the order of a shape: a product of chances. */
const following = (order: readonly Spot[], lying: readonly Spot[], right: number, down: number): number => {
  const open = order.map(({ x, y }) => y * 16 + x)
  let chance = 1
  for (const { x, y } of lying) {
    const rank = open.indexOf((down + y) * 16 + right + x)
    let turn = NEXT
    for (let r = 0; r < rank; r++) turn *= 1 - NEXT
    chance *= ORDERLY * turn + (1 - ORDERLY) / open.length
    open.splice(rank, 1)
  }
  return chance
}
