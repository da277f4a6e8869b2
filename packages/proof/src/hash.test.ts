import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sameBytes, toHex, ZERO } from './digest.ts'
import { leafDigest, leafDigests, parentDigest, parentDigests, sha256, tensorDigest } from './hash.ts'

const bytes = (n: number, salt: number): Uint8Array =>
  new Uint8Array(n).map((_, i) => Math.imul(i + 1, 0x9e3779b1 + 2 * salt) >>> 24)

// FIPS 180-4, and its example of one block.
test('the hash is SHA-256', () => {
  assert.equal(
    toHex(sha256(new TextEncoder().encode('abc'))),
    '0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
})

test('many leaves and parents are hashed as one is, the short last leaf and zero pairs included', () => {
  for (const length of [1, 255, 256, 257, 4096, 256 * 131 + 7]) {
    const data = bytes(length, 1)
    const digests = leafDigests(data)
    assert.equal(digests.length, 32 * Math.ceil(length / 256))
    for (let i = 0; 32 * i < digests.length; i++) {
      const one = leafDigest(data.subarray(256 * i, 256 * (i + 1)))
      assert.ok(sameBytes(digests.subarray(32 * i, 32 * i + 32), one))
    }
  }
  for (const count of [1, 2, 3, 40, 41]) {
    const level = bytes(32 * count, 2)
    level.fill(0, 0, 64)
    const above = parentDigests(level)
    for (let i = 0; 32 * i < above.length; i++) {
      const left = level.subarray(64 * i, 64 * i + 32)
      const right = 64 * i + 32 < level.length ? level.subarray(64 * i + 32, 64 * i + 64) : ZERO
      assert.ok(sameBytes(above.subarray(32 * i, 32 * i + 32), parentDigest(left, right)))
    }
  }
})

test('a tensor digest binds dtype and shape', () => {
  const root = leafDigest(bytes(64, 3))
  const digests = [
    tensorDigest('f32', [4, 4], root),
    tensorDigest('u32', [4, 4], root),
    tensorDigest('f32', [16], root),
    tensorDigest('f32', [2, 8], root),
  ]
  assert.equal(new Set(digests.map(toHex)).size, digests.length)
})
