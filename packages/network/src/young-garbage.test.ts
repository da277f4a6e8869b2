import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noteMoved, YOUNG_BYTES } from './young-garbage.ts'

test('what the network has moved is freed before it piles up', async () => {
  const piece = 2 ** 16
  let most = 0
  const before = process.memoryUsage().arrayBuffers
  for (let moved = 0; moved < 2 ** 29; moved += piece) {
    Buffer.allocUnsafeSlow(piece)[0] = 1
    noteMoved(piece)
    most = Math.max(most, process.memoryUsage().arrayBuffers - before)
    // As in a transfer, where the next bytes come with another turn of the event loop.
    if (moved % 2 ** 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(most <= 2 * YOUNG_BYTES, `${most} bytes were held`)
})
