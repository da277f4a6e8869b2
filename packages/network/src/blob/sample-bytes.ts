/** Bytes for tests and benchmarks: the same for the same seed, and no two chunks alike. */
export const sampleBytes = (length: number, seed = 1): Buffer => {
  const words = new Uint32Array(Math.ceil(length / 4))
  let x = seed
  for (let i = 0; i < words.length; i++) {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0
    words[i] = x
  }
  return Buffer.from(words.buffer, 0, length)
}
