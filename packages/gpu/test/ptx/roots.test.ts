import assert from 'node:assert/strict'
import { test } from 'node:test'
import { plainHash } from '@lockstep/tensor'
import { Roots } from '../../src/cuda/roots.ts'
import { moduleText } from '../../src/ptx/kernel-text.ts'
import { leafKernel, parentKernel } from '../../src/ptx/sha256-kernel.ts'
import { assemble, NO_PTXAS, ptxas } from './assembler.ts'
import { interpretedDevice } from './interpreted-device.ts'

test('roots of tensors of many lengths are hashed on the device', () => {
  const device = interpretedDevice(1 << 20)
  const roots = new Roots(device)
  const at = device.allocate(4096)
  for (const length of [0, 1, 3, 4, 54, 55, 56, 63, 64, 118, 119, 120, 254, 255, 256, 257, 700, 1280, 1793]) {
    const data = Uint8Array.from({ length }, (_, i) => Math.imul(i + length, 0x9e3779b1) >>> 24)
    device.upload(at, data)
    const expected = new Uint8Array(32)
    plainHash.root(data, expected)
    assert.deepEqual(roots.of(at, length), expected, `${length} bytes`)
  }
})

test('a pair of zero digests has a zero parent', () => {
  const device = interpretedDevice(1 << 16)
  const { entries } = device.module(moduleText('sm_80', [parentKernel()]), ['sha256_parents'])
  const [from, to] = [device.allocate(256), device.allocate(256)]
  const row = new Uint8Array(5 * 32)
  row.fill(9, 64, 128)
  device.upload(from, row)
  device.launch(entries[0]!, 1, parentKernel().threads, [to, from, 5])
  const [got, expected] = [new Uint8Array(96), new Uint8Array(96)]
  device.download(to, got)
  plainHash.parents(row, expected)
  assert.deepEqual(got, expected)
})

const path = ptxas()
test('the hash assembles', { skip: path ? false : NO_PTXAS }, () => {
  for (const target of ['sm_75', 'sm_90'] as const)
    assert.match(assemble(path!, moduleText(target, [leafKernel(), parentKernel()]), target), /registers/)
})
