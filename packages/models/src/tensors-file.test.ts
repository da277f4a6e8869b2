import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NamedType, Tensor } from '@lockstep/tensor'
import fc from 'fast-check'
import { decodeTensors, encodeTensors, f32Tensor, wordTensor } from './index.ts'

const types: NamedType[] = [
  { name: 'bytes', dtype: 'u8', shape: [3] },
  { name: 'numbers', dtype: 'f32', shape: [2, 2] },
  { name: '__metadata__', dtype: 'u32', shape: [1] },
]
const tensors: Tensor[] = [
  { dtype: 'u8', shape: [3], data: Uint8Array.of(1, 2, 3) },
  f32Tensor([2, 2], Float32Array.of(1, -0, Number.NaN, 3)),
  wordTensor(7),
]

test('tensors come back in order, whatever a program calls them', () => {
  const bytes = encodeTensors(types, tensors)
  assert.deepEqual(decodeTensors(bytes, types), { ok: true, value: tensors })
  assert.deepEqual(encodeTensors(types, tensors), bytes)
  assert.deepEqual(decodeTensors(encodeTensors([], []), []), { ok: true, value: [] })
})

test('tensors of another program are a fault that names what is wrong', () => {
  const bytes = encodeTensors(types, tensors)
  const code = (expected: readonly NamedType[]): string => {
    const result = decodeTensors(bytes, expected)
    return result.ok ? 'ok' : result.fault.code
  }
  assert.equal(code(types.slice(1)), 'tensors-malformed')
  assert.equal(code([types[1]!, types[0]!, types[2]!]), 'tensor-missing')
  assert.equal(code([{ ...types[0]!, shape: [1, 3] }, ...types.slice(1)]), 'wrong-shape')
  assert.equal(code([{ ...types[0]!, dtype: 'u32' }, ...types.slice(1)]), 'wrong-dtype')
})

test('no bytes make the decoder throw', () => {
  const bytes = encodeTensors(types, tensors)
  fc.assert(
    fc.property(
      fc.nat(bytes.length - 1),
      fc.nat(bytes.length),
      fc.uint8Array({ maxLength: 9 }),
      (from, to, put) => {
        const changed = Uint8Array.from([
          ...bytes.subarray(0, from),
          ...put,
          ...bytes.subarray(Math.max(from, to)),
        ])
        decodeTensors(changed, types)
      },
    ),
    { numRuns: 500 },
  )
})
