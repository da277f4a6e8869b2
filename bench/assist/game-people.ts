import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createAssistant,
  type Family,
  type GridAction,
  type GridParts,
  type GridState,
  goalsOf,
  gridEnvironment,
  HELD_OUT_FAMILIES,
  learnedAcceptance,
  memoryStorage,
  type Offer,
  openGridModel,
  personOf,
  playGame,
  TRAINING_FAMILIES,
} from '@lockstep/assist'
import type { Executor } from '@lockstep/tensor'
import type { Piece } from '../swarm/section.ts'
import { goalPrior } from './goal-prior.ts'

/** What a person is helped by: see docs/assist-game.md. */
export const HELPS = ['ours', 'untrained', 'goals', 'static'] as const
export type Help = (typeof HELPS)[number]

/** One person with one kind of help. */
export type GamePiece = Piece & {
  readonly help: Help
  readonly person: number
  readonly games: number
  /** Games after which the model is given time to learn. */
  readonly every: number
  readonly patience: number
}

/** A game with help, beside the same person's game without. */
export type GameFigures = {
  readonly alone: number // actions
  readonly actions: number
  readonly offered: number
  readonly accepted: number
  readonly unwanted: number // not taken, or changed after they were taken
  readonly heldOut: boolean // the goal is of a family that the base has not seen
}
export type GameResult = {
  readonly games: readonly GameFigures[]
  readonly worstHundred: number
  readonly updates: readonly [tried: number, applied: number]
}

const PARTS: { readonly [H in Help]: () => GridParts } = {
  ours: () => ({}),
  untrained: () => ({ trains: false }),
  goals: () => ({ trains: false, forecaster: goalPrior() }),
  static: () => ({ trains: false, remembers: false }),
}

/** Half of what a person builds is of families that the base has not seen, and no two people build the same families. */
export const familiesOf = (person: number): Family[] => {
  const some = <F>(all: readonly F[], count: number): F[] =>
    Array.from({ length: count }, (_, i) => all[(person * 5 + i * 3 + (person >> 2)) % all.length]!)
  return [...some(TRAINING_FAMILIES, 3), ...some(HELD_OUT_FAMILIES, 3)]
}

/** A second of the simulation's clock for each question and each action. */
const SECOND = 1000

/** A person builds one goal after another, with the assistant that applications have. */
export const playPerson = async (executor: Executor, piece: GamePiece): Promise<GameResult> => {
  const { help, games, every, patience } = piece
  const base = readFileSync(join(import.meta.dirname, '../../data/assist-base-grid.safetensors'))
  const suggester = await openGridModel(executor, base, PARTS[help]())
  const acceptance = await learnedAcceptance(executor)
  let now = Date.UTC(2026, 0, 1)
  const assistant = await createAssistant<GridState, GridAction>({
    ...{ environment: gridEnvironment(), suggester, acceptance, storage: memoryStorage(), clock: () => now },
    settings: { patience, learns: false },
  })
  const person = personOf(0x7000_0000 + piece.person, familiesOf(piece.person))
  const held: ReadonlySet<Family> = new Set(HELD_OUT_FAMILIES)
  const figures: GameFigures[] = []
  const updates: [number, number] = [0, 0]
  for (const [game, goal] of goalsOf(person, games).entries()) {
    const alone = await playGame(person, game, goal)
    let shown: Offer<GridAction> | undefined
    const before = assistant.metrics()
    const { actions } = await playGame(person, game, goal, {
      offer: async (state) => {
        shown = await assistant.offer(state)
        return shown?.action
      },
      answered: async (offer, _, taken, kept) => {
        if (!taken || !shown) return
        now += SECOND
        await assistant.accepted(shown)
        if (kept < offer.length) await assistant.edited(shown)
      },
      acted: async (move, state) => {
        now += SECOND
        await assistant.acted(state, [move])
      },
    })
    await assistant.episodes.end()
    const after = assistant.metrics()
    figures.push({
      ...{ alone: alone.actions, actions, heldOut: held.has(goal.family) },
      offered: after.offered - before.offered,
      accepted: after.accepted - before.accepted,
      unwanted: after.unwanted - before.unwanted,
    })
    now += 60 * SECOND
    if (help === 'ours' && (game + 1) % every === 0 && game + 1 < games) {
      updates[0]++
      if ((await assistant.learn()).applied) updates[1]++
    }
  }
  const { worstHundred } = assistant.metrics()
  await assistant.close()
  await suggester.close()
  await acceptance.close()
  return { games: figures, worstHundred, updates }
}
