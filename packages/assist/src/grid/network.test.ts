import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createWasmExecutor } from '@lockstep/tensor'
import { gridEnvironment } from '../environment/grid.ts'
import { emptyGrid, type GridMove, moved } from './board.ts'
import { goalOf } from './goal.ts'
import { decodeGridBase } from './grid-base.ts'
import { GRID_MODEL } from './grid-model.ts'
import { gridNetwork } from './network.ts'

const executor = await createWasmExecutor({ threads: 1 })
after(() => executor.close())
const base = decodeGridBase(
  readFileSync(join(import.meta.dirname, '../../../../data/assist-base-grid.safetensors')),
)
const gameOf = (family: 'wall' | 'checker', count: number): Uint16Array =>
  gridEnvironment().context(
    moved(
      emptyGrid(),
      goalOf(family, 1)
        .blocks.slice(0, count)
        .map((block): GridMove => ({ kind: 'place', ...block })),
    ),
    128,
  )

test('what was read before does not matter, and the chance of a game is the product of its symbols', async () => {
  const network = await gridNetwork(executor, base)
  const context = gameOf('wall', 6)
  const first = await network.read(context)
  assert.ok(Math.abs(first.p.reduce((a, b) => a + b, 0) - 1) < 1e-3)
  await network.read(gameOf('checker', 9))
  assert.deepEqual(await network.read(context), first)
  const before = await network.read(context.subarray(0, -1))
  const next = before.chance * before.p[context.at(-1)!]!
  assert.ok(Math.abs(first.chance / next - 1) < 1e-3)
  network.close()
})

test('other parameters say something else, and a game longer than the context is read by its end', async () => {
  const network = await gridNetwork(executor, base)
  const context = gameOf('wall', 6)
  const first = await network.read(context)
  network.load(base.map((tensor) => ({ ...tensor, data: new Uint8Array(tensor.data.length) })))
  assert.notDeepEqual(await network.read(context), first)
  network.load(base)
  const { context: capacity } = GRID_MODEL.config
  const long = Uint16Array.from({ length: capacity + 9 }, (_, i) => context[Math.min(i, 8)]!)
  const late = Uint16Array.of(long[0]!, ...long.subarray(1 - capacity))
  assert.deepEqual(await network.read(long), await network.read(late))
  network.close()
})
