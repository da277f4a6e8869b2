import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fail, ok } from '@lockstep/tensor'
import { importSecret, MAX_IMPORT_BYTES } from './import-secret.ts'
import { sealSecret } from './keystore.ts'
import { Secret } from './secret.ts'

/** The first public development key of every local chain, in its two forms. */
const KEY = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const PHRASE = 'test test test test test test test test test test test junk'
const ADDRESS = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const CHEAP = { n: 2 ** 10, r: 8, p: 1 }

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const nobody = () => assert.fail('no passphrase is needed')

test('a private key, a phrase and a keystore bring the same account', async () => {
  for (const text of [KEY, `0x${KEY}\n`, ` ${KEY.toUpperCase()} `, PHRASE, `${PHRASE}\r\n`]) {
    const imported = await importSecret(bytes(text), nobody)
    assert.ok(imported.ok, text)
    assert.equal(imported.value.address, ADDRESS)
  }
  const secret = Secret.from(Buffer.from(KEY, 'hex'))
  assert.ok(secret.ok)
  const keystore = bytes(await sealSecret(secret.value, 'a passphrase', CHEAP))
  const imported = await importSecret(keystore, async () => ok('a passphrase'))
  assert.ok(imported.ok)
  assert.equal(imported.value.address, ADDRESS)
  const wrong = await importSecret(keystore, async () => ok('another'))
  assert.ok(!wrong.ok && wrong.fault.code === 'passphrase-wrong')
  const none = { code: 'passphrase-missing', field: 'f', value: 'v', limit: 'l', remedy: 'r' }
  assert.deepEqual(await importSecret(keystore, async () => fail(none)), { ok: false, fault: none })
})

test('anything else is refused without a word of it', async () => {
  const cases: [content: Uint8Array, code: string][] = [
    [bytes(''), 'import-malformed'],
    [bytes(KEY.slice(1)), 'import-malformed'],
    [bytes(`${KEY}${KEY}`), 'import-malformed'],
    [bytes('one two three'), 'import-malformed'],
    [bytes(PHRASE.replace('junk', 'test')), 'phrase-malformed'],
    [bytes(`{"key":"${KEY}"}`), 'keystore-malformed'],
    [bytes('0'.repeat(64)), 'key-malformed'],
    [Uint8Array.of(0xff, 0xfe, 0x00), 'import-malformed'],
    [new Uint8Array(MAX_IMPORT_BYTES + 1).fill(97), 'import-malformed'],
  ]
  for (const [content, code] of cases) {
    const imported = await importSecret(content, nobody)
    assert.ok(!imported.ok, code)
    assert.equal(imported.fault.code, code)
    assert.ok(!JSON.stringify(imported.fault).includes(KEY.slice(1)))
  }
})
