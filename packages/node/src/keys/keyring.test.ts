import assert from 'node:assert/strict'
import { chmod, link, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import { delegate, isSigned } from './delegation.ts'
import { openKeyring } from './keyring.ts'
import { Secret } from './secret.ts'

const CHEAP = { n: 2 ** 10, r: 8, p: 1 }
const PASSPHRASE = 'a long enough passphrase'

const keyringOf = async (t: TestContext) => {
  const parent = await mkdtemp(join(tmpdir(), 'keyring-'))
  t.after(() => rm(parent, { recursive: true }))
  return openKeyring(join(parent, 'keys'), CHEAP)
}

test('a key that was added is listed and unlocked, by another process too', async (t) => {
  const keyring = await keyringOf(t)
  const secret = Secret.generate()
  assert.deepEqual(unwrap(await keyring.add('node', secret, PASSPHRASE)), {
    name: 'node',
    place: 'current',
    address: secret.address,
  })
  const again = await openKeyring(keyring.directory)
  assert.deepEqual(unwrap(await again.list()), [{ name: 'node', place: 'current', address: secret.address }])
  assert.equal(unwrap(await again.unlock('node', PASSPHRASE)).address, secret.address)
  const wrong = await again.unlock('node', `${PASSPHRASE}!`)
  assert.ok(!wrong.ok && wrong.fault.code === 'passphrase-wrong')
})

test('files and directories are their owner’s alone, and nothing in them is in the clear', async (t) => {
  const keyring = await keyringOf(t)
  const secret = Secret.generate()
  await keyring.add('node', secret, PASSPHRASE)
  const hex = secret.use((bytes) => Buffer.from(bytes).toString('hex'))
  assert.equal((await stat(keyring.directory)).mode & 0o777, 0o700)
  const file = join(keyring.directory, 'node.json')
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.ok(!(await readFile(file, 'utf8')).includes(hex))
  assert.deepEqual((await readdir(keyring.directory)).sort(), ['delegations', 'node.json'])
  await chmod(file, 0o644)
  const exposed = await keyring.unlock('node', PASSPHRASE)
  assert.ok(!exposed.ok && exposed.fault.code === 'file-exposed')
})

test('a key is never overwritten, by whoever comes at the same moment', async (t) => {
  const keyring = await keyringOf(t)
  const all = await Promise.all(
    Array.from({ length: 5 }, () => keyring.add('node', Secret.generate(), PASSPHRASE)),
  )
  assert.equal(all.filter((added) => added.ok).length, 1)
  for (const added of all) if (!added.ok) assert.equal(added.fault.code, 'key-exists')
})

test('wrong names, weak passphrases and missing keys are named', async (t) => {
  const keyring = await keyringOf(t)
  for (const name of ['', '../up', 'Node', 'a.next', 'x'.repeat(33), 'a/b', '-a']) {
    const added = await keyring.add(name, Secret.generate(), PASSPHRASE)
    assert.ok(!added.ok, name)
    assert.equal(added.fault.code, 'key-name-malformed')
    assert.ok(!(await keyring.unlock(name, PASSPHRASE)).ok)
  }
  const weak = await keyring.add('node', Secret.generate(), 'short')
  assert.ok(!weak.ok && weak.fault.code === 'passphrase-refused')
  const missing = await keyring.unlock('node', PASSPHRASE)
  assert.ok(!missing.ok && missing.fault.code === 'key-missing')
  assert.deepEqual(unwrap(await keyring.list()), [])
  await assert.rejects(stat(keyring.directory), { code: 'ENOENT' }, 'who only looks makes nothing')
  await mkdir(keyring.directory)
  await writeFile(join(keyring.directory, 'node.json'), '{"version":3}', { mode: 0o600 })
  const damaged = await keyring.unlock('node', PASSPHRASE)
  assert.ok(!damaged.ok)
  assert.match(damaged.fault.field, /^crypto of .*node\.json$/)
})

test('the passphrase changes, the key does not', async (t) => {
  const keyring = await keyringOf(t)
  const secret = Secret.generate()
  await keyring.add('node', secret, PASSPHRASE)
  const wrong = await keyring.changePassphrase('node', 'another passphrase', 'a new passphrase')
  assert.ok(!wrong.ok)
  unwrap(await keyring.changePassphrase('node', PASSPHRASE, 'a new passphrase'))
  assert.ok(!(await keyring.unlock('node', PASSPHRASE)).ok)
  assert.equal(unwrap(await keyring.unlock('node', 'a new passphrase')).address, secret.address)
})

test('a rotation makes a key, waits for the chain, and keeps the old one for what it has begun', async (t) => {
  const keyring = await keyringOf(t)
  const old = Secret.generate()
  await keyring.add('node', old, PASSPHRASE)
  assert.ok(!(await keyring.finishRotation('node')).ok)
  const locked = await keyring.beginRotation('node', 'another passphrase')
  assert.ok(!locked.ok && locked.fault.code === 'passphrase-wrong')
  const next = unwrap(await keyring.beginRotation('node', PASSPHRASE))
  assert.equal(next.place, 'next')
  // Killed here and called again, the same key waits, and the old one is still in use.
  assert.deepEqual(unwrap(await keyring.beginRotation('node', PASSPHRASE)), next)
  assert.equal(unwrap(await keyring.unlock('node', PASSPHRASE)).address, old.address)
  assert.equal(unwrap(await keyring.unlock('node', PASSPHRASE, next.address)).address, next.address)

  // Killed between the two renames of a finish:
  const retired = join(keyring.directory, `node.${old.address.toLowerCase()}.retired.json`)
  await link(join(keyring.directory, 'node.json'), retired)
  assert.equal(unwrap(await keyring.unlock('node', PASSPHRASE)).address, old.address)

  const finished = unwrap(await keyring.finishRotation('node'))
  assert.deepEqual(finished, { current: { ...next, place: 'current' }, retired: old.address })
  assert.equal(unwrap(await keyring.unlock('node', PASSPHRASE)).address, next.address)
  assert.equal(unwrap(await keyring.unlock('node', PASSPHRASE, old.address)).address, old.address)
  assert.deepEqual(
    unwrap(await keyring.list()).map((entry) => [entry.place, entry.address]),
    [
      ['retired', old.address],
      ['current', next.address],
    ],
  )
  const unknown = await keyring.unlock('node', PASSPHRASE, Secret.generate().address)
  assert.ok(!unknown.ok && unknown.fault.code === 'key-missing')
})

test('a delegation is kept beside its key', async (t) => {
  const keyring = await keyringOf(t)
  const [account, key] = [Secret.generate(), Secret.generate()]
  assert.equal(unwrap(await keyring.delegation(key.address)), undefined)
  const options = { chainId: 31337, contract: account.address, scopes: ['provide'] as const }
  const delegation = unwrap(
    await delegate(account, { ...options, key: key.address, now: 1_800_000_000, lasts: 60 }),
  )
  await keyring.saveDelegation(delegation)
  const read = unwrap(await keyring.delegation(key.address))
  assert.ok(read && (await isSigned(read)))
  assert.equal(read.expiry, delegation.expiry)
})
