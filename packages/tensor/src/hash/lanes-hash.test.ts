import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { engine } from '../wasm/engine.ts'
import { accelerateHash, batchHash } from './accelerate.ts'
import { lanesHash } from './lanes-hash.ts'

const lanes = lanesHash()
assert.ok(lanes, 'this engine has no vectors')

/** Bytes that no run of zeros or neighbour repeats, in a buffer of either kind, at any alignment. */
const bytes = (n: number, salt: number, from = 0, shared = false): Uint8Array => {
  const buffer = new (shared ? SharedArrayBuffer : ArrayBuffer)(from + n)
  const data = new Uint8Array(buffer, from, n)
  for (let i = 0; i < n; i++) data[i] = Math.imul(i + 1, 0x9e3779b1 + 2 * salt) >>> 24
  return data
}

const hash = (tag: number, bytes: Uint8Array): Buffer =>
  createHash('sha256').update(Buffer.of(tag)).update(bytes).digest()

const leavesOf = (data: Uint8Array): Buffer[] =>
  Array.from({ length: Math.ceil(data.length / 256) }, (_, i) =>
    hash(0, data.subarray(256 * i, 256 * (i + 1))),
  )
const parentsOf = (row: readonly Buffer[]): Buffer[] =>
  Array.from({ length: Math.ceil(row.length / 2) }, (_, i) => {
    const pair = Buffer.concat([row[2 * i]!, row[2 * i + 1] ?? Buffer.alloc(32)])
    return pair.some((byte) => byte !== 0) ? hash(1, pair) : Buffer.alloc(32)
  })
const rootOf = (data: Uint8Array): Buffer => {
  let row = leavesOf(data)
  while (row.length > 1) row = parentsOf(row)
  return row[0] ?? Buffer.alloc(32)
}

/** What a step writes, and that it writes no byte more. */
const written = (step: 'leaves' | 'parents' | 'root', data: Uint8Array, digests: number): Buffer => {
  const out = Buffer.alloc(32 * digests + 1, 0xa5)
  lanes[step](data, out)
  assert.equal(out[32 * digests], 0xa5, `${step} of ${data.length} bytes wrote too far`)
  return out.subarray(0, 32 * digests)
}

test('leaves and roots of all lengths up to 1100 bytes are those of one message after another', () => {
  for (let n = 0; n <= 1100; n++) {
    const data = bytes(n, n)
    assert.deepEqual(written('leaves', data, Math.ceil(n / 256)), Buffer.concat(leavesOf(data)), `${n}`)
    assert.deepEqual(written('root', data, 1), rootOf(data), `${n}`)
  }
})

test('so are roots of random lengths, in shared memory and at any alignment', () => {
  const lengths = fc.oneof(
    fc.integer({ min: 0, max: 300_000 }),
    // Around the window of 64 KiB, and around what is a power of two in leaves.
    fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: -300, max: 300 }))
      .map(([i, d]) => 65536 * i + d),
  )
  fc.assert(
    fc.property(lengths, fc.nat(63), fc.boolean(), fc.nat(), (n, from, shared, salt) => {
      const data = bytes(n, salt, from, shared)
      assert.deepEqual(written('root', data, 1), rootOf(data))
    }),
    { numRuns: 60 },
  )
})

test('parents of rows of any length, with zero digests anywhere in them, are too', () => {
  const row = fc.integer({ min: 0, max: 300 }).chain((count) =>
    fc.record({
      count: fc.constant(count),
      zeros: fc.uniqueArray(fc.nat(Math.max(0, count - 1)), { maxLength: 40 }),
      salt: fc.nat(),
    }),
  )
  fc.assert(
    fc.property(row, ({ count, zeros, salt }) => {
      const data = bytes(32 * count, salt)
      for (const i of count > 0 ? zeros : []) data.fill(0, 32 * i, 32 * (i + 1))
      const digests = Array.from({ length: count }, (_, i) => Buffer.from(data.subarray(32 * i, 32 * i + 32)))
      assert.deepEqual(written('parents', data, Math.ceil(count / 2)), Buffer.concat(parentsOf(digests)))
    }),
    { numRuns: 200 },
  )
  // A pair is zero only when all of it is.
  for (let at = 0; at < 64; at++) {
    const pair = Buffer.alloc(64)
    pair[at] = 1
    assert.deepEqual(written('parents', pair, 1), hash(1, pair))
  }
  const long = bytes(32 * 4099, 3)
  const digests = Array.from({ length: 4099 }, (_, i) => Buffer.from(long.subarray(32 * i, 32 * i + 32)))
  assert.deepEqual(written('parents', long, 2050), Buffer.concat(parentsOf(digests)))
})

test("bytes of an executor's memory are hashed where they lie", () => {
  const memory = new engine.Memory({ initial: 2, maximum: 2, shared: true })
  const arena = new Uint8Array(memory.buffer)
  const data = bytes(70_001, 5)
  arena.set(data, 128)
  assert.deepEqual(written('root', arena.subarray(128, 128 + data.length), 1), rootOf(data))
})

test('the lanes prove themselves as any other batched hash has to', () => {
  accelerateHash(lanes)
  assert.equal(batchHash(), lanes)
})
