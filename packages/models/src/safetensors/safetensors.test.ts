import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Dtype, Tensor } from '@lockstep/tensor'
import fc from 'fast-check'
import { decodeSafetensors, encodeSafetensors, ModelError, type Safetensors } from '../index.ts'

const file = (header: string, data: readonly number[] = []): Uint8Array<ArrayBuffer> => {
  const text = new TextEncoder().encode(header)
  const bytes = new Uint8Array(8 + text.length + data.length)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  bytes.set(data, 8 + text.length)
  return bytes
}
const refused = (header: string, data: readonly number[], code: string, field: string): void => {
  assert.throws(
    () => decodeSafetensors(file(header, data)),
    (e) => e instanceof ModelError && e.code === code && e.field === field && e.remedy !== '',
  )
}

const BYTES = { f32: 4, u32: 4, bf16: 2, f16: 2, u8: 1 } as const
const dtypes = Object.keys(BYTES) as Dtype[]
const tensor: fc.Arbitrary<Tensor> = fc
  .tuple(fc.constantFrom(...dtypes), fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }))
  .chain(([dtype, shape]) => {
    const length = shape.reduce((n, d) => n * d, BYTES[dtype])
    return fc
      .uint8Array({ minLength: length, maxLength: length, max: 0x3f }) // no NaN in these bytes
      .map((data) => ({ dtype, shape, data }))
  })
const content: fc.Arbitrary<Safetensors> = fc.record({
  tensors: fc
    .uniqueArray(fc.tuple(fc.string({ unit: 'grapheme', maxLength: 12 }), tensor), {
      selector: ([name]) => name,
      maxLength: 5,
    })
    .map((pairs) => new Map(pairs.filter(([name]) => name !== '__metadata__'))),
  metadata: fc
    .uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' })), {
      selector: ([k]) => k,
    })
    .map((pairs) => new Map(pairs.filter(([k]) => k.isWellFormed()))),
})

test('decoding an encoding gives the same tensors and metadata', () => {
  fc.assert(
    fc.property(content, ({ tensors, metadata }) => {
      const back = decodeSafetensors(encodeSafetensors(tensors, metadata))
      assert.deepEqual(new Map([...back.tensors].sort()), new Map([...tensors].sort()))
      assert.deepEqual(back.metadata, metadata)
    }),
    { numRuns: 300 },
  )
})

test('one content has one encoding, whatever the order of its parts', () => {
  fc.assert(
    fc.property(content, ({ tensors, metadata }) => {
      const turned = encodeSafetensors(new Map([...tensors].reverse()), new Map([...metadata].reverse()))
      assert.deepEqual(turned, encodeSafetensors(tensors, metadata))
    }),
  )
})

test('changed, cut and arbitrary bytes give content or a ModelError, never anything larger than the file', () => {
  const attempt = (bytes: Uint8Array): void => {
    try {
      const { tensors } = decodeSafetensors(bytes)
      let total = 0
      for (const t of tensors.values()) total += t.data.length
      assert.ok(total <= bytes.length)
    } catch (e) {
      if (!(e instanceof ModelError)) throw e
      assert.ok(e.message.length < 2000)
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 500 })
  fc.assert(
    fc.property(
      content,
      fc.array(fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(...'{}[]":,0129\\ef-. \n'))), {
        maxLength: 6,
      }),
      fc.nat(),
      (c, edits, cut) => {
        const bytes = encodeSafetensors(c.tensors, c.metadata)
        for (const [at, to] of edits)
          bytes[at % bytes.length] = typeof to === 'number' ? to : to.charCodeAt(0)
        attempt(bytes)
        attempt(bytes.subarray(0, cut % (bytes.length + 1)))
      },
    ),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.json(), fc.uint8Array({ maxLength: 8 }), (json, data) => attempt(file(json, [...data]))),
    { numRuns: 500 },
  )
})

test('a header length beyond the file or the limit is refused before anything is read', () => {
  for (const length of [3n, 2n ** 63n, 2n ** 64n - 1n, 100_000_001n]) {
    const bytes = new Uint8Array(10)
    new DataView(bytes.buffer).setBigUint64(0, length, true)
    assert.throws(() => decodeSafetensors(bytes), /header length/)
  }
  assert.throws(() => decodeSafetensors(new Uint8Array(7)), /length is 7/)
})

test('offsets must be contiguous, in range and as long as dtype and shape say', () => {
  const a = (offsets: string, shape = '2'): string =>
    `{"a":{"dtype":"U8","shape":[${shape}],"data_offsets":[${offsets}]}}`
  refused(a('0,1'), [1], 'safetensors-malformed', 'a.data_offsets')
  refused(a('1,3'), [1, 2, 3], 'safetensors-malformed', 'a.data_offsets')
  refused(a('2,0'), [1, 2], 'safetensors-malformed', 'a.data_offsets')
  refused(a('0,2'), [1], 'safetensors-malformed', 'a.data_offsets')
  refused(a('0'), [1, 2], 'safetensors-malformed', 'a.data_offsets')
  refused(a('0,2,4'), [1, 2], 'safetensors-malformed', 'a.data_offsets')
  refused(a('0,2'), [1, 2, 3], 'safetensors-malformed', 'length')
  refused(a('0,0', '0'), [], 'safetensors-unsupported', 'a.shape')
  refused(a('0,2', '2147483648'), [], 'safetensors-unsupported', 'a.elements')
  refused(a('0,1', '1,1,1,1,1,1,1,1,1'), [1], 'safetensors-unsupported', 'a.rank')
  refused('{"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}', [], 'safetensors-unsupported', 'a.dtype')
})

test('names, keys and metadata keys occur once', () => {
  const e = '{"dtype":"U8","shape":[],"data_offsets":[0,1]}'
  refused(`{"a":${e},"a":${e}}`, [1], 'safetensors-malformed', 'name')
  refused(`{"a":${e},"\\u0061":${e}}`, [1], 'safetensors-malformed', 'name')
  refused('{"__metadata__":{"k":"1","k":"2"}}', [], 'safetensors-malformed', 'metadata')
  refused('{"__metadata__":{},"__metadata__":{}}', [], 'safetensors-malformed', 'name')
  refused(
    '{"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}}',
    [1],
    'safetensors-malformed',
    'a.key',
  )
  refused('{"a":{"shape":[],"data_offsets":[0,1]}}', [1], 'safetensors-malformed', 'a')
})

test('tensors may be listed in any order, spaced and padded as other writers do', () => {
  const header =
    ' { "b" : {"shape":[1],"dtype":"F16","data_offsets":[1,3]},\n"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}   '
  const { tensors } = decodeSafetensors(file(header, [7, 0, 0x3c]))
  assert.deepEqual([...tensors.keys()], ['a', 'b'])
  assert.deepEqual(tensors.get('b'), { dtype: 'f16', shape: [1], data: new Uint8Array([0, 0x3c]) })
})

test('a name like __proto__ is a name', () => {
  const { tensors } = decodeSafetensors(
    file('{"__proto__":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}', [5]),
  )
  assert.equal(tensors.get('__proto__')?.data[0], 5)
})

test('NaNs become the one NaN on import; every other pattern is kept', () => {
  const header = (dtype: string, n: number): string =>
    `{"x":{"dtype":"${dtype}","shape":[${n}],"data_offsets":[0,${dtype === 'F32' ? 4 * n : 2 * n}]}}`
  const words = (list: readonly number[]): number[] => [...new Uint8Array(new Uint32Array(list).buffer)]
  const halves = (list: readonly number[]): number[] => [...new Uint8Array(new Uint16Array(list).buffer)]
  const read = (dtype: string, n: number, data: readonly number[]): number[] => [
    ...decodeSafetensors(file(header(dtype, n), data)).tensors.get('x')!.data,
  ]
  assert.deepEqual(
    read('F32', 4, words([0xffc00001, 0x7f800001, 0xff800000, 0x80000000])),
    words([0x7fc00000, 0x7fc00000, 0xff800000, 0x80000000]),
  )
  assert.deepEqual(read('BF16', 3, halves([0xffff, 0x7f80, 0x7f81])), halves([0x7fc0, 0x7f80, 0x7fc0]))
  assert.deepEqual(read('F16', 3, halves([0xffff, 0x7c00, 0x7c01])), halves([0x7e00, 0x7c00, 0x7e00]))
})

test('a file is read as other implementations of the format write it', () => {
  // One tensor "w" of F32 [2] = [1, -2], written out by hand.
  const text = '{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  '
  const bytes = encodeSafetensors(
    new Map([['w', { dtype: 'f32', shape: [2], data: new Uint8Array(new Float32Array([1, -2]).buffer) }]]),
  )
  assert.deepEqual(bytes, file(text, [0, 0, 128, 63, 0, 0, 0, 192]))
})

test('a string of many megabytes in a header does not exhaust the stack', () => {
  const long = 'x'.repeat(20_000_000)
  assert.equal(
    decodeSafetensors(file(`{"__metadata__":{"k":"${long}"}}`)).metadata.get('k')?.length,
    long.length,
  )
  refused(`{"__metadata__":{"k":"${long}`, [], 'safetensors-malformed', 'string')
})
