import {
  blocksOn,
  emptyGrid,
  type GridAction,
  type GridMove,
  type GridState,
  moved,
  moveFault,
  type Offer,
} from '@lockstep/assist'

/** What the game needs of an assistant: createAssistant's with `gridEnvironment()` is one. */
export type GameAssistant = {
  acted(state: GridState, action: GridAction): Promise<void>
  offer(state: GridState): Promise<Offer<GridAction> | undefined>
  accepted(offer: Offer<GridAction>): Promise<void>
  dismissed(offer: Offer<GridAction>): Promise<void>
  edited(offer: Offer<GridAction>): Promise<void>
  undone(offer: Offer<GridAction>): Promise<void>
  readonly episodes: { end(): Promise<string | undefined> }
}

/** What a view shows and is told. */
export type Told = {
  /** Something to show has changed. */
  changed(): void
  announce(words: string): void
  acted(): void
  offered(offer: Offer<GridAction>): void
  failed(error: unknown): void
}

export const COLOUR_NAMES = ['red', 'blue', 'yellow', 'green', 'purple', 'grey'] as const

/** A game in progress, without its looks: where the cursor is, which colour is in hand, what lies there and what is offered. */
export type Session = {
  readonly state: GridState
  readonly cursor: number
  readonly colour: number
  readonly offer: Offer<GridAction> | undefined
  /** Blocks that may be taken back, newest last. */
  readonly undoable: number
  move(dx: number, dy: number): void
  choose(colour: number): void
  /** Places a block of the colour in hand where the cursor is, or on a cell; takes away the one that lies there. */
  use(cell?: number): void
  take(): boolean
  dismiss(): boolean
  undo(): void
  /** The structure stands: the next one begins on an empty board. */
  finish(): void
  close(): void
}

type Done = { readonly moves: readonly GridMove[]; readonly offer?: Offer<GridAction> }

export const createSession = (assistant: GameAssistant, told: Told): Session => {
  let state = emptyGrid()
  let cursor = 27
  let colour = 0
  let offer: Offer<GridAction> | undefined
  let done: Done[] = []
  let isClosed = false
  /** What the assistant is told, in order. */
  let saying: Promise<unknown> = Promise.resolve()
  const { size, colours } = state.rules

  const say = (words: () => Promise<unknown>): void => {
    saying = saying.then(words).catch(told.failed)
  }
  const ask = (): void => {
    const asked = state
    say(async () => {
      if (isClosed || state !== asked) return
      const found = await assistant.offer(asked)
      if (!found || isClosed || state !== asked) return
      offer = found
      told.offered(found)
      const count = found.action.length
      told.announce(
        `${count} ${count === 1 ? 'block' : 'blocks'} offered. Tab takes them, Escape sends them away.`,
      )
      told.changed()
    })
  }
  const wordsOf = (cell: number): string => {
    const value = state.board[cell]!
    const ghost = offer?.action.find((move) => move.cell === cell)
    const what = value ? `${COLOUR_NAMES[value - 1]} block` : 'empty'
    const also = ghost?.kind === 'place' ? `, ${COLOUR_NAMES[ghost.colour]} offered` : ''
    return `row ${Math.floor(cell / size) + 1}, column ${(cell % size) + 1}: ${what}${also}`
  }
  /** Moves of the person's own. An offer that was open is over with them. */
  const act = (moves: readonly GridMove[], entry: Done | undefined): void => {
    const before = state
    offer = undefined
    state = moved(state, moves)
    if (entry) done = [...done, entry].slice(-64)
    say(() => assistant.acted(before, moves))
    told.acted()
    told.changed()
    ask()
  }
  const removal = (cell: number): void => {
    const of = done.findLast(({ moves }) => moves.some((move) => move.kind === 'place' && move.cell === cell))
    const touched = of?.offer
    if (touched) say(() => assistant.edited(touched))
    act([{ kind: 'remove', cell }], { moves: [{ kind: 'remove', cell }] })
    told.announce(`Taken away. ${wordsOf(cell)}`)
  }
  ask()
  return {
    get state() {
      return state
    },
    get cursor() {
      return cursor
    },
    get colour() {
      return colour
    },
    get offer() {
      return offer
    },
    get undoable() {
      return done.length
    },
    move(dx, dy) {
      const x = Math.min(size - 1, Math.max(0, (cursor % size) + dx))
      const y = Math.min(size - 1, Math.max(0, Math.floor(cursor / size) + dy))
      cursor = y * size + x
      told.announce(wordsOf(cursor))
      told.changed()
    },
    choose(next) {
      if (next < 0 || next >= colours) return
      colour = next
      told.announce(`${COLOUR_NAMES[colour]} in hand`)
      told.changed()
    },
    use(cell = cursor) {
      if (cell < 0 || cell >= state.board.length) return
      cursor = cell
      if (state.board[cell]) return removal(cell)
      const move = { kind: 'place', cell, colour } as const
      act([move], { moves: [move] })
      told.announce(`Placed. ${wordsOf(cell)}`)
    },
    take() {
      const taken = offer
      if (!taken || taken.action.some((move) => moveFault(state, move))) return false
      offer = undefined
      state = moved(state, taken.action)
      done = [...done, { moves: taken.action, offer: taken }].slice(-64)
      say(() => assistant.accepted(taken))
      told.announce(`${taken.action.length} blocks taken.`)
      told.acted()
      told.changed()
      ask()
      return true
    },
    dismiss() {
      const sent = offer
      if (!sent) return false
      offer = undefined
      say(() => assistant.dismissed(sent))
      told.announce('Sent away.')
      told.changed()
      return true
    },
    undo() {
      const last = done.at(-1)
      if (!last) return told.announce('Nothing to take back.')
      done = done.slice(0, -1)
      const back = last.moves.toReversed().flatMap((move): GridMove[] => {
        const value = state.board[move.cell]!
        if (move.kind === 'place')
          return value === move.colour + 1 ? [{ kind: 'remove', cell: move.cell }] : []
        const was = colourBefore(state, move.cell)
        return value || was === undefined ? [] : [{ kind: 'place', cell: move.cell, colour: was }]
      })
      if (back.length === 0) return
      const taken = last.offer
      if (taken) say(() => assistant.undone(taken))
      act(back, undefined)
      told.announce(`Taken back: ${back.length} ${back.length === 1 ? 'move' : 'moves'}.`)
    },
    finish() {
      const count = blocksOn(state.board).length
      offer = undefined
      done = []
      state = emptyGrid(state.rules)
      say(() => assistant.episodes.end())
      told.announce(`Finished, with ${count} blocks. The board is empty.`)
      told.changed()
      ask()
    },
    close() {
      isClosed = true
    },
  }
}

/** The colour of the block that was last on a cell before it was taken away. */
const colourBefore = ({ moves }: GridState, cell: number): number | undefined => {
  const last = moves.findLast((move) => move.kind === 'place' && move.cell === cell)
  return last?.kind === 'place' ? last.colour : undefined
}
