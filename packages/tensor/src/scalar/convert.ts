import type { Dtype } from '../dtype.ts'
import { canonicalF32, f32Bits, INFINITY, isNaNPattern, NAN } from './pattern.ts'

/** Loads, stores and narrowings: docs/numerics.md, "Loads and stores". Patterns are unsigned 32-bit numbers. */

/** The nearest bfloat16 to a binary32 pattern, ties to even. A carry out of the fraction is a correct exponent. */
export const bf16FromF32 = (bits: number): number =>
  isNaNPattern(bits) ? 0x7fc0 : ((bits >>> 0) + 0x7fff + ((bits >>> 16) & 1)) >>> 16

export const f32FromBf16 = (half: number): number => canonicalF32(half << 16)

const F16_OVERFLOW = 0x477ff000 // 65520: half way from the largest binary16, 65504, to 65536
const F16_NORMAL = 0x38800000 // 2^-14: the least normal binary16
const REBIAS = (127 - 15) << 23

/** The nearest binary16 to a binary32 pattern, ties to even. */
export const f16FromF32 = (bits: number): number => {
  if (isNaNPattern(bits)) return 0x7e00
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude >= F16_OVERFLOW) return sign | 0x7c00
  if (magnitude >= F16_NORMAL) return sign | ((magnitude - REBIAS + 0xfff + ((magnitude >>> 13) & 1)) >>> 13)
  return sign | f16Subnormal(magnitude)
}

/** round(magnitude * 2^24): a binary16 subnormal counts in steps of 2^-24. 1024 is the least normal, as it should be. */
const f16Subnormal = (magnitude: number): number => {
  const exponent = magnitude >>> 23
  const dropped = 126 - exponent // low bits of the 24-bit significand that a step of 2^-24 cannot hold
  if (dropped > 24) return 0 // below half a step
  const significand = (magnitude & 0x7fffff) | 0x800000
  const kept = significand >>> dropped
  const rest = significand & ((1 << dropped) - 1)
  const half = 1 << (dropped - 1)
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept
}

export const f32FromF16 = (half: number): number => {
  const sign = (half & 0x8000) << 16
  const exponent = (half >>> 10) & 31
  const fraction = half & 0x3ff
  if (exponent === 31) return fraction ? NAN : (sign | INFINITY) >>> 0
  if (exponent === 0) return (sign | f32Bits(fraction * 2 ** -24)) >>> 0
  return (sign | ((exponent << 23) + REBIAS) | (fraction << 13)) >>> 0
}

/** Element i of dense little-endian data, as the word that a register holds. */
export const loadElement = (dtype: Dtype, data: Uint8Array, i: number): number => {
  switch (dtype) {
    case 'f32':
      return canonicalF32(load32(data, i * 4))
    case 'u32':
      return load32(data, i * 4)
    case 'bf16':
      return f32FromBf16(load16(data, i * 2))
    case 'f16':
      return f32FromF16(load16(data, i * 2))
    case 'u8':
      return data[i]!
  }
}

/** Narrows a register's word to the dtype and writes it as element i. */
export const storeElement = (dtype: Dtype, data: Uint8Array, i: number, word: number): void => {
  switch (dtype) {
    case 'f32':
      store32(data, i * 4, canonicalF32(word))
      break
    case 'u32':
      store32(data, i * 4, word)
      break
    case 'bf16':
      store16(data, i * 2, bf16FromF32(word))
      break
    case 'f16':
      store16(data, i * 2, f16FromF32(word))
      break
    case 'u8':
      data[i] = word & 0xff
  }
}

const load16 = (data: Uint8Array, at: number): number => data[at]! | (data[at + 1]! << 8)
const load32 = (data: Uint8Array, at: number): number =>
  (load16(data, at) | (load16(data, at + 2) << 16)) >>> 0
const store16 = (data: Uint8Array, at: number, word: number): void => {
  data[at] = word & 0xff
  data[at + 1] = (word >>> 8) & 0xff
}
const store32 = (data: Uint8Array, at: number, word: number): void => {
  store16(data, at, word)
  store16(data, at + 2, word >>> 16)
}
