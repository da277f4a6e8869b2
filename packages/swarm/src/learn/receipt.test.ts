import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import { decodeReceipt, encodeReceipt, RECEIPT_LIMITS, type UpdateReceipt } from './receipt.ts'

const root = (byte: string): `0x${string}` => `0x${byte.repeat(32)}`
const receipt: UpdateReceipt = {
  participant: `0x${'0a'.repeat(20)}`,
  ...{ swarm: 7, round: 70_000, steps: 16, program: root('01') },
  before: { state: root('02'), parameters: root('03') },
  after: { state: root('04'), parameters: root('05') },
  outputs: root('06'),
  inputs: ['10', '11', '12', '13', '14'].map(root),
  groups: ['20', '21', '22'].map(root),
}

test('a receipt comes back from its bytes', () => {
  const bytes = encodeReceipt(receipt)
  assert.deepEqual(unwrap(decodeReceipt(bytes)), receipt)
  const most: UpdateReceipt = {
    ...receipt,
    inputs: new Array<`0x${string}`>(RECEIPT_LIMITS.inputs).fill(root('77')),
    groups: new Array<`0x${string}`>(RECEIPT_LIMITS.groups).fill(root('78')),
  }
  const longest = encodeReceipt(most)
  assert.ok(longest.length <= RECEIPT_LIMITS.bytes)
  assert.deepEqual(unwrap(decodeReceipt(longest)), most)
})

test('no other bytes are a receipt: cut, longer, or with a field out of bounds', () => {
  const bytes = encodeReceipt(receipt)
  for (let length = 0; length < bytes.length; length++)
    assert.equal(decodeReceipt(bytes.subarray(0, length)).ok, false)
  assert.equal(decodeReceipt(Uint8Array.of(...bytes, 0)).ok, false)
  assert.equal(decodeReceipt(new Uint8Array(RECEIPT_LIMITS.bytes + 1)).ok, false)
  const bad: [Partial<UpdateReceipt>, string][] = [
    [{ swarm: 0 }, 'swarm'],
    [{ round: 0 }, 'round'],
    [{ steps: 0 }, 'steps'],
    [{ inputs: receipt.inputs.slice(1) }, 'inputs'],
    [{ inputs: [...receipt.inputs, ...receipt.inputs] }, 'inputs'],
    [{ groups: [] }, 'groups'],
    [{ groups: new Array<`0x${string}`>(65).fill(root('20')) }, 'groups'],
  ]
  for (const [change, field] of bad) {
    const decoded = decodeReceipt(encodeReceipt({ ...receipt, ...change }))
    assert.ok(!decoded.ok && decoded.fault.field === `update receipt.${field}`, field)
  }
  assert.ok(!decodeReceipt(bytes.with(0, 2)).ok, 'another version')
})

test('any byte changed is refused or another receipt, never an exception', () => {
  const bytes = encodeReceipt(receipt)
  for (let at = 0; at < bytes.length; at++)
    for (const bit of [1, 16, 128]) {
      const decoded = decodeReceipt(bytes.with(at, bytes[at]! ^ bit))
      if (decoded.ok) assert.notDeepEqual(decoded.value, receipt)
    }
})
