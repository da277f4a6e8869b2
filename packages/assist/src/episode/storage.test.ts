import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { brokenLaws } from '../../test/storage-laws.ts'
import { folderStorage } from './folder-storage.ts'
import { memoryStorage } from './storage.ts'

test('memory is a storage', async () => {
  assert.deepEqual(await brokenLaws(memoryStorage()), [])
})

test('a folder is a storage, for its owner only, and is there the next time', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-assist-'))
  t.after(() => rm(folder, { recursive: true }))
  assert.deepEqual(await brokenLaws(await folderStorage(folder)), [])
  const again = await folderStorage(folder)
  assert.deepEqual(await again.list(''), ['a/a.x', 'b'])
  assert.equal((await stat(join(folder, 'b'))).mode & 0o077, 0)
  assert.deepEqual((await readdir(folder)).sort(), ['a', 'b'])
})
