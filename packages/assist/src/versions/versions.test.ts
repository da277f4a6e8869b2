import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssistError } from '../assist-error.ts'
import { memoryStorage } from '../episode/storage.ts'
import { type NewVersion, openVersions } from './versions.ts'

const base = Uint8Array.of(1, 2, 3)
const kept = () => 3
const episode = (n: number): string => n.toString(16).padStart(64, '0')
const hash = `0x${'ab'.repeat(32)}` as const
const better = (n: number): NewVersion => ({
  ...{ state: Uint8Array.of(n), origin: 'own', at: n, heldOut: { before: 2, after: 1 } },
  receipt: { program: hash, steps: 1, inputs: [hash], before: hash, after: hash, episodes: [episode(n)] },
})

test('rollback restores the exact bytes, and everything is there the next time', async () => {
  const storage = memoryStorage()
  const versions = await openVersions(storage, base, { at: 0, kept })
  const first = versions.current().id
  const second = await versions.add(better(7))
  await versions.add(better(8))
  assert.deepEqual(await versions.rollback(second.id), Uint8Array.of(7))
  const again = await openVersions(storage, base, { at: 9, kept })
  assert.deepEqual(again.list(), versions.list())
  assert.equal(again.current().id, second.id)
  assert.deepEqual(await again.rollback(first), base)
  assert.deepEqual(await again.state(second.id), Uint8Array.of(7))
})

test('a version that is not better is refused, and nothing is kept of it', async () => {
  const storage = memoryStorage()
  const versions = await openVersions(storage, base, { at: 0, kept })
  const before = await storage.list('')
  for (const after of [2, 2.1, Number.NaN])
    await assert.rejects(versions.add({ ...better(7), heldOut: { before: 2, after } }), AssistError)
  assert.equal(versions.current().origin, 'base')
  assert.deepEqual(await storage.list(''), before)
})

test('only so many versions are kept, the base always', async () => {
  const storage = memoryStorage()
  const versions = await openVersions(storage, base, { at: 0, kept })
  for (let n = 1; n <= 6; n++) await versions.add(better(n))
  assert.deepEqual(
    versions.list().map(({ at }) => at),
    [6, 5, 4, 0],
  )
  assert.equal((await storage.list('versions/')).length, 5)
})

test('what learned from an episode goes with it, and what came of that', async () => {
  const storage = memoryStorage()
  const versions = await openVersions(storage, base, { at: 0, kept: () => 10 })
  const [one] = [await versions.add(better(1)), await versions.add(better(2)), await versions.add(better(3))]
  assert.deepEqual(await versions.unlearn(episode(2)), Uint8Array.of(1))
  assert.equal(versions.current().id, one!.id)
  assert.deepEqual(await storage.list('versions/own'), [`versions/${one!.id}.state`])
  assert.equal(await versions.unlearn(episode(9)), undefined)
  assert.deepEqual(await versions.unlearn(episode(1)), base)
})

test('a new base takes the place of the old one, but not of what was learned from that', async () => {
  const storage = memoryStorage()
  const next = Uint8Array.of(4, 5)
  await openVersions(storage, base, { at: 0, kept })
  const untouched = await openVersions(storage, next, { at: 1, kept })
  assert.deepEqual(await untouched.state(untouched.current().id), next)
  const own = await untouched.add(better(7))
  const again = await openVersions(storage, base, { at: 2, kept })
  assert.equal(again.current().id, own.id)
  assert.deepEqual(await again.rollback(again.list().at(-1)!.id), base)
  assert.equal((await storage.list('versions/')).length, 3)
})

test('a damaged state is told, not loaded', async () => {
  const storage = memoryStorage()
  const versions = await openVersions(storage, base, { at: 0, kept })
  const { id } = await versions.add(better(7))
  await storage.put(`versions/${id}.state`, Uint8Array.of(9))
  await assert.rejects(versions.rollback(id), /is damaged/)
  await assert.rejects(versions.rollback('own-none'), /Choose one that is kept/)
})
