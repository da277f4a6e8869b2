import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseKeystore, sealSecret, unsealSecret } from './keystore.ts'
import { Secret } from './secret.ts'

/** The first public development key of every local chain. */
const KEY = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const ADDRESS = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const CHEAP = { n: 2 ** 10, r: 8, p: 1 }

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const secretOf = (hex: string): Secret => {
  const made = Secret.from(Buffer.from(hex, 'hex'))
  assert.ok(made.ok)
  return made.value
}
const open = async (text: string, passphrase: string) => {
  const keystore = parseKeystore(bytes(text))
  return keystore.ok ? unsealSecret(keystore.value, passphrase) : keystore
}
const hexOf = (secret: Secret): string => secret.use((key) => Buffer.from(key).toString('hex'))

/** A test vector of the Web3 Secret Storage definition (its other one has an n that RFC 7914 forbids), and a file each of ethers 6 and cast 1.7. */
const FOREIGN: readonly (readonly [name: string, passphrase: string, key: string, file: string])[] = [
  [
    'definition',
    'testpassword',
    '7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d',
    '{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"6087dab2f9fdbbfaddc31a909735c1e6"},"ciphertext":"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46","kdf":"pbkdf2","kdfparams":{"c":262144,"dklen":32,"prf":"hmac-sha256","salt":"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd"},"mac":"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2"},"id":"3198bc9c-6672-5ab3-d995-4942343ae5b6","version":3}',
  ],
  [
    'ethers',
    'correct horse é',
    KEY,
    '{"address":"f39fd6e51aad88f6f4ce6ab8827279cfffb92266","id":"dc75d406-4d4d-48f1-b7d3-b58664834ceb","version":3,"Crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"3c447a7f27cfe5f3b93c8be32398aff6"},"ciphertext":"cd063ff643658cd62ce8f9568bcb60b3d798448b2a435d3a4a92fcf76ceb4879","kdf":"scrypt","kdfparams":{"salt":"7cd2019247cd360eb97a5958a91633257167fa23b8e6c9e5e539f6146ccc5815","n":4096,"dklen":32,"p":1,"r":8},"mac":"dc7b821fcf15a1e3892b3746a14b35c56e26da55a2053297d1cf2984d75df925"}}',
  ],
  [
    'cast',
    'correct horse',
    KEY,
    '{"crypto":{"cipher":"aes-128-ctr","cipherparams":{"iv":"77ba09a72e1857d284d64feb350f3bee"},"ciphertext":"6ceecb1b4e2724a15a69d5738bf0befeb2fd62c58c0826c95ab71c079ecc5acb","kdf":"scrypt","kdfparams":{"dklen":32,"n":8192,"p":1,"r":8,"salt":"6c956184c992ee5e9456c4c9c9e13fb1d59edb8ed4f032589cd1b2e188bdc2b5"},"mac":"23f13aaae9c44c63e5b244f448e457368bb6a2a41c0662ffeb4715432bbc9276"},"id":"52170e1d-1207-4da6-9e81-96e51e20af52","version":3}',
  ],
]

test('keystores that others wrote are opened', async () => {
  for (const [name, passphrase, key, file] of FOREIGN) {
    const opened = await open(file, passphrase)
    assert.ok(opened.ok, name)
    assert.equal(hexOf(opened.value), key, name)
  }
})

test('a sealed secret comes back with its passphrase, however it is composed, and with no other', async () => {
  const text = await sealSecret(secretOf(KEY), 'cafe\u0301 au lait', CHEAP)
  assert.ok(!text.includes(KEY))
  const opened = await open(text, 'caf\u00e9 au lait')
  assert.ok(opened.ok)
  assert.equal(opened.value.address, ADDRESS)
  const wrong = await open(text, 'cafe au lait')
  assert.ok(!wrong.ok)
  assert.equal(wrong.fault.code, 'passphrase-wrong')
})

test('one secret sealed twice gives two files with nothing in common but the address', async () => {
  const [a, b] = [
    JSON.parse(await sealSecret(secretOf(KEY), 'x', CHEAP)),
    JSON.parse(await sealSecret(secretOf(KEY), 'x', CHEAP)),
  ]
  assert.equal(a.address, b.address)
  for (const field of ['ciphertext', 'mac']) assert.notEqual(a.crypto[field], b.crypto[field])
  assert.notEqual(a.crypto.kdfparams.salt, b.crypto.kdfparams.salt)
  assert.notEqual(a.crypto.cipherparams.iv, b.crypto.cipherparams.iv)
})

test('a wrong passphrase takes about as long as the right one', async () => {
  const text = await sealSecret(secretOf(KEY), 'right one', { n: 2 ** 15, r: 8, p: 1 })
  const time = async (passphrase: string): Promise<number> => {
    const start = performance.now()
    await open(text, passphrase)
    return performance.now() - start
  }
  let [right, wrong] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  const isAlike = (): boolean => wrong > right / 2 && wrong < right * 2
  // The shortest of several: whatever else the machine does makes some longer.
  for (let i = 0; i < 3 || (i < 60 && !isAlike()); i++) {
    right = Math.min(right, await time('right one'))
    wrong = Math.min(wrong, await time('wrong one'))
  }
  assert.ok(isAlike(), `${right} and ${wrong} ms`)
})

test('a stranger’s file cannot make this machine work or fill its memory', async () => {
  const file = JSON.parse(await sealSecret(secretOf(KEY), 'x', CHEAP))
  const cases: [params: object, field: string, limit: RegExp][] = [
    [{ n: 2 ** 24 }, 'crypto.kdfparams.n', /536870912 bytes of memory/],
    [{ n: 2 ** 18, r: 8, p: 64 }, 'crypto.kdfparams.p', /n \* r \* p at most/],
    [{ n: 1000 }, 'crypto.kdfparams.n', /power of two/],
    [{ n: 2 ** 16, r: 1 }, 'crypto.kdfparams.n', /RFC 7914/],
    [{ n: 0 }, 'crypto.kdfparams.n', /at least 2/],
    [{ r: 1e9 }, 'crypto.kdfparams.r', /at most 64/],
    [{ p: 0 }, 'crypto.kdfparams.p', /at least 1/],
    [{ dklen: 64 }, 'crypto.kdfparams.dklen', /32/],
    [{ salt: '' }, 'crypto.kdfparams.salt', /1 to 64 bytes/],
    [{ salt: 'ab'.repeat(65) }, 'crypto.kdfparams.salt', /1 to 64 bytes/],
    [{ salt: 'xyz' }, 'crypto.kdfparams.salt', /hexadecimal/],
  ]
  for (const [params, field, limit] of cases) {
    const changed = {
      ...file,
      crypto: { ...file.crypto, kdfparams: { ...file.crypto.kdfparams, ...params } },
    }
    const parsed = parseKeystore(bytes(JSON.stringify(changed)))
    assert.ok(!parsed.ok, JSON.stringify(params))
    assert.equal(parsed.fault.field, field)
    assert.match(String(parsed.fault.limit), limit)
  }
  const slow = {
    ...file,
    crypto: {
      ...file.crypto,
      kdf: 'pbkdf2',
      kdfparams: { c: 2 ** 31, dklen: 32, prf: 'hmac-sha256', salt: '00' },
    },
  }
  const parsed = parseKeystore(bytes(JSON.stringify(slow)))
  assert.ok(!parsed.ok)
  assert.equal(parsed.fault.field, 'crypto.kdfparams.c')
})

test('malformed and changed files are refused, and say nothing of what is in them', async () => {
  const text = await sealSecret(secretOf(KEY), 'x', CHEAP)
  const cases: [text: string, field: string][] = [
    [text.replace('"version": 3', '"version": 4'), 'version'],
    [text.replace('aes-128-ctr', 'aes-128-cbc'), 'crypto.cipher'],
    [text.replace('"kdf": "scrypt"', '"kdf": "argon2"'), 'crypto.kdf'],
    [text.replace(/"ciphertext": "../, '"ciphertext": "'), 'crypto.ciphertext'],
    [text.replace('"crypto"', '"cripto"'), 'crypto'],
    ['[]', 'keystore'],
    ['null', 'keystore'],
    [KEY, 'keystore'],
    [' '.repeat(20_000), 'keystore'],
  ]
  for (const [changed, field] of cases) {
    const opened = await open(changed, 'x')
    assert.ok(!opened.ok, changed.slice(0, 80))
    assert.equal(opened.fault.code, 'keystore-malformed')
    assert.equal(opened.fault.field, field)
    assert.ok(!JSON.stringify(opened.fault).includes(KEY))
  }
  const other = await open(text.replace('f39fd6e5', 'e39fd6e5'), 'x')
  assert.ok(!other.ok)
  assert.equal(other.fault.code, 'keystore-inconsistent')
  const flipped = JSON.parse(text)
  flipped.crypto.ciphertext = `${flipped.crypto.ciphertext[0] === '0' ? '1' : '0'}${flipped.crypto.ciphertext.slice(1)}`
  const forged = await open(JSON.stringify(flipped), 'x')
  assert.ok(!forged.ok)
  assert.equal(forged.fault.code, 'passphrase-wrong')
})

test('no bytes make the reader do anything but accept or refuse', async () => {
  const valid = bytes(await sealSecret(secretOf(KEY), 'x', CHEAP))
  const mutated = fc
    .tuple(fc.nat(valid.length - 1), fc.nat(valid.length), fc.uint8Array({ maxLength: 8 }))
    .map(([from, to, insert]) =>
      Uint8Array.from([...valid.subarray(0, from), ...insert, ...valid.subarray(Math.max(from, to))]),
    )
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (source) => {
      parseKeystore(source)
    }),
    { numRuns: 500 },
  )
})
