import assert from 'node:assert/strict'
import { test } from 'node:test'
import { native, skip } from './built.ts'

test('asking for large pages changes no byte, whatever part of a memory is given', { skip }, () => {
  const bytes = new Uint8Array(new SharedArrayBuffer(7 * 2 ** 20))
  for (let i = 0; i < bytes.length; i += 4093) bytes[i] = i % 251
  const before = Buffer.from(bytes)
  for (const [from, to] of [
    [0, bytes.length],
    [1, 3],
    [4097, 5 * 2 ** 20 + 1],
    [9, 9],
  ] as const)
    assert.equal(typeof native!.largePages(bytes.subarray(from, to)), 'boolean')
  assert.ok(before.equals(bytes))
  assert.equal(native!.largePages(new Uint8Array(0)), false)
})

test('what is no memory is refused', { skip }, () => {
  const ask = native!.largePages as (...given: unknown[]) => unknown
  for (const wrong of [undefined, null, 7, 'memory', {}, new ArrayBuffer(8), new Float32Array(4)])
    assert.throws(() => ask(wrong), /memory must be a Uint8Array/)
  assert.throws(() => ask(), /1 arguments are needed, not 0/)
  const gone = new Uint8Array(2 ** 22)
  structuredClone(gone, { transfer: [gone.buffer] })
  assert.equal(ask(gone), false)
})
