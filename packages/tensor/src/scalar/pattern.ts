/** Numbers and their binary32 patterns. A pattern is an unsigned 32-bit number; a NaN has one pattern. */

export const NAN = 0x7fc00000
export const SIGN = 0x80000000
export const INFINITY = 0x7f800000

const number = new Float32Array(1)
const pattern = new Uint32Array(number.buffer)

/** The pattern of the binary32 nearest to x; the one NaN for NaN. */
export const f32Bits = (x: number): number => {
  if (Number.isNaN(x)) return NAN
  number[0] = x
  return pattern[0]!
}

/** The number that a binary32 pattern stands for. */
export const f32Value = (bits: number): number => {
  pattern[0] = bits
  return number[0]!
}

export const isNaNPattern = (bits: number): boolean => (bits & 0x7fffffff) > INFINITY

/** The same pattern, with every NaN as the one NaN. */
export const canonicalF32 = (bits: number): number => (isNaNPattern(bits) ? NAN : bits >>> 0)
