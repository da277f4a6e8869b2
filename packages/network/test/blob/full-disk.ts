/** Runs on a disk of 4 MiB that was made for it, and fails where the store does not keep its word on a full disk. */
import assert from 'node:assert/strict'
import { unwrap } from '@lockstep/tensor'
import { hashBlob } from '../../src/blob/blob-hash.ts'
import { CHUNK } from '../../src/blob/blob-id.ts'
import { openBlobStore } from '../../src/blob/blob-store.ts'
import { sampleBytes } from '../../src/blob/sample-bytes.ts'

const [directory] = process.argv.slice(2)
const options = { maxBytes: 2 ** 30, minFreeBytes: -(2 ** 40) }
let store = unwrap(await openBlobStore(directory!, options))
const small = unwrap(await store.put(sampleBytes(CHUNK, 2)))

const bytes = sampleBytes(30 * CHUNK)
const { id, digests } = hashBlob(bytes)
const put = await store.put(bytes)
assert.ok(!put.ok && put.fault.code === 'disk-full', JSON.stringify(put))
assert.equal(store.list().length, 1)

const partial = unwrap(await store.openPartial(id, digests))
let written = 0
let code = ''
for (let i = 0; code === ''; i++) {
  const kept = await partial.write(i, bytes.subarray(i * CHUNK, (i + 1) * CHUNK))
  if (kept.ok) written++
  else code = kept.fault.code
}
assert.equal(code, 'disk-full')
assert.ok(written > 3)
await partial.close()
await store.close()

store = unwrap(await openBlobStore(directory!, options))
assert.equal(store.stat(id)?.held, written)
assert.deepEqual(unwrap(await store.verify(small)), [])
assert.equal(unwrap(await store.delete(id)), true)
unwrap(await store.put(sampleBytes(CHUNK, 3), { pin: 'room again' }))
await store.close()
