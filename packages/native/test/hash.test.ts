import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { accelerateHash, batchHash, plainHash } from '@lockstep/tensor'
import { nativeHash, useNativeHash } from '../src/index.ts'
import { native, skip } from './built.ts'

const bytes = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24)
const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

test('every instruction set present gives the digests of leaves and parents that SHA-256 has', {
  skip,
}, () => {
  const before = batchHash()
  assert.ok(native!.hashes.length > 0)
  for (const kernel of native!.hashes) {
    const hash = nativeHash(native!, kernel)
    accelerateHash(hash) // compares it with the plain hash at many lengths
    const data = bytes(256 * 40)
    for (let length = 0; length <= data.length; length += length < 700 ? 1 : 331) {
      const digests = new Uint8Array(32 * Math.ceil(length / 256) + 1).fill(9)
      hash.leaves(data.subarray(0, length), digests)
      for (let i = 0; 256 * i < length; i++)
        assert.deepEqual(
          Buffer.from(digests.subarray(32 * i, 32 * i + 32)),
          sha256(Buffer.of(0), data.subarray(256 * i, Math.min(length, 256 * i + 256))),
          `${kernel.set}: leaf ${i} of ${length} bytes`,
        )
      assert.equal(digests.at(-1), 9)
    }
    for (let pairs = 0; pairs < 150; pairs++) {
      const row = data.subarray(0, 64 * pairs)
      const above = new Uint8Array(32 * pairs + 1).fill(9)
      hash.parents(row, above)
      for (let i = 0; i < pairs; i++)
        assert.deepEqual(
          Buffer.from(above.subarray(32 * i, 32 * i + 32)),
          sha256(Buffer.of(1), row.subarray(64 * i, 64 * i + 64)),
          `${kernel.set}: parent ${i} of ${pairs}`,
        )
      assert.equal(above.at(-1), 9)
    }
  }
  accelerateHash(before)
})

test('zero pairs, an odd digest and whole trees are as the plain hash has them', { skip }, () => {
  for (const kernel of native!.hashes) {
    const hash = nativeHash(native!, kernel)
    for (const digests of [1, 2, 3, 31, 64, 65, 127, 128, 129, 191, 300]) {
      const row = bytes(32 * digests)
      for (let i = 0; i < digests; i += 3) row.fill(0, 32 * i, 32 * i + 64)
      if (digests % 2 === 1) row.fill(0, 32 * (digests - 1))
      const [ours, theirs] = [0, 1].map(() => new Uint8Array(32 * Math.ceil(digests / 2)))
      hash.parents(row, ours!)
      plainHash.parents(row, theirs!)
      assert.deepEqual(ours, theirs, `${kernel.set}: parents of ${digests}`)
    }
    for (const length of [0, 1, 256, 257, 5000, 33_000, 66_000]) {
      const data = new Uint8Array(new SharedArrayBuffer(length))
      data.set(bytes(length))
      const [ours, theirs] = [new Uint8Array(32), new Uint8Array(32)]
      hash.root(data, ours)
      plainHash.root(data, theirs)
      assert.deepEqual(ours, theirs, `${kernel.set}: root of ${length} bytes`)
    }
  }
})

test('a hash refuses what it has no room for', { skip }, () => {
  const { kernel } = native!.hashes[0]!
  const call = (...args: unknown[]): void => (native!.leaves as (...args: unknown[]) => void)(...args)
  assert.throws(() => call(kernel, new Uint8Array(257), new Uint8Array(63)), /has 63 bytes; 64 are needed/)
  assert.throws(() => native!.parents(kernel, new Uint8Array(65), new Uint8Array(63)), /64 are needed/)
  assert.throws(() => native!.root(kernel, new Uint8Array(0), new Uint8Array(31)), /32 are needed/)
  assert.throws(() => call(kernel, 'text', new Uint8Array(64)), /bytes to hash must be a Uint8Array/)
  assert.throws(() => call(kernel, new Uint8Array(1), {}), /room for digests must be a Uint8Array/)
  assert.throws(() => call(kernel, new Uint8Array(1)), /3 arguments are needed, not 2/)
  assert.throws(() => call(77, new Uint8Array(1), new Uint8Array(32)), /kernel 77 is not one/)
  const both = new Uint8Array(512)
  assert.throws(() => call(kernel, both.subarray(0, 256), both.subarray(255)), /may not overlap/)
  call(kernel, both.subarray(0, 256), both.subarray(256))
})

test('the fastest kernel becomes the batched hash of this thread', { skip }, () => {
  const before = batchHash()
  assert.equal(useNativeHash(native!), true)
  assert.equal(batchHash().name, `native ${native!.hashes[0]!.set}`)
  assert.equal(useNativeHash({ ...native!, hashes: [] }), false)
  accelerateHash(before)
})
