import { AssistError } from '../assist-error.ts'

/** The board of a building game: square, each cell empty or a block of one colour. */
export type GridRules = {
  readonly size: number // cells along a side, 4 to 10
  readonly colours: number // 1 to 6
}

export const GRID_RULES: GridRules = { size: 8, colours: 4 }

/** A coloured block on a cell; cells count row by row from the top left. */
export type Block = { readonly cell: number; readonly colour: number }
export type GridMove =
  | ({ readonly kind: 'place' } & Block)
  | { readonly kind: 'remove'; readonly cell: number }

/** What lies on the board, and how it came there. */
export type GridState = {
  readonly rules: GridRules
  readonly board: Uint8Array // for each cell 0, or the colour of its block and one
  readonly moves: readonly GridMove[] // oldest first; the last `KEPT_MOVES`
}

/** Moves that a state remembers: more than any context has room for. */
export const KEPT_MOVES = 256

export const emptyGrid = (rules: GridRules = GRID_RULES): GridState => {
  checkRules(rules)
  return { rules, board: new Uint8Array(rules.size ** 2), moves: [] }
}

export const checkRules = ({ size, colours }: GridRules): void => {
  const [side, shade] = ['Choose another side.', 'Choose fewer colours, or some.']
  if (!within(size, 4, 11)) throw gridError('grid.size', size, '4 to 10', side)
  if (!within(colours, 1, 7)) throw gridError('grid.colours', colours, '1 to 6', shade)
}

/** Why a move cannot be made, or undefined where it can. */
export const moveFault = ({ rules, board }: GridState, move: GridMove): AssistError | undefined => {
  if (!within(move.cell, 0, board.length))
    return gridError('move.cell', move.cell, `0 to ${board.length - 1}`, 'Name a cell of the board.')
  if (move.kind === 'remove') {
    if (board[move.cell]) return undefined
    return gridError('move.cell', move.cell, 'a cell with a block', 'Remove a block that is there.')
  }
  if (!within(move.colour, 0, rules.colours))
    return gridError('move.colour', move.colour, `0 to ${rules.colours - 1}`, 'Choose a colour there is.')
  if (!board[move.cell]) return undefined
  return gridError('move.cell', move.cell, 'an empty cell', 'Remove the block that lies there first.')
}

/** The state after some moves, made one after the other. Throws AssistError where one of them cannot be made. */
export const moved = (state: GridState, moves: readonly GridMove[]): GridState => {
  let { rules, board } = state
  board = board.slice()
  for (const move of moves) {
    const fault = moveFault({ rules, board, moves: [] }, move)
    if (fault) throw fault
    board[move.cell] = move.kind === 'place' ? move.colour + 1 : 0
  }
  return { rules, board, moves: [...state.moves, ...moves].slice(-KEPT_MOVES) }
}

/** The blocks on a board, by cell. */
export const blocksOn = (board: Uint8Array): Block[] =>
  [...board].flatMap((value, cell) => (value ? [{ cell, colour: value - 1 }] : []))

const within = (value: number, from: number, before: number): boolean =>
  Number.isInteger(value) && value >= from && value < before

const gridError = (field: string, value: number, limit: string, remedy: string): AssistError =>
  new AssistError('environment-invalid', field, value, limit, remedy)
