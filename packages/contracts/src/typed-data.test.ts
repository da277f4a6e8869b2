import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Bid } from '@lockstep/market'
import { concat, encodeAbiParameters, type Hex, keccak256, parseAbiParameters, toHex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { bidData, delegationData, hashData, receiptData, signData, signerOf } from './typed-data.ts'

/** The first two of the keys that anvil is known for. */
const account = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const key = privateKeyToAccount('0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d')
const place = { chainId: 31337, contract: '0x5fbdb2315678afecb367f032d93f642f64180aa3' } as const
const bid: Bid = {
  job: 7,
  account: account.address,
  key: key.address,
  pricePerUnit: 12n,
  time: 60,
  slices: 2,
  expiry: 1_900_000_000,
  salt: 99n,
}

/** EIP-712 by its formulas, without the library. */
const digest = (domain: string, type: string, words: Hex): Hex => {
  const separator = keccak256(
    encodeAbiParameters(parseAbiParameters('bytes32, bytes32, bytes32, uint256, address'), [
      keccak256(toHex('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)')),
      keccak256(toHex(domain)),
      keccak256(toHex('1')),
      BigInt(place.chainId),
      place.contract,
    ]),
  )
  return keccak256(concat(['0x1901', separator, keccak256(concat([keccak256(toHex(type)), words]))]))
}

test('digests are those of EIP-712', () => {
  assert.equal(
    hashData(bidData(place, bid)),
    digest(
      'Lockstep Market',
      'Bid(uint256 job,address account,address key,uint128 pricePerUnit,uint32 time,uint16 slices,uint64 expiry,uint256 salt)',
      encodeAbiParameters(
        parseAbiParameters('uint256, address, address, uint128, uint32, uint16, uint64, uint256'),
        [7n, account.address, key.address, 12n, 60, 2, 1_900_000_000n, 99n],
      ),
    ),
  )
  const task: Hex = `0x${'ab'.repeat(32)}`
  assert.equal(
    hashData(receiptData(place, { job: 7, slice: 3, attempt: 1, task })),
    digest(
      'Lockstep Market',
      'Receipt(uint256 job,uint16 slice,uint16 attempt,bytes32 task)',
      encodeAbiParameters(parseAbiParameters('uint256, uint16, uint16, bytes32'), [7n, 3, 1, task]),
    ),
  )
  assert.equal(
    hashData(
      delegationData(place, { account: account.address, key: key.address, scopes: 3, expiry: 5n, salt: 6n }),
    ),
    digest(
      'Lockstep Delegations',
      'Delegation(address account,address key,uint8 scopes,uint64 expiry,uint256 salt)',
      encodeAbiParameters(parseAbiParameters('address, address, uint8, uint64, uint256'), [
        account.address,
        key.address,
        3,
        5n,
        6n,
      ]),
    ),
  )
})

test('a signature names its signer, for this content at this place only', async () => {
  const signature = await signData(key, bidData(place, bid))
  assert.deepEqual(await signerOf(bidData(place, bid), signature), { ok: true, value: key.address })
  // The letters of an address may be capital or not.
  const plain = {
    ...bid,
    account: bid.account.toLowerCase() as Hex,
    key: bid.key.toUpperCase().replace('0X', '0x') as Hex,
  }
  assert.deepEqual(await signerOf(bidData(place, plain), signature), { ok: true, value: key.address })
  for (const other of [
    bidData(place, { ...bid, pricePerUnit: 13n }),
    bidData({ ...place, chainId: 1 }, bid),
    bidData({ ...place, contract: account.address }, bid),
  ]) {
    const found = await signerOf(other, signature)
    assert.notDeepEqual(found, { ok: true, value: key.address })
  }
})

test('what the contracts take for no signature is none', async () => {
  const data = bidData(place, bid)
  const signature = await signData(key, data)
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const mirrored = order - BigInt(`0x${signature.slice(66, 130)}`)
  const v = signature.endsWith('1b') ? '1c' : '1b'
  const malformed: Hex[] = [
    '0x',
    signature.slice(0, -2) as Hex,
    `${signature}00`,
    `${signature.slice(0, 130)}00` as Hex,
    `${signature.slice(0, 66)}${mirrored.toString(16).padStart(64, '0')}${v}` as Hex,
    `0x${'ff'.repeat(32)}${signature.slice(66)}`,
    `0x${'zz'.repeat(65)}`,
  ]
  for (const bytes of malformed) {
    const found = await signerOf(data, bytes)
    assert.ok(!found.ok && found.fault.code === 'signature-malformed', bytes)
  }
})
