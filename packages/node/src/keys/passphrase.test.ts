import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { acceptPassphrase, headlessPassphrase, PASSPHRASE_VARIABLE } from './passphrase.ts'

test('a node without a terminal reads its passphrase from a file that only its owner may read', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'passphrase-'))
  t.after(() => rm(directory, { recursive: true }))
  const file = join(directory, 'passphrase')
  await writeFile(file, 'six words that do not belong\nand a remark', { mode: 0o600 })
  assert.deepEqual(await headlessPassphrase({ file, env: {} }), {
    ok: true,
    value: 'six words that do not belong',
  })
  for (const mode of [0o644, 0o640, 0o604, 0o660]) {
    await chmod(file, mode)
    const read = await headlessPassphrase({ file, env: {} })
    assert.ok(!read.ok, mode.toString(8))
    assert.equal(read.fault.code, 'file-exposed')
    assert.equal(read.fault.value, `mode 0${mode.toString(8)}`)
    assert.match(read.fault.remedy, /chmod 600/)
  }
  await chmod(file, 0o600)
  await writeFile(file, '\n')
  const empty = await headlessPassphrase({ file, env: {} })
  assert.ok(!empty.ok && empty.fault.value === 'empty')
  await writeFile(file, 'x'.repeat(10_000))
  const long = await headlessPassphrase({ file, env: {} })
  assert.ok(!long.ok && long.fault.code === 'file-too-large')
  await assert.rejects(headlessPassphrase({ file: join(directory, 'none'), env: {} }), { code: 'ENOENT' })
  const special = await headlessPassphrase({ file: directory, env: {} })
  assert.ok(!special.ok)
})

test('or from a variable, which is taken out of the environment, also where a file goes first', async () => {
  const env: NodeJS.ProcessEnv = { [PASSPHRASE_VARIABLE]: 'from the environment' }
  assert.deepEqual(await headlessPassphrase({ env }), { ok: true, value: 'from the environment' })
  assert.deepEqual(env, {})
  const missing = await headlessPassphrase({ env })
  assert.ok(!missing.ok)
  assert.match(String(missing.fault.limit), /LOCKSTEP_PASSPHRASE/)
})

test('a new passphrase is long enough, counted in characters', () => {
  assert.ok(acceptPassphrase('12345678').ok)
  assert.ok(acceptPassphrase('🙂'.repeat(8)).ok)
  for (const passphrase of ['', '1234567', '🙂'.repeat(7), 'x'.repeat(1025)]) {
    const accepted = acceptPassphrase(passphrase)
    assert.ok(!accepted.ok)
    assert.ok(!JSON.stringify(accepted.fault).includes('1234567'))
  }
})
