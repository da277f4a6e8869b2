import { type Draws, draws } from '@lockstep/swarm'
import { type Block, blocksOn, checkRules, GRID_RULES, type GridRules } from './board.ts'

/** Something that a person may have in mind to build: blocks on a board, in the order of cells. */
export type Goal = { readonly family: Family; readonly blocks: readonly Block[] }

/** Families of which a base may learn. */
export const TRAINING_FAMILIES = [
  'tower',
  'house',
  'wall',
  'bridge',
  'flag',
  'frames',
  'checker',
  'stairs',
  'pyramid',
  'stripes',
  'cross',
  'posts',
  'path',
  'plots',
] as const

/** Families that no base has seen. */
export const HELD_OUT_FAMILIES = ['letter', 'mirrored', 'castle', 'tree', 'spiral', 'arrow'] as const

export type Family = (typeof TRAINING_FAMILIES)[number] | (typeof HELD_OUT_FAMILIES)[number]

/** Tells the words that goals are drawn from apart from those of other purposes. */
const GOAL_WORDS = 0x4752_4944

/** The goal of a family that one seed has: 6 to 40 blocks, wherever it has room on the board. */
export const goalOf = (family: Family, seed: number, rules: GridRules = GRID_RULES): Goal => {
  checkRules(rules)
  const names: readonly Family[] = [...TRAINING_FAMILIES, ...HELD_OUT_FAMILIES]
  const drawn = draws(seed, GOAL_WORDS, names.indexOf(family))
  const sketch = new Map<number, number>()
  const pen: Pen = {
    put: (x, y, colour) => void sketch.set(y * 16 + x, colour),
    between: (least, most) => least + drawn.below(most - least + 1),
    drawn,
    colours: shuffled(rules.colours, drawn),
  }
  DRAWINGS[family](pen)
  const at = [...sketch].map(([place, colour]) => ({ x: place % 16, y: Math.floor(place / 16), colour }))
  const wide = 1 + Math.max(...at.map(({ x }) => x))
  const high = 1 + Math.max(...at.map(({ y }) => y))
  const left = drawn.below(rules.size - wide + 1)
  const top = drawn.below(rules.size - high + 1)
  const board = new Uint8Array(rules.size ** 2)
  for (const { x, y, colour } of at) board[(top + y) * rules.size + left + x] = colour + 1
  return { family, blocks: blocksOn(board) }
}

/** The same goal elsewhere on the board. */
export const movedGoal = ({ family, blocks }: Goal, drawn: Draws, { size }: GridRules = GRID_RULES): Goal => {
  const xs = blocks.map(({ cell }) => cell % size)
  const ys = blocks.map(({ cell }) => Math.floor(cell / size))
  const [left, top] = [Math.min(...xs), Math.min(...ys)]
  const right = drawn.below(size - Math.max(...xs) + left)
  const down = drawn.below(size - Math.max(...ys) + top)
  const by = (down - top) * size + right - left
  return { family, blocks: blocks.map(({ cell, colour }) => ({ cell: cell + by, colour })) }
}

/** Draws at the top left of a board, of which it may use 8 cells each way, and as many colours as there are. */
type Pen = {
  put(x: number, y: number, colour: number): void
  between(least: number, most: number): number
  readonly drawn: Draws
  /** The board's colours in this goal's order: the first is its main one. At least three may be asked for. */
  readonly colours: readonly [number, number, number, ...number[]]
}

const shuffled = (count: number, drawn: Draws): Pen['colours'] => {
  const list = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = drawn.below(i + 1)
    ;[list[i], list[j]] = [list[j]!, list[i]!]
  }
  return [list[0]!, list[1 % count]!, list[2 % count]!, ...list.slice(3)]
}

const fill = ({ put }: Pen, x: number, y: number, wide: number, high: number, colour: number): void => {
  for (let j = y; j < y + high; j++) for (let i = x; i < x + wide; i++) put(i, j, colour)
}

const frame = ({ put }: Pen, from: number, wide: number, high: number, colour: number): void => {
  for (let x = from; x < wide - from; x++) for (const y of [from, high - 1 - from]) put(x, y, colour)
  for (let y = from; y < high - from; y++) for (const x of [from, wide - 1 - from]) put(x, y, colour)
}

const LETTERS: readonly string[] = [
  '1111 1000 1110 1000 1111',
  '1001 1001 1111 1001 1001',
  '1000 1000 1000 1000 1111',
  '1110 1001 1110 1001 1110',
  '0110 1001 1111 1001 1001',
  '1111 1000 1000 1000 1111',
  '1001 1101 1111 1011 1001',
  '1110 1001 1110 1000 1000',
  '1001 1010 1100 1010 1001',
  '1111 0001 0001 1001 0110',
  '1110 1001 1110 1010 1001',
  '1111 0010 0100 1000 1111',
]

const DRAWINGS: { readonly [F in Family]: (pen: Pen) => void } = {
  tower(pen) {
    const [wide, high] = [pen.between(2, 3), pen.between(4, 7)]
    fill(pen, 0, 1, wide, high, pen.colours[0])
    for (let x = 0; x < wide; x += 2) pen.put(x, 0, pen.colours[1])
  },
  house(pen) {
    const [wide, high] = [2 * pen.between(1, 2) + 2, pen.between(2, 4)]
    const roof = wide / 2
    for (let y = 0; y < roof; y++) fill(pen, roof - 1 - y, y, 2 * y + 2, 1, pen.colours[1])
    fill(pen, 0, roof, wide, high, pen.colours[0])
    fill(pen, pen.between(1, wide - 2), roof + high - 2, 1, 2, pen.colours[2])
  },
  wall(pen) {
    const [wide, high, gap] = [pen.between(6, 8), pen.between(2, 4), pen.between(2, 3)]
    for (let x = 0; x < wide; x++) if (x % (gap + 1) !== gap) fill(pen, x, 0, 1, high, pen.colours[0])
    fill(pen, 0, high, wide, 1, pen.colours[1])
  },
  bridge(pen) {
    const [wide, high, leg] = [pen.between(6, 8), pen.between(2, 4), pen.between(1, 2)]
    fill(pen, 0, 0, wide, pen.between(1, 2), pen.colours[0])
    for (const x of [0, wide - leg]) fill(pen, x, 2, leg, high, pen.colours[1])
    fill(pen, 0, 1, leg, 1, pen.colours[1])
    fill(pen, wide - leg, 1, leg, 1, pen.colours[1])
  },
  flag(pen) {
    const [wide, high, pole] = [pen.between(3, 5), pen.between(1, 2), pen.between(2, 3)]
    for (const band of [0, 1]) fill(pen, 1, band * high, wide, high, pen.colours[1 + band]!)
    fill(pen, 0, 0, 1, 2 * high + pole, pen.colours[0])
  },
  frames(pen) {
    const [wide, high] = [pen.between(4, 7), pen.between(4, 7)]
    for (let from = 0; 2 * from < Math.min(wide, high) && from < 2; from++)
      frame(pen, from, wide, high, pen.colours[from]!)
  },
  checker(pen) {
    const [wide, high] = [pen.between(3, 6), pen.between(3, 6)]
    for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) pen.put(x, y, pen.colours[(x + y) % 2]!)
  },
  stairs(pen) {
    const [steps, tread, turned] = [pen.between(4, 6), pen.between(1, 2), pen.between(0, 1)]
    for (let s = 0; s < steps; s++) {
      const y = turned ? steps - 1 - s : s
      fill(pen, s, y, Math.min(tread + 1, 8 - s), 1, pen.colours[tread === 2 ? s % 2 : 0]!)
    }
  },
  pyramid(pen) {
    const [rows, turned] = [pen.between(3, 4), pen.between(0, 1)]
    for (let r = 0; r < rows; r++)
      fill(pen, rows - 1 - r, turned ? rows - 1 - r : r, 2 * r + 1, 1, pen.colours[turned ? r % 2 : 0]!)
  },
  stripes(pen) {
    const [wide, high, upright] = [pen.between(4, 6), pen.between(4, 6), pen.between(0, 1)]
    for (let y = 0; y < high; y++)
      for (let x = 0; x < wide; x++) pen.put(x, y, pen.colours[(upright ? x : y) % 2]!)
  },
  cross(pen) {
    const [arm, thick] = [pen.between(2, 3), pen.between(1, 2)]
    fill(pen, arm, 0, thick, 2 * arm + thick, pen.colours[0])
    fill(pen, 0, arm, 2 * arm + thick, thick, pen.colours[0])
    fill(pen, arm, arm, thick, thick, pen.colours[1])
  },
  posts(pen) {
    const [count, high, rails] = [pen.between(3, 4), pen.between(3, 5), pen.between(1, 2)]
    for (let r = 0; r < rails; r++) fill(pen, 0, 1 + r * (high - 3), 2 * count - 1, 1, pen.colours[1])
    for (let p = 0; p < count; p++) fill(pen, 2 * p, 0, 1, high, pen.colours[0])
  },
  path(pen) {
    let [x, y, heading] = [pen.between(0, 2), pen.between(0, 2), pen.between(0, 1)]
    pen.put(x, y, pen.colours[0])
    const legs = pen.between(4, 5)
    for (let leg = 0; leg < legs; leg++) {
      const steps = pen.between(2, 3)
      for (let step = 0; step < steps; step++) {
        if (heading === 0) x = Math.min(7, x + 1)
        else y = Math.min(7, y + 1)
        pen.put(x, y, pen.colours[0])
      }
      heading = 1 - heading
    }
  },
  plots(pen) {
    let left = 0
    for (const [place, colour] of pen.colours.slice(0, pen.between(2, 3)).entries()) {
      const wide = pen.between(2, place === 2 ? 2 : 3)
      fill(pen, left, pen.between(0, 2), wide, pen.between(2, 4), colour)
      left += wide
    }
  },
  letter(pen) {
    const rows = LETTERS[pen.drawn.below(LETTERS.length)]!.split(' ')
    const shade = pen.between(0, 1)
    for (const [y, row] of rows.entries())
      for (const [x, dot] of [...row].entries())
        if (dot === '1') pen.put(x, y, pen.colours[shade && y > 2 ? 1 : 0]!)
  },
  mirrored(pen) {
    const [half, high] = [pen.between(2, 3), pen.between(4, 6)]
    for (let y = 0; y < high; y++)
      for (let x = 0; x < half; x++) {
        const colour = pen.drawn.below(5)
        if (colour > 2 && x + y > 0) continue
        for (const at of [x, 2 * half - 1 - x]) pen.put(at, y, pen.colours[colour % 3]!)
      }
  },
  castle(pen) {
    const [wide, high] = [pen.between(6, 8), pen.between(3, 4)]
    fill(pen, 0, 2, wide, high, pen.colours[0])
    for (const x of [0, wide - 2]) fill(pen, x, 1, 2, high + 1, pen.colours[1])
    for (let x = 0; x < wide; x += x === 0 ? wide - 1 : 1) pen.put(x, 0, pen.colours[1])
    fill(pen, Math.floor(wide / 2) - 1, high, 2, 2, pen.colours[2])
  },
  tree(pen) {
    const [wide, high] = [2 * pen.between(1, 2) + 1, pen.between(2, 3)]
    fill(pen, 1, 0, wide, 1, pen.colours[0])
    fill(pen, 0, 1, wide + 2, high, pen.colours[0])
    for (let x = pen.between(0, 1); x < wide + 2; x += 3) pen.put(x, 2, pen.colours[2])
    fill(pen, (wide + 1) / 2, high + 1, 1, 2, pen.colours[1])
  },
  spiral(pen) {
    const [side, turned] = [pen.between(5, 7), pen.between(0, 1)]
    let [x, y, dx, dy, run] = [0, 0, 1, 0, side - 1]
    const put = (): void => pen.put(turned ? y : x, turned ? x : y, pen.colours[0])
    put()
    for (let leg = 0; run > 0; leg++) {
      for (let step = 0; step < run; step++) {
        x += dx
        y += dy
        put()
      }
      ;[dx, dy] = [-dy, dx]
      if (leg > 0 && leg % 2 === 0) run -= 2
    }
  },
  arrow(pen) {
    const [head, shaft, turned] = [pen.between(2, 3), pen.between(3, 4), pen.between(0, 1)]
    const put = (x: number, y: number, colour: number): void =>
      pen.put(turned ? y : x, turned ? x : y, colour)
    for (let x = 0; x < shaft; x++) put(x, head, pen.colours[1])
    for (let d = 0; d <= head; d++)
      for (let y = head - d; y <= head + d; y++) put(shaft + head - d, y, pen.colours[0])
  },
}
