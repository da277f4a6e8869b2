import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createWasmExecutor } from '@lockstep/tensor'
import type { Passage } from '../assistant/suggester.ts'
import { gridEnvironment } from '../environment/grid.ts'
import { emptyGrid, type GridMove, moved } from './board.ts'
import { goalsForecaster } from './forecaster.ts'
import { gamesOf } from './games.ts'
import { goalOf } from './goal.ts'
import { decodeGridBase, encodeGridBase } from './grid-base.ts'
import { openGridModel } from './suggester.ts'

const base = readFileSync(join(import.meta.dirname, '../../../../data/assist-base-grid.safetensors'))
const executor = await createWasmExecutor({ threads: 1 })
after(() => executor.close())
const world = gridEnvironment()
const ASK = { most: 12, least: -3 }

/** A game of placements, as an assistant tells it: one passage for each move. */
const told = (
  blocks: readonly { readonly cell: number; readonly colour: number }[],
  at: number,
): Passage[] => {
  let state = emptyGrid()
  return blocks.map((block) => {
    const move: GridMove = { kind: 'place', ...block }
    const passage = { context: world.context(state, 128), symbols: world.symbolsOf([move], state), at }
    state = moved(state, [move])
    return passage
  })
}
const begun = (passages: readonly Passage[], count: number): Uint16Array => passages[count]!.context

test('a base is read as it was written, and other bytes are refused', () => {
  const parameters = decodeGridBase(base)
  assert.deepEqual(encodeGridBase(parameters), new Uint8Array(base))
  assert.throws(() => decodeGridBase(base.subarray(0, 5000)), /safetensors-malformed/)
})

test('passages of a game are joined, and of two games kept apart', () => {
  const [one, two] = [told(goalOf('letter', 1).blocks, 1), told(goalOf('tree', 2).blocks, 2)]
  const games = gamesOf([...one, ...two, ...one])
  assert.deepEqual(
    games.map(({ passages }) => passages),
    [one.length, two.length, one.length],
  )
  assert.deepEqual(games[0], games[2])
})

test('what the model suggests may be built, and it is the same again', async () => {
  const model = await openGridModel(executor, base)
  const context = begun(told(goalOf('wall', 3).blocks, 0), 10)
  const state = stateAt(goalOf('wall', 3).blocks, 10)
  const first = await model.suggest(context, ASK)
  await model.suggest(begun(told(goalOf('tree', 1).blocks, 0), 9), ASK)
  const second = await model.suggest(context, ASK)
  assert.deepEqual(second, first)
  assert.ok(first!.symbols.length > 0)
  assert.ok(
    Array.from(first!.symbols.keys()).some((n) => world.actionOf(first!.symbols.slice(0, n + 1), state)),
  )
  const [late, newest] = await Promise.all([model.suggest(context, ASK), model.suggest(context, ASK)])
  assert.deepEqual([late, newest], [undefined, first])
  await model.close()
})

test('a finished game is remembered from the next one on, and forgotten without a trace', async () => {
  const model = await openGridModel(executor, base, { forecaster: goalsForecaster() })
  const goal = goalOf('mirrored', 11).blocks
  const context = begun(told(goal, 0), 4)
  const before = await model.suggest(context, ASK)
  const games = [told(goal, 1), told(goalOf('arrow', 1).blocks, 2), told(goalOf('tree', 3).blocks, 3)]
  for (const passage of games.flat()) await model.remember(passage)
  const known = await model.suggest(context, { most: 4, least: -9 })
  assert.ok(known!.matched[0]! > 12)
  const next = world.symbolsOf([{ kind: 'place', ...goal[4]! }], stateAt(goal, 4))
  assert.deepEqual(known!.symbols.slice(0, next.length), next)
  for (const passage of [...games[0]!, ...games[1]!, ...games[2]!].toReversed()) await model.forget(passage)
  assert.deepEqual(await model.suggest(context, ASK), before)
  await model.close()
})

test('learning gives the same candidate and receipt again, changes nothing by itself, and stops when told', async () => {
  const model = await openGridModel(executor, base)
  const episodes = ['letter', 'tree', 'letter'].map((family, i) =>
    episodeOf(told(goalOf(family as 'letter', i).blocks, i)),
  )
  const lessons = { episodes: episodes.slice(0, 2), heldOut: episodes.slice(2), steps: 2, seed: 1 }
  const state = await model.state()
  const learned = await model.learn(lessons)
  assert.deepEqual(await model.learn(lessons), learned)
  assert.deepEqual(await model.state(), state)
  assert.notDeepEqual(learned!.state, state)
  assert.notEqual(learned!.receipt.before, learned!.receipt.after)
  assert.deepEqual(learned!.receipt.episodes, ['0'.repeat(64), '1'.repeat(64)])
  assert.equal(
    await model.evaluate({ after: lessons.episodes, on: lessons.heldOut }),
    learned!.heldOut.before,
  )
  await model.load(learned!.state)
  assert.equal(await model.evaluate({ after: lessons.episodes, on: lessons.heldOut }), learned!.heldOut.after)
  assert.equal(await model.learn({ ...lessons, between: async () => false }), undefined)
  await model.close()
})

const stateAt = (blocks: readonly { readonly cell: number; readonly colour: number }[], count: number) =>
  moved(
    emptyGrid(),
    blocks.slice(0, count).map((block): GridMove => ({ kind: 'place', ...block })),
  )

const episodeOf = (passages: readonly Passage[]) => ({
  ...({
    version: 1,
    id: `${passages[0]!.at}`.repeat(64),
    environment: 'grid',
    bytes: false,
    began: 0,
    redacted: false,
  } as const),
  events: passages.map(({ context, symbols }, at) => ({
    kind: 'acted' as const,
    at,
    symbols,
    ...(at === 0 && { context }),
  })),
})
