import { draws } from '@lockstep/swarm'
import { type Block, blocksOn, GRID_RULES, type GridMove, type GridRules, type GridState } from './board.ts'
import { type Family, type Goal, goalOf, movedGoal } from './goal.ts'

/** In which order a person builds: by rows from below, by columns, outline first, in mirrored pairs, by colour, or nearest first. */
export const ORDERS = ['rows', 'columns', 'outline', 'pairs', 'colours', 'nearest'] as const
export type Order = (typeof ORDERS)[number]

/** A scripted person: habits and failings, all drawn from one seed. Chances are in a thousand. */
export type Person = {
  readonly seed: number
  readonly order: Order // the usual one
  readonly steady: number // chance to build in it
  readonly returns: number // chance that a goal is one of before, elsewhere on the board
  readonly slips: number // chance to misplace a block
  readonly overlooks: number // chance not to see an offer
  readonly hasty: number // chance to take an offer of which most is right
  readonly families: readonly Family[] // what they build, favourites more than once
}

/** Purposes of words, told apart from those of others. */
const WORDS = {
  person: 0x4752_0001,
  goals: 0x4752_0002,
  order: 0x4752_0003,
  move: 0x4752_0004,
  answer: 0x4752_0005,
}

/** The person of a seed, who builds goals of these families. */
export const personOf = (seed: number, families: readonly Family[]): Person => {
  const drawn = draws(seed, WORDS.person)
  const favourites = [0, 1].map(() => families[drawn.below(families.length)]!)
  return {
    seed,
    order: ORDERS[drawn.below(ORDERS.length)]!,
    steady: 750 + drawn.below(250),
    returns: 350 + drawn.below(250),
    slips: 10 + drawn.below(40),
    overlooks: 30 + drawn.below(120),
    hasty: drawn.below(300),
    families: [...families, ...favourites, ...favourites, ...favourites],
  }
}

/** What a person builds, one goal after another; what was liked comes back elsewhere, the recent more often. */
export const goalsOf = (person: Person, count: number, rules: GridRules = GRID_RULES): Goal[] => {
  const goals: Goal[] = []
  for (let game = 0; game < count; game++) {
    const drawn = draws(person.seed, WORDS.goals, game)
    if (game > 0 && drawn.below(1000) < person.returns) {
      const back = Math.min(drawn.below(game), drawn.below(game))
      goals.push(movedGoal(goals[game - 1 - back]!, drawn, rules))
    } else goals.push(goalOf(person.families[drawn.below(person.families.length)]!, drawn.word(), rules))
  }
  return goals
}

/** The blocks of a goal in the order in which the person would place them in this game. */
export const planOf = (
  person: Person,
  game: number,
  goal: Goal,
  { size }: GridRules = GRID_RULES,
): Block[] => {
  const drawn = draws(person.seed, WORDS.order, game)
  const order = drawn.below(1000) < person.steady ? person.order : ORDERS[drawn.below(ORDERS.length)]!
  return ordered(goal.blocks, order, size)
}

/** What the person does next of their own: puts right what is wrong, else the next block of the plan, at times a wrong one. */
export const ownMove = (
  person: Person,
  game: number,
  plan: readonly Block[],
  { board, rules, moves }: GridState,
): GridMove | undefined => {
  const wanted = new Map(plan.map(({ cell, colour }) => [cell, colour]))
  const wrong = blocksOn(board).find(({ cell, colour }) => wanted.get(cell) !== colour)
  if (wrong) return { kind: 'remove', cell: wrong.cell }
  const next = plan.find(({ cell }) => !board[cell])
  if (!next) return undefined
  const drawn = draws(person.seed, WORDS.move, game, next.cell)
  // Whoever has just taken a block away looks at what they do.
  const slips = moves.at(-1)?.kind !== 'remove' && drawn.below(1000) < person.slips
  if (!slips) return { kind: 'place', ...next }
  const beside = besides(next.cell, rules.size).filter((cell) => !board[cell] && !wanted.has(cell))
  if (beside.length > 0 && drawn.below(2) === 0)
    return { kind: 'place', cell: beside[drawn.below(beside.length)]!, colour: next.colour }
  return {
    kind: 'place',
    cell: next.cell,
    colour: (next.colour + 1 + drawn.below(rules.colours - 1)) % rules.colours,
  }
}

/** Whether the person takes an offer of blocks: if they see it and it is right, or, in haste, if most of it is. */
export const takes = (
  person: Person,
  game: number,
  plan: readonly Block[],
  { moves }: GridState,
  offered: readonly GridMove[],
): boolean => {
  const wanted = new Map(plan.map(({ cell, colour }) => [cell, colour]))
  const right = offered.filter(
    (move) => move.kind === 'place' && wanted.get(move.cell) === move.colour,
  ).length
  const drawn = draws(person.seed, WORDS.answer, game, moves.length)
  if (drawn.below(1000) < person.overlooks) return false
  const wrong = offered.length - right
  return wrong === 0 || (right > 2 * wrong && drawn.below(1000) < person.hasty)
}

const ordered = (blocks: readonly Block[], order: Order, size: number): Block[] => {
  const x = ({ cell }: Block): number => cell % size
  const y = ({ cell }: Block): number => Math.floor(cell / size)
  const cells = new Set(blocks.map(({ cell }) => cell))
  const middle = Math.min(...blocks.map(x)) + Math.max(...blocks.map(x))
  const byRows = (a: Block, b: Block): number => y(b) - y(a) || x(a) - x(b)
  const inside = (block: Block): number =>
    Number(
      [
        [-1, 0],
        [1, 0],
        [0, -1],
        [0, 1],
      ].every(([dx, dy]) => holds(cells, x(block) + dx!, y(block) + dy!, size)),
    )
  const firstOf = new Map<number, number>()
  for (const [place, { colour }] of [...blocks].sort(byRows).entries())
    if (!firstOf.has(colour)) firstOf.set(colour, place)
  const by: { readonly [O in Exclude<Order, 'nearest'>]: (a: Block, b: Block) => number } = {
    rows: byRows,
    columns: (a, b) => x(a) - x(b) || y(b) - y(a),
    outline: (a, b) => inside(a) - inside(b) || byRows(a, b),
    pairs: (a, b) => y(b) - y(a) || Math.abs(2 * x(b) - middle) - Math.abs(2 * x(a) - middle) || x(a) - x(b),
    colours: (a, b) => firstOf.get(a.colour)! - firstOf.get(b.colour)! || byRows(a, b),
  }
  if (order !== 'nearest') return [...blocks].sort(by[order])
  const left = [...blocks].sort(byRows)
  const walk = [left.shift()!]
  while (left.length > 0) {
    const from = walk.at(-1)!
    const distance = (to: Block): number => Math.abs(x(to) - x(from)) + Math.abs(y(to) - y(from))
    const next = left.reduce((best, to) => (distance(to) < distance(best) ? to : best))
    left.splice(left.indexOf(next), 1)
    walk.push(next)
  }
  return walk
}

const holds = (cells: ReadonlySet<number>, x: number, y: number, size: number): boolean =>
  x >= 0 && x < size && y >= 0 && y < size && cells.has(y * size + x)

const besides = (cell: number, size: number): number[] => {
  const [x, y] = [cell % size, Math.floor(cell / size)]
  return [
    x > 0 && cell - 1,
    x < size - 1 && cell + 1,
    y > 0 && cell - size,
    y < size - 1 && cell + size,
  ].filter((at) => at !== false)
}
