import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DTYPES, type Dtype } from '../dtype.ts'
import { scalarCases } from './cases.ts'
import { bf16FromF32, f16FromF32, f32FromBf16, f32FromF16, loadElement, storeElement } from './convert.ts'
import { f32Bits, f32Value, NAN } from './pattern.ts'

const isNaNHalf = (h: number, infinity: number) => (h & 0x7fff) > infinity

/** The nearest of all 65536 halves, ties to the even pattern, found by search: nothing shared with the code. */
const nearestHalf = (values: Float64Array, infinity: number) => (x: number) => {
  let [low, high] = [0, infinity]
  while (high - low > 1) {
    const middle = (low + high) >>> 1
    if (values[middle]! <= x) low = middle
    else high = middle
  }
  const below = x - values[low]!
  const above = values[high]! - x
  return below < above || (below === above && low % 2 === 0) ? low : high
}

const NARROW = [
  {
    name: 'bf16' as const,
    narrow: bf16FromF32,
    widen: f32FromBf16,
    infinity: 0x7f80,
    beyond: 2 ** 128,
    nan: 0x7fc0,
  },
  {
    name: 'f16' as const,
    narrow: f16FromF32,
    widen: f32FromF16,
    infinity: 0x7c00,
    beyond: 65536,
    nan: 0x7e00,
  },
]

for (const { name, narrow, widen, infinity, beyond, nan } of NARROW) {
  describe(name, () => {
    it('widens exactly and narrows back to itself, except that there is one NaN', () => {
      for (let h = 0; h < 65536; h++) {
        const wide = widen(h)
        if (isNaNHalf(h, infinity)) {
          assert.equal(wide, NAN)
          assert.equal(narrow(wide), nan)
        } else assert.equal(narrow(wide), h)
      }
    })
    it('narrows to the nearest, ties to even, subnormals kept', () => {
      const values = Float64Array.from({ length: infinity + 1 }, (_, h) =>
        h === infinity ? beyond : f32Value(widen(h)),
      )
      const search = nearestHalf(values, infinity)
      for (const { a } of [...scalarCases(name, 1, 20_000), ...scalarCases('fabs', 1, 20_000)]) {
        const x = f32Value(a)
        if (Number.isNaN(x)) assert.equal(narrow(a), nan)
        else
          assert.equal(
            narrow(a) & 0x7fff,
            Math.abs(x) >= beyond ? infinity : search(Math.abs(x)),
            a.toString(16),
          )
        if (!Number.isNaN(x)) assert.equal(narrow(a) >>> 15, a >>> 31)
      }
    })
    it('has one NaN whatever NaN came in', () => {
      for (const pattern of [0x7f800001, 0xff800001, 0xffffffff]) assert.equal(narrow(pattern), nan)
    })
  })
}

it('f16 is what DataView writes', { skip: !('setFloat16' in DataView.prototype) }, () => {
  const view = new DataView(new ArrayBuffer(2)) as DataView & { setFloat16(at: number, x: number): void }
  for (const { a } of scalarCases('f16', 2, 50_000)) {
    if (a === NAN) continue
    view.setFloat16(0, f32Value(a))
    assert.equal(f16FromF32(a), view.getUint16(0), a.toString(16))
  }
})

it('f16 overflows from 65520 on', () => {
  assert.equal(f16FromF32(f32Bits(65519.996)), 0x7bff)
  assert.equal(f16FromF32(f32Bits(65520)), 0x7c00)
})

it('elements are little-endian and dense', () => {
  const data = new Uint8Array(8)
  storeElement('f32', data, 1, 0x3f800001)
  assert.deepEqual([...data], [0, 0, 0, 0, 0x01, 0x00, 0x80, 0x3f])
  storeElement('u8', data, 0, 0x1ff)
  storeElement('bf16', data, 1, 0x3f808001)
  assert.deepEqual([...data.subarray(0, 4)], [0xff, 0, 0x81, 0x3f])
})

it('what a dtype stores is what it loads, and stores again as the same bytes', () => {
  const once = new Uint8Array(4)
  const again = new Uint8Array(4)
  for (const dtype of Object.keys(DTYPES) as Dtype[]) {
    for (const { a } of scalarCases('float', 4, 2000)) {
      storeElement(dtype, once, 0, a)
      storeElement(dtype, again, 0, loadElement(dtype, once, 0))
      assert.deepEqual(once, again)
    }
  }
})

it('loading an f32 takes every NaN to the one NaN', () => {
  assert.equal(loadElement('f32', Uint8Array.of(1, 0, 0x80, 0xff), 0), NAN)
  assert.equal(loadElement('u32', Uint8Array.of(1, 0, 0x80, 0xff), 0), 0xff800001)
})
