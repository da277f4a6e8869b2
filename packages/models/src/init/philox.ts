/**
 * Philox 4x32-10 in plain integers, as docs/numerics.md, "Random numbers", states it for scalar programs: the test
 * beside this package compares the two. Fills `out` with the four words of one counter under one key.
 */
export const philox = (
  out: Uint32Array,
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
): void => {
  let [a, b, c, d] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const highA = highProduct(0xd2511f53, a)
    const lowA = Math.imul(0xd2511f53, a)
    const highC = highProduct(0xcd9e8d57, c)
    const lowC = Math.imul(0xcd9e8d57, c)
    a = (highC ^ b ^ k0) >>> 0
    b = lowC >>> 0
    c = (highA ^ d ^ k1) >>> 0
    d = lowA >>> 0
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  out[0] = a
  out[1] = b
  out[2] = c
  out[3] = d
}

/** The high word of a 64-bit product; every intermediate is below 2^49, exact. */
const highProduct = (a: number, b: number): number => {
  const low = a * (b & 0xffff)
  return Math.floor((a * (b >>> 16) + Math.floor(low / 0x10000)) / 0x10000)
}
