import { type F, type U, type ULike, u32 } from './trace.ts'

/**
 * Philox 4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 * Four random words from a counter of four words and a key of two.
 */
export const philox = (
  counter: readonly [ULike, ULike, ULike, ULike],
  key: readonly [ULike, ULike],
): [U, U, U, U] => {
  let [a, b, c, d] = [u32(counter[0]), u32(counter[1]), u32(counter[2]), u32(counter[3])]
  let [k, l] = [u32(key[0]), u32(key[1])]
  for (let round = 0; round < 10; round++) {
    if (round > 0) [k, l] = [k.add(WEYL[0]), l.add(WEYL[1])]
    ;[a, b, c, d] = [
      c.mulhi(MULTIPLIERS[1]).xor(b).xor(k),
      c.mul(MULTIPLIERS[1]),
      a.mulhi(MULTIPLIERS[0]).xor(d).xor(l),
      a.mul(MULTIPLIERS[0]),
    ]
  }
  return [a, b, c, d]
}
const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const
const WEYL = [0x9e3779b9, 0xbb67ae85] as const // golden ratio and sqrt(3) - 1, as fractions of 2^32

/** A number in [0, 1) from a random word: its upper 24 bits. */
export const uniform = (word: U): F =>
  word
    .shr(8)
    .toF32()
    .mul(2 ** -24)
