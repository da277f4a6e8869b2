import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planProgram, randomContraction, size } from '@lockstep/tensor'
import { planDevice } from '../kernel/index.ts'
import { everywhere, INTEGERS } from './arithmetic.ts'
import { nodeText } from './node-text.ts'
import { TILE, tileOf } from './tile.ts'

test('products are computed in tiles that cover every element, and native sums stay numbers', () => {
  let tiles = 0
  for (let seed = 1; seed <= 200; seed++)
    for (const kernel of planDevice(planProgram(randomContraction(seed).program, { group: false })).kernels) {
      const tile = tileOf(kernel.node)
      if (!tile) continue
      tiles++
      assert.notEqual(tile.rows, tile.columns)
      assert.ok(tile.items * TILE * TILE >= size(kernel.node.shape))
      assert.match(nodeText(kernel, everywhere('native'))[0]!.code, /var acc: array<f32, 16>/)
      const { code, items } = nodeText(kernel, INTEGERS)[0]!
      assert.match(code, /var acc: array<u32, 16>/)
      assert.doesNotMatch(code, /f32/)
      assert.equal(items, tile.items)
    }
  assert.ok(tiles >= 10, `${tiles} tiles in 200 contractions`)
})
