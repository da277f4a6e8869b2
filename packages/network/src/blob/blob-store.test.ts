import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import { footprint } from './blob-entry.ts'
import { hashBlob } from './blob-hash.ts'
import { type BlobId, CHUNK } from './blob-id.ts'
import { type BlobStore, type BlobStoreOptions, openBlobStore, pinsFor } from './blob-store.ts'
import { sampleBytes as bytesOf } from './sample-bytes.ts'

const directoryFor = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-blobs-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const openFor = async (
  t: TestContext,
  directory: string,
  options: Partial<BlobStoreOptions> = {},
): Promise<BlobStore> => {
  const store = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 30, ...options }))
  t.after(() => store.close())
  return store
}

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

const flip = async (path: string, position: number): Promise<void> => {
  const file = await open(path, 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, position)
  buffer[0]! ^= 0x40
  await file.write(buffer, 0, 1, position)
  await file.close()
}

const at = (store: BlobStore, id: BlobId, name: string): string => join(store.directory, 'blobs', id, name)

const faultOf = async (result: Promise<{ ok: boolean; fault?: { code: string } }>): Promise<string> =>
  (await result).fault?.code ?? 'none'

const SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 17]

test('what was put is read, from bytes, streams and files, also after a restart', async (t) => {
  const directory = directoryFor(t)
  const store = await openFor(t, directory)
  const path = join(directory, 'source')
  for (const size of SIZES) {
    const bytes = bytesOf(size)
    const { id } = hashBlob(bytes)
    await writeFile(path, bytes)
    for (const source of [bytes, inPieces(bytes, 99_991), { file: path }]) {
      assert.equal(unwrap(await store.put(source)), id)
      assert.deepEqual(Buffer.from(unwrap(await store.read(id))), bytes)
      assert.deepEqual(unwrap(await store.delete(id)), true)
      assert.ok(!store.has(id))
    }
    unwrap(await store.put(bytes))
  }
  await store.close()
  const again = await openFor(t, directory)
  assert.equal(again.list().length, SIZES.length)
  assert.deepEqual(again.repairs, { torn: 0, shortened: [], discarded: [], pinsLost: false })
  for (const size of SIZES) {
    const bytes = bytesOf(size)
    assert.deepEqual(Buffer.from(unwrap(await again.read(hashBlob(bytes).id))), bytes)
  }
})

test('ranges are read, and ones outside are refused', async (t) => {
  const store = await openFor(t, directoryFor(t))
  const bytes = bytesOf(3 * CHUNK + 17)
  const id = unwrap(await store.put(bytes))
  for (const [from, to] of [
    [0, 0],
    [5, 6],
    [CHUNK - 1, CHUNK + 1],
    [CHUNK, 2 * CHUNK],
    [10, 3 * CHUNK + 17],
  ] as const)
    assert.deepEqual(Buffer.from(unwrap(await store.read(id, { from, to }))), bytes.subarray(from, to))
  for (const [from, to] of [
    [-1, 5],
    [5, 4],
    [0, bytes.length + 1],
    [0.5, 2],
  ] as const)
    assert.equal(await faultOf(store.read(id, { from, to })), 'range')
  assert.equal(await faultOf(store.read(hashBlob(bytesOf(5)).id)), 'blob-missing')
})

test('a second opener of the same directory is refused', async (t) => {
  const directory = directoryFor(t)
  const store = await openFor(t, directory)
  const second = await openBlobStore(directory, { maxBytes: 1 })
  assert.ok(!second.ok && second.fault.code === 'blob-store-locked')
  assert.match(String(second.fault.value), new RegExp(`process ${process.pid}`))
  await store.close()
  await openFor(t, directory)
})

test('the least recently used blob that is not pinned gives way, also after a restart', async (t) => {
  const directory = directoryFor(t)
  const blobs = [1, 2, 3, 4].map((seed) => bytesOf(CHUNK, seed))
  const ids = blobs.map((b) => hashBlob(b).id)
  const maxBytes = 3 * footprint(ids[0]!)
  let store = await openFor(t, directory, { maxBytes })
  for (const b of blobs.slice(0, 3)) unwrap(await store.put(b))
  unwrap(await store.read(ids[1]!))
  store.pin(ids[0]!, 'job 7')
  await store.close()
  store = await openFor(t, directory, { maxBytes })
  assert.deepEqual(store.stat(ids[0]!)?.pins, ['job 7'])
  unwrap(await store.put(blobs[3]!))
  assert.deepEqual(
    ids.map((id) => store.has(id)),
    [true, true, false, true],
  )
  assert.ok(store.usage().bytes <= maxBytes)
  assert.equal(await faultOf(store.delete(ids[0]!)), 'blob-pinned')
  store.pin(ids[1]!, 'job 8')
  store.pin(ids[3]!, 'job 8')
  assert.equal(await faultOf(store.put(blobs[2]!)), 'blob-store-full')
  assert.equal(await faultOf(store.put(inPieces(blobs[2]!, 1000))), 'blob-store-full')
  assert.equal(await faultOf(store.openPartial(ids[2]!, hashBlob(blobs[2]!).digests)), 'blob-store-full')
  assert.equal(store.list().length, 3)
  assert.deepEqual(await readdir(join(directory, 'incoming')), [])
  store.unpin(ids[0]!, 'job 7')
  unwrap(await store.put(blobs[2]!, { pin: 'job 9' }))
  assert.ok(!store.has(ids[0]!))
})

test('pins are as many as the disk is large, and one too many is a fault that keeps the others', async (t) => {
  assert.equal(pinsFor(0), 2 ** 16)
  assert.equal(pinsFor(2 ** 36), 2 ** 18)
  assert.equal(pinsFor(2 ** 50), 2 ** 20)
  const directory = directoryFor(t)
  const options = { maxBytes: 2 ** 20, maxPins: 3 }
  const store = unwrap(await openBlobStore(directory, options))
  const id = unwrap(await store.put(bytesOf(10), { pin: 'job 1' }))
  store.pin(id, 'job 2')
  store.pin(id, 'job 2')
  const other = unwrap(await store.put(bytesOf(11), { pin: 'job 1' }))
  assert.throws(() => store.pin(id, 'job 3'), /pins-full|maxPins/)
  assert.equal(await faultOf(store.put(bytesOf(12), { pin: 'job 1' })), 'pins-full')
  assert.deepEqual(store.stat(id)?.pins, ['job 1', 'job 2'])
  store.unpin(other, 'job 9')
  store.unpin(other, 'job 1')
  store.pin(id, 'job 3')
  await store.close()
  const again = unwrap(await openBlobStore(directory, options))
  assert.throws(() => again.pin(other, 'job 1'), /pins-full|maxPins/)
  again.unpin(id, 'job 3')
  again.pin(other, 'job 1')
  await again.close()
})

test('a blob that cannot fit evicts nothing', async (t) => {
  const store = await openFor(t, directoryFor(t), { maxBytes: 4 * CHUNK })
  const id = unwrap(await store.put(bytesOf(CHUNK)))
  assert.equal(await faultOf(store.put(bytesOf(5 * CHUNK))), 'blob-store-full')
  assert.ok(store.has(id))
})

test('a chunk that changed on the disk is found when it is read, and only it is missing then', async (t) => {
  const directory = directoryFor(t)
  let store = await openFor(t, directory)
  const bytes = bytesOf(4 * CHUNK + 3)
  const id = unwrap(await store.put(bytes))
  await flip(at(store, id, 'data'), 2 * CHUNK + 5)
  assert.equal(await faultOf(store.read(id)), 'chunk-damaged')
  await store.close()
  store = await openFor(t, directory)
  assert.deepEqual([store.stat(id)?.held, store.has(id)], [4, false])
  assert.equal(await faultOf(store.readChunk(id, 2)), 'chunk-missing')
  const partial = unwrap(await store.openPartial(id))
  assert.deepEqual([partial.missing, partial.has(1), partial.has(2)], [1, true, false])
  assert.equal(unwrap(await partial.write(2, bytes.subarray(2 * CHUNK, 3 * CHUNK))), true)
  unwrap(await partial.finish())
  await partial.close()
  assert.deepEqual(Buffer.from(unwrap(await store.read(id))), bytes)
})

test('putting a blob again mends what is damaged and was found', async (t) => {
  const store = await openFor(t, directoryFor(t))
  const bytes = bytesOf(3 * CHUNK)
  const id = unwrap(await store.put(bytes))
  await flip(at(store, id, 'data'), 7)
  await flip(at(store, id, 'data'), 2 * CHUNK)
  assert.deepEqual(unwrap(await store.verify(id)), [0, 2])
  assert.ok(!store.has(id))
  unwrap(await store.put(bytes))
  assert.ok(store.has(id))
  assert.deepEqual(unwrap(await store.verify(id)), [])
})

test('files that were cut, grown or lost are found at open', async (t) => {
  const directory = directoryFor(t)
  let store = await openFor(t, directory)
  const all = [1, 2, 3, 4, 5].map((seed) => bytesOf(3 * CHUNK + 9, seed))
  const ids: BlobId[] = []
  for (const bytes of all) ids.push(unwrap(await store.put(bytes)))
  const [cut, grown, lost, noDigests, noUse] = ids as [BlobId, BlobId, BlobId, BlobId, BlobId]
  const paths = ids.map((id) => join(store.directory, 'blobs', id))
  await store.close()
  await truncate(join(paths[0]!, 'data'), 2 * CHUNK + 100)
  await writeFile(join(paths[1]!, 'data'), Buffer.concat([all[1]!, Buffer.alloc(5)]))
  await rm(join(paths[2]!, 'data'))
  await rm(join(paths[3]!, 'digests'))
  await rm(join(paths[4]!, 'digests'))
  await flip(join(paths[4]!, 'data'), 3)
  await writeFile(join(directory, 'blobs', 'stray'), 'x')
  store = await openFor(t, directory)
  assert.deepEqual([store.stat(cut)?.held, store.has(cut)], [2, false])
  assert.ok(store.has(grown))
  assert.equal(store.stat(lost), undefined)
  assert.deepEqual([...store.repairs.shortened].sort(), [cut, grown].sort())
  assert.deepEqual([...store.repairs.discarded].sort(), [lost, 'stray'].sort())
  assert.equal(store.repairs.torn, 2)
  assert.deepEqual(Buffer.from(unwrap(await store.read(grown))), all[1])
  assert.deepEqual(Buffer.from(unwrap(await store.read(noDigests))), all[3])
  assert.ok(existsSync(at(store, noDigests, 'digests')))
  assert.equal(await faultOf(store.read(noUse)), 'blob-missing')
  assert.deepEqual(await readdir(join(directory, 'incoming')), [])
})

test('a partial blob goes on where it stopped; torn chunks and changed bitmaps are found', async (t) => {
  const directory = directoryFor(t)
  let store = await openFor(t, directory)
  const bytes = bytesOf(9 * CHUNK + 1)
  const { id, digests } = hashBlob(bytes)
  const chunk = (i: number): Buffer => bytes.subarray(i * CHUNK, (i + 1) * CHUNK)
  assert.equal(await faultOf(store.openPartial(id)), 'blob-digests-wrong')
  assert.equal(await faultOf(store.openPartial(id, Buffer.alloc(digests.length))), 'blob-digests-wrong')
  const partial = unwrap(await store.openPartial(id, digests))
  assert.equal(await faultOf(store.openPartial(id, digests)), 'blob-busy')
  for (const i of [8, 0, 3, 9]) assert.equal(unwrap(await partial.write(i, chunk(i))), true)
  assert.equal(unwrap(await partial.write(3, chunk(3))), false)
  assert.equal(await faultOf(partial.write(4, chunk(5))), 'chunk-garbage')
  assert.equal(await faultOf(partial.write(2, chunk(9))), 'chunk-garbage')
  assert.deepEqual(unwrap(await store.readChunk(id, 3)), chunk(3))
  assert.equal(await faultOf(store.read(id)), 'chunk-missing')
  assert.throws(() => partial.finish())
  await partial.close()
  await store.close()

  // Chunk 3 was torn by a power cut, chunk 1 is said to be here and is not, chunk 8 changed unseen.
  const have = await readFile(join(directory, 'blobs', id, 'have'))
  assert.deepEqual([...have], [2, 0, 0, 2, 0, 0, 0, 0, 2, 2])
  await writeFile(join(directory, 'blobs', id, 'have'), Buffer.of(2, 1, 0, 1, 0, 0, 0, 0, 7, 2))
  await flip(join(directory, 'blobs', id, 'data'), 4 * CHUNK - 1)
  store = await openFor(t, directory)
  assert.equal(store.repairs.torn, 2)
  const set = store.chunks(id)
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].filter((i) => set.has(i)),
    [0, 8, 9],
  )
  await store.close()

  // A bitmap of the wrong length says nothing: the hashes do.
  await writeFile(join(directory, 'blobs', id, 'have'), Buffer.of(1))
  store = await openFor(t, directory)
  assert.equal(store.stat(id)?.held, 3)
  const rest = unwrap(await store.openPartial(id))
  for (let i = 0; i < 10; i++) if (!rest.has(i)) unwrap(await rest.write(i, chunk(i)))
  unwrap(await rest.finish())
  await rest.close()
  assert.deepEqual(Buffer.from(unwrap(await store.read(id))), bytes)
  assert.ok(!existsSync(at(store, id, 'have')))
})

test('an empty blob is completed with no chunk', async (t) => {
  const store = await openFor(t, directoryFor(t))
  const { id, digests } = hashBlob(new Uint8Array(0))
  const partial = unwrap(await store.openPartial(id, digests))
  unwrap(await partial.finish())
  await partial.close()
  assert.ok(store.has(id))
  assert.equal(unwrap(await store.read(id)).length, 0)
})

test('a put beside a transfer into the same blob completes it', async (t) => {
  const store = await openFor(t, directoryFor(t))
  const bytes = bytesOf(3 * CHUNK)
  const { id, digests } = hashBlob(bytes)
  const partial = unwrap(await store.openPartial(id, digests))
  unwrap(await partial.write(1, bytes.subarray(CHUNK, 2 * CHUNK)))
  assert.equal(await faultOf(store.delete(id)), 'blob-busy')
  unwrap(await store.put(bytes))
  assert.equal(partial.missing, 0)
  unwrap(await partial.finish())
  await partial.close()
  assert.deepEqual(Buffer.from(unwrap(await store.read(id))), bytes)
})

test('a damaged index loses no blob: all are pinned until someone looks', async (t) => {
  const directory = directoryFor(t)
  let store = await openFor(t, directory)
  const id = unwrap(await store.put(bytesOf(10), { pin: 'job 1' }))
  await store.close()
  await writeFile(join(directory, 'index.sqlite'), Buffer.alloc(9000, 'x'))
  store = await openFor(t, directory)
  assert.equal(store.repairs.pinsLost, true)
  assert.deepEqual(store.stat(id)?.pins, ['recovered'])
})

test('a stream that fails leaves nothing behind', async (t) => {
  const directory = directoryFor(t)
  const store = await openFor(t, directory)
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield bytesOf(CHUNK)
    throw new Error('the source broke')
  }
  await assert.rejects(store.put(failing()), /the source broke/)
  assert.equal(await faultOf(store.put({ file: join(directory, 'absent') })), 'disk-failed')
  assert.deepEqual([store.usage().bytes, store.list().length], [0, 0])
  assert.deepEqual(await readdir(join(directory, 'incoming')), [])
})

test('a disk that would be too full is refused before it is', async (t) => {
  const store = await openFor(t, directoryFor(t), { minFreeBytes: 2 ** 52 })
  const refused = await store.put(bytesOf(10))
  assert.ok(!refused.ok && refused.fault.code === 'disk-full')
  assert.equal(store.usage().bytes, 0)
})
