import { emptyGrid, type GridMove, type GridRules, type GridState, moved, moveFault } from '../grid/board.ts'
import type { Environment } from './environment.ts'

/** Moves made at once: one where the person made it, several where an offer of blocks was taken. */
export type GridAction = readonly GridMove[]

/** The most blocks of one offer. */
export const MOST_BLOCKS = 6

/** The symbols of a board: a block in a colour on a cell, the removal from a cell, and the beginning of a game. */
export type GridSymbols = {
  readonly count: number
  readonly begin: number
  of(move: GridMove): number
  /** The move of a symbol; undefined for `begin` and for what is no symbol. */
  moveOf(symbol: number): GridMove | undefined
}

/** Symbol cell * colours + colour places a block; after those come one removal for each cell, then `begin`. */
export const gridSymbols = ({ size, colours }: GridRules): GridSymbols => {
  const cells = size ** 2
  const begin = cells * (colours + 1)
  return {
    count: begin + 1,
    begin,
    of: (move) => (move.kind === 'place' ? move.cell * colours + move.colour : cells * colours + move.cell),
    moveOf(symbol) {
      if (symbol < 0 || symbol >= begin) return undefined
      if (symbol >= cells * colours) return { kind: 'remove', cell: symbol - cells * colours }
      return { kind: 'place', cell: Math.floor(symbol / colours), colour: symbol % colours }
    },
  }
}

/**
 * The building game as its assistant sees it. The context is the game as it was played, a symbol for each move: what
 * lies on the board follows from it. Where a game is longer than a context, the board comes first instead: of
 * each cell only the last thing that happened to it. An offer is the next blocks, shown as ghosts; taking it is one action.
 */
export const gridEnvironment = (rules?: GridRules): Environment<GridState, GridAction> => {
  const { rules: checked } = emptyGrid(rules)
  const symbols = gridSymbols(checked)
  if (symbols.count > 512)
    throw new RangeError(`grid has ${symbols.count} symbols; allowed: 512. Use fewer colours.`)
  const movesOf = (written: Uint16Array, state: GridState): GridAction | undefined => {
    const moves = [...written].map((symbol) => symbols.moveOf(symbol))
    if (moves.length === 0 || moves.length > MOST_BLOCKS) return undefined
    let now = state
    for (const move of moves) {
      if (!move || moveFault(now, move)) return undefined
      now = moved(now, [move])
    }
    return moves as GridMove[]
  }
  return {
    name: 'grid',
    symbols: symbols.count,
    context({ moves }, length) {
      const last = moves.length < length ? moves : lastOfCells(moves)
      return Uint16Array.from([symbols.begin, ...last.slice(-(length - 1)).map(symbols.of)].slice(0, length))
    },
    symbolsOf: (action) => Uint16Array.from(action, symbols.of),
    actionOf: movesOf,
    offers: {
      ends: (written, state) => {
        const moves = movesOf(written, state)
        return moves !== undefined && moves.length > 1 && moves.every(({ kind }) => kind === 'place')
      },
      most: MOST_BLOCKS,
    },
    saved: (written) => written.length - 1,
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
