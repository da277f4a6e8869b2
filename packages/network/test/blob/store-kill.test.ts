import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import { hashBlob } from '../../src/blob/blob-hash.ts'
import { CHUNK, chunkCount, parseBlobId } from '../../src/blob/blob-id.ts'
import { openBlobStore } from '../../src/blob/blob-store.ts'
import { sampleBytes } from '../../src/blob/sample-bytes.ts'

const directoryFor = (t: TestContext): string => {
  const directory = mkdtempSync(join(tmpdir(), 'lockstep-blobs-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/**
 * The lines that the writer printed until it was killed: after `lines` of them and some more milliseconds. However late
 * the kill comes, the writer is not done before: a dozen lines further on it waits for it.
 */
const runUntil = async (args: string[], lines: number, more: number): Promise<string[]> => {
  const writer = join(import.meta.dirname, 'store-writer.ts')
  const most = `${lines + 12}`
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', writer, most, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(line)
    if (said.length === lines) setTimeout(() => child.kill('SIGKILL'), more)
  }
  return said
}

test('whenever a writer is killed, what it had written is there, and the lock is free', async (t) => {
  const length = 200 * CHUNK + 5
  const { id, digests } = hashBlob(sampleBytes(length))
  const directory = directoryFor(t)
  const written = new Set<number>()
  let kills = 0
  for (const [lines, more] of [
    [1, 0],
    [1, 3],
    [2, 0],
    [20, 1],
    [30, 7],
    [40, 2],
    [Number.POSITIVE_INFINITY, 0],
  ] as const) {
    const said = await runUntil(['partial', directory, `${length}`], lines, more)
    for (const line of said) {
      if (!/^[0-9]+$/.test(line)) continue
      assert.ok(!written.has(Number(line)), `chunk ${line} was written twice`)
      written.add(Number(line))
    }
    if (said.at(-1) !== 'done') kills++
    const store = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 30 }))
    const held = store.chunks(id)
    for (const chunk of written) assert.ok(held.has(chunk), `chunk ${chunk} was lost`)
    if (store.stat(id) !== undefined) assert.deepEqual(unwrap(await store.verify(id)), [])
    await store.close()
  }
  assert.equal(kills, 6)
  // A kill may fall between a write and the line that tells of it: that chunk is there, and nobody writes it again.
  const untold = chunkCount(id) - written.size
  assert.ok(untold >= 0 && untold <= kills, `${untold} chunks were never told of, with ${kills} kills`)
  const store = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 30 }))
  assert.ok(store.has(id))
  assert.deepEqual(unwrap(await store.digests(id)).length, digests.length)
  await store.close()
})

test('whenever a put is killed, the blobs before it are whole and nothing of it is left', async (t) => {
  const directory = directoryFor(t)
  const whole = new Set<string>()
  for (const [lines, more] of [
    [1, 1],
    [2, 4],
    [4, 9],
    [5, 2],
  ] as const) {
    for (const line of await runUntil(['put', directory, `${5 * CHUNK + 1}`], lines, more))
      if (parseBlobId(line).ok) whole.add(line)
    const store = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 30 }))
    assert.deepEqual(store.repairs, { torn: 0, shortened: [], discarded: [], pinsLost: false })
    for (const { id, complete } of store.list()) {
      assert.ok(complete)
      assert.deepEqual(unwrap(await store.verify(id)), [])
    }
    for (const text of whole)
      assert.deepEqual(store.stat(unwrap(parseBlobId(text)))?.pins, ['kept'], `${text} is gone`)
    assert.deepEqual(readdirSync(join(directory, 'incoming')), [])
    await store.close()
  }
})
