/**
 * Numbers that every peer makes for itself, bit for bit: a hash of the place, as an exact binary fraction of 24 bits
 * in [-0.5, 0.5), times `scale` rounded to binary32. bench/peers/pattern.py is the same in Python.
 */
export const pattern = (seed: number, length: number, scale = 1): Float32Array<ArrayBuffer> => {
  const out = new Float32Array(length)
  const start = Math.imul(seed + 1, 0x9e3779b1)
  const by = Math.fround(scale)
  for (let i = 0; i < length; i++) {
    let u = Math.imul((i + start) | 0, 0x85ebca6b)
    u = Math.imul(u ^ (u >>> 15), 0x45d9f3b)
    u = (u ^ (u >>> 16)) >>> 0
    out[i] = Math.fround((u >>> 8) * 2 ** -24 - 0.5) * by
  }
  return out
}

/** Words below `below`, from the same hash. */
export const patternWords = (seed: number, length: number, below: number): Uint32Array<ArrayBuffer> =>
  Uint32Array.from(pattern(seed, length), (x) => Math.floor((x + 0.5) * below))
