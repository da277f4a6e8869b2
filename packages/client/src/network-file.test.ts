import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fault } from '@lockstep/tensor'
import { fieldsOf, ODD, put } from '../test/wrong-values.ts'
import {
  decodeNetworkFile,
  encodeNetworkFile,
  MAX_NETWORK_FILE_BYTES,
  networkFileSchema,
} from './network-file.ts'

const names = 'market audits vault verifiers delegations draw reputation disputes swarms token faucet'.split(
  ' ',
)
const network = {
  chainId: 31337,
  fromBlock: 0,
  rpc: 'http://127.0.0.1:8545',
  addresses: Object.fromEntries(names.map((name, i) => [name, `0x${`${i + 1}`.padStart(40, '0')}`])),
  bootstrap: ['/ip4/127.0.0.1/tcp/1/p2p/Q'],
}
const good = JSON.parse(encodeNetworkFile(network as never))
const decode = (bytes: Uint8Array) => decodeNetworkFile(bytes, 'net.json')
const refusal = (document: unknown): Fault | undefined => {
  const decoded = decode(new TextEncoder().encode(JSON.stringify(document)))
  return decoded.ok ? undefined : decoded.fault
}

test('a network file is what was written', () => {
  const decoded = decode(new TextEncoder().encode(encodeNetworkFile(network as never)))
  assert.deepEqual(decoded, { ok: true, value: network })
})

test('each field of a network file refuses what it is not, with field, value, limit and remedy', () => {
  for (const { path, beyond } of fieldsOf(networkFileSchema)) {
    const name = path.join('.')
    let refused = 0
    for (const value of [...ODD, ...beyond, undefined]) {
      const fault = refusal(put(good, path, value))
      if (beyond.includes(value as number)) assert.ok(fault, `${name} takes ${value}`)
      if (fault === undefined) continue
      refused++
      assert.equal(fault.code, 'network-malformed')
      assert.match(fault.field, /of net\.json$/)
      assert.ok(fault.field.startsWith(path[0]!), `${name}: ${fault.field}`)
      assert.ok(String(fault.value).length > 0 && String(fault.value).length <= 100)
      assert.ok(String(fault.limit).length > 0)
    }
    assert.ok(refused >= 4, `${name} refuses ${refused}`)
  }
})

test('a field more, a long file and bytes that are no JSON are refused', () => {
  assert.match(refusal({ ...good, more: 1 })!.field, /content of net\.json/)
  assert.match(
    refusal({ ...good, addresses: { ...good.addresses, bank: good.addresses.vault } })!.field,
    /addresses/,
  )
  for (const bytes of [
    new Uint8Array(MAX_NETWORK_FILE_BYTES + 1).fill(32),
    Uint8Array.of(0xff, 0xfe),
    new TextEncoder().encode('['.repeat(60_000)),
    new Uint8Array(0),
  ])
    assert.ok(!decode(bytes).ok)
})
