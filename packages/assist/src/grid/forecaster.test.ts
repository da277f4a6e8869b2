import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gridEnvironment, gridSymbols, MOST_BLOCKS } from '../environment/grid.ts'
import { type Block, emptyGrid, type GridMove, type GridState, moved } from './board.ts'
import { goalsForecaster } from './forecaster.ts'
import { goalOf } from './goal.ts'
import type { GridNetwork } from './network.ts'

const world = gridEnvironment()
const symbols = gridSymbols()
const ASK = { most: 12, least: -3 }
const stateOf = (blocks: readonly Block[]): GridState =>
  moved(
    emptyGrid(),
    blocks.map((block): GridMove => ({ kind: 'place', ...block })),
  )
const gameOf = (blocks: readonly Block[]): Uint16Array => world.context(stateOf(blocks), 128)
/** The blocks of a suggestion, each of which the board must allow. */
const offered = async (forecaster: ReturnType<typeof goalsForecaster>, blocks: readonly Block[]) => {
  const said = (await forecaster.forecast(gameOf(blocks), ASK))!
  assert.equal(said.logs.length, said.symbols.length)
  assert.ok(said.logs.every((log) => log <= 1e-6))
  if (said.symbols.length === 0) return []
  return world.actionOf(said.symbols, stateOf(blocks))!
}
const missing = (goal: readonly Block[], built: readonly Block[]): string[] =>
  goal.filter(({ cell }) => built.every((one) => one.cell !== cell)).map(wordOf)
const wordOf = ({ cell, colour }: Block): string => `${cell}:${colour}`
/** A network that always holds one offset after the last cell likeliest. */
const saying = (offset: number, chance: number): GridNetwork => ({
  async read(context) {
    const p = new Float64Array(symbols.count)
    p[offset] = 1
    return { chance: chance ** (context.length - 1), p }
  },
  load() {},
  close() {},
})

test('what is offered belongs to the goal that was finished before, as many blocks as an offer holds', async () => {
  const forecaster = goalsForecaster()
  const goal = goalOf('castle', 4).blocks
  forecaster.learn(gameOf(goal), 0)
  const built = goal.slice(0, 8)
  const some = await offered(forecaster, built)
  assert.equal(some.length, MOST_BLOCKS)
  const left = missing(goal, built)
  for (const move of some)
    assert.ok(move.kind === 'place' && left.includes(wordOf(move)), JSON.stringify(move))
  forecaster.forget()
  assert.deepEqual(await offered(forecaster, built), [])
})

test('of two goals what both have is offered, and not what only one of them has', async () => {
  const forecaster = goalsForecaster()
  const line = (from: number, count: number, colour: number): Block[] =>
    Array.from({ length: count }, (_, i) => ({ cell: from + i, colour }))
  const shared = [...line(40, 5, 0), ...line(32, 3, 1)]
  forecaster.learn(gameOf([...shared, ...line(24, 2, 2)]), 0)
  forecaster.learn(gameOf([...shared, ...line(24, 2, 3)]), 0)
  const some = await offered(forecaster, shared.slice(0, 5))
  assert.deepEqual(some.map(({ cell }) => cell).toSorted(), [32, 33, 34])
  assert.deepEqual(await offered(forecaster, shared), [])
})

test('a network that explains the game is heard, and one that does not is not', async () => {
  const built = [20, 21, 22, 23].map((cell) => ({ cell, colour: 1 })).slice(0, 3)
  const right = symbols.offsetOf(1, 0)
  assert.deepEqual(await offered(goalsForecaster(), built), [])
  const heard = await offered(goalsForecaster(saying(right, 0.9)), built)
  assert.deepEqual(heard[0], { kind: 'place', cell: 23, colour: 1 })
  assert.deepEqual(await offered(goalsForecaster(saying(right, 1e-4)), built), [])
})

test('nothing is offered before anything lies there, nor where nobody waits', async () => {
  const forecaster = goalsForecaster()
  assert.deepEqual(await offered(forecaster, []), [])
  const goal = goalOf('castle', 4).blocks
  forecaster.learn(gameOf(goal), 0)
  const over = { ...ASK, isOver: () => true }
  assert.equal(await forecaster.forecast(gameOf(goal.slice(0, 8)), over), undefined)
})
