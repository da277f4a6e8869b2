import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, encode, float, message, text, varint } from './protobuf.ts'

const hex = (fields: Parameters<typeof encode>[0]): string => Buffer.from(encode(fields)).toString('hex')

test("the format's own examples have their bytes", () => {
  // From the page that describes the encoding: field 1 = 150, field 2 = "testing", field 3 = { field 1 = 150 }.
  assert.equal(hex([varint(1, 150)]), '089601')
  assert.equal(hex([text(2, 'testing')]), '120774657374696e67')
  assert.equal(hex([message(3, [varint(1, 150)])]), '1a03089601')
})

test('numbers beyond 32 bits, negative numbers, floats and high field numbers keep their value', () => {
  assert.equal(hex([varint(1, -1)]), '08ffffffffffffffffff01')
  assert.equal(hex([varint(1, 2 ** 40)]), '08808080808020')
  assert.equal(hex([float(2, 1)]), '150000803f')
  assert.equal(hex([varint(20, 7)]), 'a00107')
})

test('a length of more than one byte moves what follows it', () => {
  const long = encode([message(7, [bytes(9, new Uint8Array(300).fill(5))]), varint(1, 8)])
  assert.equal(long.length, 1 + 2 + (1 + 2 + 300) + 2)
  assert.deepEqual([...long.slice(0, 6)], [0x3a, 0xaf, 0x02, 0x4a, 0xac, 0x02])
  assert.deepEqual([...long.slice(-3)], [5, 8, 8])
})
