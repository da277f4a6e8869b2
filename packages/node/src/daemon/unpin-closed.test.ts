import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type BlobId, type BlobStore, openBlobStore } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { unpinClosed } from './unpin-closed.ts'

const DAY = 86_400_000
const WEEK = 7 * DAY
/** Noon of some day. */
const NOON = 20_000.5 * DAY
let directory: string
let store: BlobStore
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'lockstep-pins-'))
  store = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 24 }))
})
after(async () => {
  await store.close()
  await rm(directory, { recursive: true, force: true })
})
const put = async (text: string, job: number): Promise<BlobId> =>
  unwrap(await store.put(new TextEncoder().encode(text), { pin: `job:${job}` }))
const pinsOf = (id: BlobId): readonly string[] => store.list().find((blob) => blob.id === id)?.pins ?? []

test('a node that works for no open job any more has nothing pinned but what others have pinned', async () => {
  const own = await put('one', 1)
  store.pin(own, 'job:2')
  store.pin(own, 'mine')
  unpinClosed(store, new Set([2]), { now: NOON })
  assert.deepEqual([...pinsOf(own)].sort(), ['job:2', 'mine'])
  unpinClosed(store, new Set(), { now: NOON })
  assert.deepEqual(pinsOf(own), ['mine'])
})

test('a text that hundreds of jobs train on has a pin for each that is open, and one a day for the others', async () => {
  const text = await put('shared', 1)
  const result = await put('result of job 5', 5)
  for (let job = 1; job <= 1_200; job++) {
    store.pin(text, `job:${job}`)
    // Eight jobs are open at a time.
    const open = new Set(Array.from({ length: 8 }, (_, i) => job - i))
    if (job % 8 === 0) unpinClosed(store, open, { keepMs: WEEK, now: NOON + (job % 2) })
  }
  assert.equal(pinsOf(text).length, 9)
  unpinClosed(store, new Set([1_200]), { keepMs: WEEK, now: NOON + DAY })
  assert.deepEqual([...pinsOf(text)].sort(), ['day:20000', 'day:20001', 'job:1200'])
  assert.deepEqual(pinsOf(result), ['day:20000'])
  // A whole week after the day on which the last of its jobs was seen to have closed.
  unpinClosed(store, new Set([1_200]), { keepMs: WEEK, now: NOON + WEEK })
  assert.deepEqual(pinsOf(result), ['day:20000'])
  unpinClosed(store, new Set([1_200]), { keepMs: WEEK, now: NOON + WEEK + DAY / 2 })
  assert.deepEqual([pinsOf(result), [...pinsOf(text)].sort()], [[], ['day:20001', 'job:1200']])
})
