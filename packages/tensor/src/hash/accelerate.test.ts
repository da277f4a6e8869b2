import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accelerateHash, batchHash } from './accelerate.ts'
import { plainHash } from './plain-hash.ts'

test('a batched hash is taken only when its digests are right', () => {
  const before = batchHash()
  const wrong = {
    ...plainHash,
    name: 'wrong',
    parents: (row: Uint8Array, above: Uint8Array) => {
      plainHash.parents(row, above)
      if (row.length === 32 * 41) above[5]! ^= 1
    },
  }
  assert.throws(() => accelerateHash(wrong), /wrong gives wrong parents of 1312 bytes/)
  const beyond = (data: Uint8Array, digests: Uint8Array): void => {
    plainHash.leaves(data, digests)
    if (data.length > 0) digests[32 * Math.ceil(data.length / 256)] = 0
  }
  assert.throws(() => accelerateHash({ ...plainHash, leaves: beyond }), /wrong leaves/)
  assert.equal(batchHash(), before)
  const right = { ...plainHash, name: 'right' }
  accelerateHash(right)
  assert.equal(batchHash(), right)
  accelerateHash(before)
})

test('digests are the same before there was enough to hash for the lanes and after it', () => {
  const data = new Uint8Array(2 ** 18 + 100).map((_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 24)
  const expected = new Uint8Array(32)
  plainHash.root(data, expected)
  for (let i = 0; i < 4; i++) {
    const root = new Uint8Array(32)
    batchHash().root(data, root)
    assert.deepEqual(root, expected)
  }
})
