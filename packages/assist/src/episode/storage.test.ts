import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { AssistError } from '../assist-error.ts'
import { folderStorage } from './folder-storage.ts'
import { type AssistStorage, memoryStorage, STORAGE_LIMITS } from './storage.ts'

/** What every storage does. */
const laws = async (storage: AssistStorage): Promise<void> => {
  assert.equal(await storage.get('a/b'), undefined)
  const value = Uint8Array.of(1, 2)
  await storage.put('a/b', value)
  value[0] = 9
  assert.deepEqual(await storage.get('a/b'), Uint8Array.of(1, 2))
  const got = (await storage.get('a/b'))!
  got[0] = 7
  assert.deepEqual(await storage.get('a/b'), Uint8Array.of(1, 2))
  await storage.put('a/b', new Uint8Array(0))
  assert.deepEqual(await storage.get('a/b'), new Uint8Array(0))
  await storage.put('a/a.x', value)
  await storage.put('b', value)
  assert.deepEqual(await storage.list('a/'), ['a/a.x', 'a/b'])
  assert.deepEqual(await storage.list(''), ['a/a.x', 'a/b', 'b'])
  await storage.delete('a/b')
  await storage.delete('never')
  assert.deepEqual(await storage.list('a/'), ['a/a.x'])
  for (const key of [
    '',
    '/',
    'a/',
    '../x',
    'a/../../x',
    '.',
    'A',
    'a b',
    'a~0',
    'x'.repeat(STORAGE_LIMITS.key + 1),
  ]) {
    await assert.rejects(storage.put(key, value), AssistError, key)
    await assert.rejects(storage.get(key), AssistError, key)
    await assert.rejects(storage.delete(key), AssistError, key)
  }
  await assert.rejects(storage.put('big', new Uint8Array(STORAGE_LIMITS.value + 1)), AssistError)
  assert.equal(await storage.get('big'), undefined)
}

test('memory is a storage', () => laws(memoryStorage()))

test('a folder is a storage, for its owner only, and is there the next time', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-assist-'))
  t.after(() => rm(folder, { recursive: true }))
  await laws(await folderStorage(folder))
  const again = await folderStorage(folder)
  assert.deepEqual(await again.list(''), ['a/a.x', 'b'])
  assert.equal((await stat(join(folder, 'b'))).mode & 0o077, 0)
  assert.deepEqual((await readdir(folder)).sort(), ['a', 'b'])
})
