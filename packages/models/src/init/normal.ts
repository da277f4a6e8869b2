import { philox } from './philox.ts'

/**
 * A normal sample from integers alone: the sum of the sixteen bytes of one Philox block, centred. Each byte has
 * variance (256^2 - 1) / 12, so the sum has standard deviation 295.60; it reaches 6.9 of them either way, in steps
 * of 1/296. No transcendental function is involved, so every implementation has the same bits with ease.
 */
const CENTRE = 16 * 127.5
const UNIT = Math.fround(1 / 295.60108254)

/** `count` values with this standard deviation, as binary32: fround(fround(deviation * UNIT) * integer). */
export const normalValues = (
  count: number,
  deviation: number,
  seed: number,
  salt: number,
): Float32Array<ArrayBuffer> => {
  const scale = Math.fround(Math.fround(deviation) * UNIT)
  const values = new Float32Array(count)
  const words = new Uint32Array(4)
  const key = [seed >>> 0, salt >>> 0] as const
  for (let i = 0; i < count; i++) {
    philox(words, [i, 0, 0, 0], key)
    values[i] = scale * (byteSum(words) - CENTRE) // exact in binary64 (24 + 12 bits), rounded once on its way in
  }
  return values
}

const byteSum = (words: Uint32Array): number => {
  let sum = 0
  for (let w = 0; w < 4; w++) {
    const pairs = (words[w]! & 0x00ff00ff) + ((words[w]! >>> 8) & 0x00ff00ff)
    sum += (pairs & 0xffff) + (pairs >>> 16)
  }
  return sum
}
