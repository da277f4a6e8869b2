import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { verifyMessage } from 'viem'
import { RecoveryPhrase } from './recovery-phrase.ts'
import { Secret } from './secret.ts'

const ORDER = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'

test('a secret prints as its address everywhere', () => {
  const secret = Secret.generate()
  const hex = secret.use((bytes) => Buffer.from(bytes).toString('hex'))
  for (const text of [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ deep: [secret] }, { depth: 9, showHidden: true }),
  ]) {
    assert.ok(text.includes(secret.address))
    assert.ok(!text.toLowerCase().includes(hex), text)
  }
  assert.deepEqual(Object.keys(secret), ['address'])
})

test('the bytes that were handed in are zeroed, and so are a wiped secret’s', () => {
  const given = Uint8Array.from({ length: 32 }, () => 7)
  const made = Secret.from(given)
  assert.ok(made.ok)
  assert.ok(given.every((byte) => byte === 0))
  const inside = made.value.use((bytes) => bytes)
  assert.equal(inside[0], 7)
  made.value.wipe()
  assert.ok(inside.every((byte) => byte === 0))
  assert.throws(() => made.value.use(() => 0), /wiped/)
  assert.throws(() => made.value.account(), /wiped/)
})

test('only numbers from one to the order less one are keys', () => {
  const from = (hex: string) => Secret.from(Buffer.from(hex, 'hex'))
  for (const hex of ['00'.repeat(32), ORDER, 'ff'.repeat(32), '01', '', '01'.repeat(33)]) {
    const made = from(hex)
    assert.ok(!made.ok, hex)
    assert.equal(made.fault.code, 'key-malformed')
  }
  assert.ok(from(`${'00'.repeat(31)}01`).ok)
  assert.ok(from(ORDER.replace(/41$/, '40')).ok)
})

test('what a secret signs is its account’s', async () => {
  const secret = Secret.generate()
  const signature = await secret.account().signMessage({ message: 'hello' })
  assert.ok(await verifyMessage({ address: secret.address, message: 'hello', signature }))
})

test('a recovery phrase prints as its address', () => {
  const phrase = RecoveryPhrase.generate()
  const printed = [String(phrase), JSON.stringify(phrase), inspect(phrase, { depth: 9, showHidden: true })]
  const words = phrase.show()
  for (const text of printed) assert.ok(!text.includes(words.split(' ').slice(0, 3).join(' ')))
})
