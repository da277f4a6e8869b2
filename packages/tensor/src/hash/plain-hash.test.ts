import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { plainHash } from './plain-hash.ts'
import { sha256 } from './sha256.ts'

const bytes = (n: number, salt: number): Uint8Array =>
  new Uint8Array(n).map((_, i) => Math.imul(i + 1, 0x9e3779b1 + 2 * salt) >>> 24)
const theirs = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

test('the hash is SHA-256, at every length around its blocks', () => {
  for (let n = 0; n < 300; n++) assert.deepEqual(Buffer.from(sha256(bytes(n, n))), theirs(bytes(n, n)))
  // FIPS 180-4's example of one block.
  assert.equal(
    Buffer.from(sha256(new TextEncoder().encode('abc'))).toString('hex'),
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  )
})

test('a tree of leaves is hashed as docs/numerics.md says', () => {
  const zero = new Uint8Array(32)
  const leaf = (data: Uint8Array): Buffer => theirs(Buffer.of(0), data)
  const parent = (l: Uint8Array, r: Uint8Array): Buffer => theirs(Buffer.of(1), l, r)
  const root = (data: Uint8Array): Buffer => {
    const out = Buffer.alloc(32, 255)
    plainHash.root(data, out)
    return out
  }
  const data = bytes(700, 7)
  const [a, b, c] = [data.subarray(0, 256), data.subarray(256, 512), data.subarray(512)].map(leaf)
  assert.deepEqual(root(data.subarray(0, 0)), Buffer.from(zero))
  assert.deepEqual(root(data.subarray(0, 3)), leaf(data.subarray(0, 3)))
  assert.deepEqual(root(data.subarray(0, 512)), parent(a!, b!))
  assert.deepEqual(root(data), parent(parent(a!, b!), parent(c!, zero)))
  const above = new Uint8Array(64).fill(255)
  plainHash.parents(new Uint8Array(96), above)
  assert.deepEqual(above, new Uint8Array(64))
})
