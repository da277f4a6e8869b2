import {
  type Block,
  emptyGrid,
  GRID_RULES,
  type GridMove,
  type GridRules,
  type GridState,
  moved,
} from './board.ts'
import type { Goal } from './goal.ts'
import { ownMove, type Person, planOf, takes } from './person.ts'

/** What helps in a game: it sees the board and the moves, never the goal. */
export type Helper = {
  /** Blocks to show as ghosts, or none. */
  offer(state: GridState): Promise<readonly GridMove[] | undefined>
  /** What became of the offer: taken (then `kept` of its blocks stayed), or not. */
  answered?(offer: readonly GridMove[], state: GridState, taken: boolean, kept: number): Promise<void>
  /** What the person did of their own. */
  acted?(move: GridMove, state: GridState): Promise<void>
}

/** What a game came to. */
export type Played = {
  readonly actions: number // moves of the person's own, and offers taken
  readonly offered: number
  readonly accepted: number // offers taken whole, all of which stayed
  readonly undone: number // offers taken of which something was taken away again
  readonly last: GridState
}

/** No game takes more actions than this. */
const MOST_ACTIONS = 400

/** A scripted person builds a goal, alone or with help, until it stands. One seed and one helper give one game. */
export const playGame = async (
  person: Person,
  game: number,
  goal: Goal,
  helper?: Helper,
  rules: GridRules = GRID_RULES,
): Promise<Played> => {
  const plan = planOf(person, game, goal, rules)
  const played = { actions: 0, offered: 0, accepted: 0, undone: 0 }
  let state = emptyGrid(rules)
  for (;;) {
    const own = ownMove(person, game, plan, state)
    if (!own || played.actions >= MOST_ACTIONS) return { ...played, last: state }
    const offer = await helper?.offer(state)
    played.actions++
    if (!offer) {
      await helper?.acted?.(own, state)
      state = moved(state, [own])
      continue
    }
    played.offered++
    const taken = takes(person, game, plan, state, offer)
    const kept = taken ? offer.filter((move) => isWanted(plan, move)).length : 0
    if (taken) played[kept === offer.length ? 'accepted' : 'undone']++
    await helper?.answered?.(offer, state, taken, kept)
    if (!taken) await helper?.acted?.(own, state)
    state = moved(state, taken ? offer : [own])
  }
}

const isWanted = (plan: readonly Block[], move: GridMove): boolean =>
  move.kind === 'place' && plan.some(({ cell, colour }) => cell === move.cell && colour === move.colour)
