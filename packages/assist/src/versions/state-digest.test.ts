import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { stateDigest } from './state-digest.ts'

test('a state has one digest, whoever hashes it', async () => {
  for (const length of [0, 1, 63, 64, 100_000]) {
    const bytes = Uint8Array.from({ length }, (_, i) => (i * 31) & 255)
    const expected = createHash('sha256').update(bytes).digest('hex')
    assert.equal(await stateDigest(bytes), expected)
    assert.equal(await stateDigest(bytes.subarray(0)), expected)
    // As in a page that is not served safely.
    assert.equal(await stateDigest(bytes, null), expected)
  }
})
