import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageStream } from '@libp2p/interface'
import { defaultCrypto } from '@libp2p/noise/crypto'
import { Uint8ArrayList } from 'uint8arraylist'
import { noiseCrypto, sendingWhole } from './encryption.ts'

const key = new Uint8Array(32).map((_, i) => i * 7)
const nonce = new Uint8Array(12).fill(3)
const sample = (length: number): Uint8Array =>
  new Uint8Array(length).map((_, i) => (i * 2_654_435_761) >>> 24)
const NONE = new Uint8Array(0)

test("libp2p's own noise reads what ours encrypts, and ours reads what it encrypts", () => {
  for (const length of [0, 1, 1199, 1200, 1216, 4096, 65_519])
    for (const associated of [NONE, sample(32)]) {
      const text = sample(length)
      const forms = [text, new Uint8ArrayList(text.subarray(0, 12), text.subarray(12))]
      for (const form of forms) {
        const ours = noiseCrypto.chaCha20Poly1305Encrypt(form, nonce, associated, key).subarray()
        const theirs = defaultCrypto.chaCha20Poly1305Encrypt(form, nonce, associated, key).subarray()
        assert.ok(Buffer.from(ours).equals(theirs), `${length} bytes encrypt to the same`)
        const cut = new Uint8ArrayList(ours.slice(0, 5), ours.slice(5))
        for (const received of [ours.slice(), cut]) {
          const read = noiseCrypto.chaCha20Poly1305Decrypt(received, nonce, associated, key).subarray()
          assert.ok(Buffer.from(text).equals(read), `${length} bytes come back`)
        }
      }
    }
})

test('a changed bit anywhere, or another key, is not decrypted', () => {
  const whole = noiseCrypto.chaCha20Poly1305Encrypt(sample(5000), nonce, NONE, key).subarray()
  for (const at of [0, 2500, 4999, 5000, 5015]) {
    const changed = whole.slice()
    changed[at]! ^= 1
    assert.throws(() => noiseCrypto.chaCha20Poly1305Decrypt(changed, nonce, NONE, key), `byte ${at}`)
  }
  const other = key.slice()
  other[0]! ^= 1
  assert.throws(() => noiseCrypto.chaCha20Poly1305Decrypt(whole.slice(), nonce, NONE, other))
})

test('what is sent at once leaves in one piece', () => {
  const sent: (Uint8Array | Uint8ArrayList)[] = []
  const stream = sendingWhole({
    send(data: Uint8Array | Uint8ArrayList) {
      sent.push(data)
      return true
    },
  } as MessageStream)
  stream.send(new Uint8ArrayList(sample(2), sample(70_000), sample(16)))
  assert.equal(sent.length, 1)
  assert.ok(sent[0] instanceof Uint8Array)
  assert.deepEqual(Buffer.from(sent[0]), Buffer.concat([sample(2), sample(70_000), sample(16)]))
})
