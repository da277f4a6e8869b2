import {
  checkRules,
  GRID_RULES,
  type GridMove,
  type GridRules,
  type GridState,
  moved,
  moveFault,
} from '../grid/board.ts'
import type { Environment } from './environment.ts'

/** Moves made at once: one where the person made it, several where an offer of blocks was taken. */
export type GridAction = readonly GridMove[]

/** The most blocks of one offer. */
export const MOST_BLOCKS = 6

/**
 * How a game is written: a symbol for the tool where it changes (a colour, or the eraser), and one for where it is used,
 * seen from where it was used last; before the first time from the top left corner. So what is built looks the same
 * wherever it is built. A game begins with `begin`.
 */
export type GridSymbols = {
  readonly count: number
  readonly begin: number
  /** The symbols of moves that follow others. */
  write(moves: readonly GridMove[], after?: readonly GridMove[]): number[]
  /** What some symbols say after a game's moves so far: complete moves, and the tool where one was taken up last. */
  read(written: ArrayLike<number>, after?: readonly GridMove[]): GridReading | undefined
  /** The symbol that takes up a tool, and the one that uses it on a cell. */
  toolOf(tool: number): number
  offsetOf(cell: number, from: number): number
}
export type GridReading = {
  readonly moves: readonly GridMove[]
  readonly tool: number | undefined // in hand now: a colour, or `colours` for the eraser
  readonly from: number // the cell on which a tool was used last
  readonly open: boolean // a tool was taken up and not used yet
}

export const gridSymbols = (rules: GridRules = GRID_RULES): GridSymbols => {
  checkRules(rules)
  const { size, colours } = rules
  const span = 2 * size - 1
  const tools = span ** 2
  const begin = tools + colours + 1
  const toolOf = (tool: number): number => tools + tool
  const offsetOf = (cell: number, from: number): number => {
    const dx = (cell % size) - (from % size)
    const dy = Math.floor(cell / size) - Math.floor(from / size)
    return (dy + size - 1) * span + dx + size - 1
  }
  const handOf = (moves: readonly GridMove[]): Pick<GridReading, 'tool' | 'from'> => {
    const last = moves.at(-1)
    return { tool: last && toolIn(last, colours), from: last?.cell ?? 0 }
  }
  return {
    count: begin + 1,
    begin,
    toolOf,
    offsetOf,
    write(moves, after = []) {
      let { tool, from } = handOf(after)
      return moves.flatMap((move) => {
        const next = toolIn(move, colours)
        const offset = offsetOf(move.cell, from)
        const symbols = next === tool ? [offset] : [toolOf(next), offset]
        tool = next
        from = move.cell
        return symbols
      })
    },
    read(written, after = []) {
      let { tool, from } = handOf(after)
      let open = false
      const moves: GridMove[] = []
      for (let i = 0; i < written.length; i++) {
        const symbol = written[i]!
        if (symbol >= tools) {
          // A tool is taken up once, and only where another one was in hand.
          if (open || symbol >= begin || symbol - tools === tool) return undefined
          tool = symbol - tools
          open = true
          continue
        }
        const x = (from % size) + (symbol % span) - size + 1
        const y = Math.floor(from / size) + Math.floor(symbol / span) - size + 1
        if (tool === undefined || x < 0 || y < 0 || x >= size || y >= size) return undefined
        from = y * size + x
        open = false
        moves.push(
          tool < colours ? { kind: 'place', cell: from, colour: tool } : { kind: 'remove', cell: from },
        )
      }
      return { moves, tool, from, open }
    },
  }
}

const toolIn = (move: GridMove, eraser: number): number => (move.kind === 'place' ? move.colour : eraser)

/**
 * The building game as its assistant sees it. The context is the game as it was played: what lies on the board follows
 * from it. Where a game is longer than a context, of each cell only the last thing that happened to it is told, and of
 * the newest cells only. An offer is the next blocks, shown as ghosts; taking it is one action.
 */
export const gridEnvironment = (rules: GridRules = GRID_RULES): Environment<GridState, GridAction> => {
  const symbols = gridSymbols(rules)
  const actionOf = (written: Uint16Array, state: GridState): GridAction | undefined => {
    const read = symbols.read(written, state.moves)
    if (!read || read.open || read.moves.length === 0 || read.moves.length > MOST_BLOCKS) return undefined
    let now = state
    for (const move of read.moves) {
      if (moveFault(now, move)) return undefined
      now = moved(now, [move])
    }
    return read.moves
  }
  return {
    name: 'grid',
    symbols: symbols.count,
    context({ moves }, length) {
      let told = moves
      let written = symbols.write(told)
      if (written.length >= length) {
        told = lastOfCells(moves)
        written = symbols.write(told)
      }
      while (written.length >= length) {
        told = told.slice(1)
        written = symbols.write(told)
      }
      return Uint16Array.from([symbols.begin, ...written])
    },
    symbolsOf: (action, { moves }) => Uint16Array.from(symbols.write(action, moves)),
    actionOf,
    offers: {
      ends: (written, state) => {
        const moves = actionOf(written, state)
        return moves !== undefined && moves.length > 1 && moves.every(({ kind }) => kind === 'place')
      },
      most: 2 * MOST_BLOCKS,
    },
    saved: (written, { moves }) => (symbols.read(written, moves)?.moves.length ?? 1) - 1,
  }
}

/** Of each cell only its last move, in the order of moves. */
const lastOfCells = (moves: readonly GridMove[]): GridMove[] => {
  const seen = new Set<number>()
  return moves
    .toReversed()
    .filter(({ cell }) => !seen.has(cell) && seen.add(cell))
    .reverse()
}
