import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Block, emptyGrid, type GridMove, goalOf, gridEnvironment, moved } from '@lockstep/assist'
import { goalPrior } from './goal-prior.ts'

const world = gridEnvironment()
const stateOf = (blocks: readonly Block[]) =>
  moved(
    emptyGrid(),
    blocks.map((block): GridMove => ({ kind: 'place', ...block })),
  )

test('the baseline goes on as the goal was last built, and knows nothing of one that was not', async () => {
  const prior = goalPrior()
  const { blocks } = goalOf('letter', 5)
  const ask = { most: 4, least: -9 }
  const begun = world.context(stateOf(blocks.slice(0, 5)), 128)
  const before = await prior.forecast(begun, ask)
  prior.learn(world.context(stateOf(blocks), 128), 0)
  const known = (await prior.forecast(begun, ask))!
  const next = world.symbolsOf(
    blocks.slice(5, 7).map((block): GridMove => ({ kind: 'place', ...block })),
    stateOf(blocks.slice(0, 5)),
  )
  assert.deepEqual(known.symbols.slice(0, next.length), next)
  assert.ok(known.matched[0]! > 12)
  prior.forget()
  assert.deepEqual(await prior.forecast(begun, ask), before)
})
