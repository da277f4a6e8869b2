import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import fc from 'fast-check'
import type { Hex } from 'viem'
import {
  accept,
  allows,
  delegate,
  encodeDelegation,
  isAccepted,
  isSigned,
  LONGEST_DELEGATION,
  parseDelegation,
  type SignedDelegation,
  scopesOf,
} from './delegation.ts'
import { Secret } from './secret.ts'

const PLACE = { chainId: 31337, contract: '0x5FbDB2315678afecb367f032d93F642f64180aa3' } as const
const NOW = 1_800_000_000
const account = Secret.generate()
const key = Secret.generate()

const sign = async (changes: object = {}): Promise<SignedDelegation> => {
  const options = {
    ...PLACE,
    key: key.address,
    scopes: ['provide', 'verify'] as const,
    now: NOW,
    lasts: 3600,
  }
  const made = await delegate(account, { ...options, ...changes })
  assert.ok(made.ok)
  return made.value
}
const parse = (text: string) => parseDelegation(new TextEncoder().encode(text))

test('a delegation lets one key do what it names, at one contract of one chain, until it expires', async () => {
  const delegation = await sign()
  const use = { ...PLACE, key: key.address, scope: 'provide', now: NOW } as const
  assert.deepEqual(allows(delegation, use), { ok: true, value: account.address })
  assert.ok(allows(delegation, { ...use, scope: 'verify', now: NOW + 3599 }).ok)
  const cases: [changes: object, field: string][] = [
    [{ now: NOW + 3600 }, 'delegation.expiry'],
    [{ scope: 'post' }, 'delegation.scopes'],
    [{ key: account.address }, 'delegation.key'],
    [{ chainId: 1 }, 'delegation.chain'],
    [{ contract: account.address }, 'delegation.contract'],
  ]
  for (const [changes, field] of cases) {
    const allowed = allows(delegation, { ...use, ...changes })
    assert.ok(!allowed.ok, field)
    assert.equal(allowed.fault.field, field)
  }
  assert.deepEqual(scopesOf(7), ['provide', 'verify', 'post'])
})

test('it is signed by its account, and any change ends that', async () => {
  const delegation = await sign()
  assert.ok(await isSigned(delegation))
  const changes: Partial<SignedDelegation>[] = [
    { account: key.address },
    { key: account.address },
    { scopes: 7 },
    { expiry: delegation.expiry + 1n },
    { salt: delegation.salt ^ 1n },
    { chainId: 1 },
    { contract: account.address },
    { accountSignature: `0x${'00'.repeat(65)}` },
    { accountSignature: '0x00' },
    { accountSignature: `${delegation.accountSignature.slice(0, -2)}00` as Hex },
    { accountSignature: mirrored(delegation.accountSignature) },
  ]
  for (const change of changes)
    assert.ok(!(await isSigned({ ...delegation, ...change })), Object.keys(change)[0])
})

/** The other signature of the same message that the curve allows, and the contract refuses. */
const mirrored = (signature: Hex): Hex => {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const s = order - BigInt(`0x${signature.slice(66, 130)}`)
  const v = signature.endsWith('1b') ? '1c' : '1b'
  return `${signature.slice(0, 66)}${s.toString(16).padStart(64, '0')}${v}` as Hex
}

test('the key signs it too, and no other key does', async () => {
  const delegation = await sign()
  assert.ok(!(await isAccepted(delegation)))
  const accepted = unwrap(await accept(key, delegation))
  assert.ok((await isAccepted(accepted)) && (await isSigned(accepted)))
  assert.ok(!(await isAccepted({ ...accepted, scopes: 7 })))
  assert.ok(!(await isAccepted({ ...accepted, keySignature: accepted.accountSignature })))
  const other = await accept(account, delegation)
  assert.ok(!other.ok && other.fault.field === 'delegation.key')
  const forged = await accept(key, { ...delegation, account: Secret.generate().address })
  assert.ok(!forged.ok && forged.fault.field === 'delegation.accountSignature')
  const read = unwrap(parse(encodeDelegation(accepted)))
  assert.ok(await isAccepted(read))
})

test('two delegations of the same are two, and each travels as text', async () => {
  const [a, b] = [await sign(), await sign()]
  assert.notEqual(a.salt, b.salt)
  const read = parse(encodeDelegation(a))
  assert.ok(read.ok)
  assert.ok(await isSigned(read.value))
  assert.equal(encodeDelegation(read.value).toLowerCase(), encodeDelegation(a).toLowerCase())
})

test('what makes no sense is not signed', async () => {
  const options = { ...PLACE, key: key.address, scopes: ['provide'] as const, now: NOW, lasts: 60 }
  const cases: [changes: object, field: string][] = [
    [{ lasts: 0 }, 'delegation.lasts'],
    [{ lasts: LONGEST_DELEGATION + 1 }, 'delegation.lasts'],
    [{ lasts: Number.NaN }, 'delegation.lasts'],
    [{ scopes: [] }, 'delegation.scopes'],
    [{ key: account.address }, 'delegation.key'],
  ]
  for (const [changes, field] of cases) {
    const made = await delegate(account, { ...options, ...changes })
    assert.ok(!made.ok, field)
    assert.equal(made.fault.field, field)
  }
})

test('a stranger’s bytes are a delegation or a fault', async () => {
  const text = encodeDelegation(await sign())
  const cases: [text: string, field: string][] = [
    ['', 'delegation'],
    ['[]', 'delegation'],
    ['x'.repeat(10_000), 'delegation'],
    [text.replace('"scopes": 3', '"scopes": 16'), 'scopes'],
    [text.replace('"scopes": 3', '"scopes": 0'), 'scopes'],
    [text.replace('"chainId": 31337', '"chainId": "31337"'), 'chainId'],
    [text.replace('"chainId"', '"chain"'), 'chainId'],
    [text.replace('{', '{"more": 1,'), 'more'],
    [text.replace(/"expiry": \d+/, '"expiry": 1e300'), 'expiry'],
    [text.replace(/"accountSignature": "0x/, '"accountSignature": "'), 'accountSignature'],
    [text.replace(/"salt": "0x../, '"salt": "0x'), 'salt'],
  ]
  for (const [changed, field] of cases) {
    const read = parse(changed)
    assert.ok(!read.ok, field)
    assert.equal(read.fault.field, field)
  }
  fc.assert(
    fc.property(fc.nat(text.length), fc.string({ maxLength: 6 }), (at, insert) => {
      parse(text.slice(0, at) + insert + text.slice(at + insert.length))
    }),
    { numRuns: 300 },
  )
})
