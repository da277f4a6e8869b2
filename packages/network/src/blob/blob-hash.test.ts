import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { areDigestsOf, BlobHasher, hashBlob, isChunkOf } from './blob-hash.ts'
import { blobIdSchema, blobLength, CHUNK, chunkCount, chunkLength, MAX_BLOB, parseBlobId } from './blob-id.ts'

const sha256 = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()
const bytesOf = (length: number): Buffer => Buffer.alloc(length, 'lockstep')

test('an id is the hash that the comment says', () => {
  const bytes = bytesOf(2 * CHUNK + 5)
  const [a, b, c] = [0, 1, 2].map((i) =>
    sha256(Buffer.of(0x10), bytes.subarray(i * CHUNK, Math.min(bytes.length, (i + 1) * CHUNK))),
  )
  const top = sha256(Buffer.of(0x11), sha256(Buffer.of(0x11), a!, b!), c!)
  const length = Buffer.alloc(8)
  length.writeBigUInt64BE(BigInt(bytes.length))
  const root = sha256(Buffer.of(0x12), length, top).toString('hex')
  assert.equal(hashBlob(bytes).id, `${root}-${bytes.length}`)
  assert.equal(
    hashBlob(new Uint8Array(0)).id,
    `${sha256(Buffer.of(0x12), Buffer.alloc(8), Buffer.alloc(32)).toString('hex')}-0`,
  )
})

test('a blob hashes to the same id in whatever pieces it comes', () => {
  const bytes = bytesOf(3 * CHUNK + 77)
  const whole = hashBlob(bytes)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: CHUNK + 9 }), { maxLength: 12 }), (cuts) => {
      const hasher = new BlobHasher()
      let at = 0
      for (const cut of cuts) {
        hasher.update(bytes.subarray(at, at + cut))
        at += cut
      }
      hasher.update(bytes.subarray(Math.min(at, bytes.length)))
      assert.deepEqual(hasher.digest(), whole)
    }),
    { numRuns: 30 },
  )
})

test('ids and digests of many chunks are right too', () => {
  const bytes = bytesOf(40 * CHUNK - 1)
  const { id, digests } = hashBlob(bytes)
  assert.equal(chunkCount(id), 40)
  assert.equal(chunkLength(id, 39), CHUNK - 1)
  for (const i of [0, 1, 38]) assert.ok(isChunkOf(digests, i, bytes.subarray(i * CHUNK, (i + 1) * CHUNK)))
  assert.ok(!isChunkOf(digests, 39, bytes.subarray(39 * CHUNK - 1)))
  assert.ok(areDigestsOf(id, digests))
  const bent = Buffer.from(digests)
  bent[1000]! ^= 1
  assert.ok(!areDigestsOf(id, bent))
  assert.ok(!areDigestsOf(id, digests.subarray(32)))
})

test('the id binds the length: the same root with another length is no id of these digests', () => {
  const { id, digests } = hashBlob(bytesOf(CHUNK))
  const other = parseBlobId(id.replace(/-.*/, `-${CHUNK - 1}`))
  assert.ok(other.ok)
  assert.ok(!areDigestsOf(other.value, digests))
})

test('text that is no id is refused', () => {
  const { id } = hashBlob(bytesOf(9))
  assert.deepEqual(parseBlobId(id), { ok: true, value: id })
  assert.equal(blobLength(blobIdSchema.parse(id)), 9)
  const root = id.slice(0, 64)
  for (const bad of [
    '',
    root,
    `${root}-`,
    `${root}-09`,
    `${root}--1`,
    `${root}-1e3`,
    `${root}-${MAX_BLOB + 1}`,
    `${root}-99999999999999999999`,
    `${root.toUpperCase()}-9`,
    `${root.slice(1)}-9`,
    `${id}\n`,
    `../${id}`,
  ]) {
    const parsed = parseBlobId(bad)
    assert.ok(!parsed.ok && parsed.fault.code === 'blob-id-malformed', bad)
    assert.ok(!blobIdSchema.safeParse(bad).success, bad)
  }
})
