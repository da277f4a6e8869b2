import type { Hex } from '@lockstep/proof'
import { keccak_256 } from '@noble/hashes/sha3.js'

/** The contracts' encoding of fixed parts: words of 32 bytes, numbers big-endian (Solidity's ABI specification). */
export const WORD_BYTES = 32

export type WordValue = Hex | number | bigint

export const encodeWords = (values: readonly WordValue[]): Uint8Array => {
  const bytes = new Uint8Array(WORD_BYTES * values.length)
  values.forEach((value, i) => {
    const digits = (typeof value === 'string' ? value.slice(2) : value.toString(16)).padStart(64, '0')
    if (!/^[0-9a-f]{64}$/i.test(digits)) throw new RangeError(`${value} is not a word of 32 bytes`)
    for (let j = 0; j < WORD_BYTES; j++)
      bytes[WORD_BYTES * i + j] = Number.parseInt(digits.slice(2 * j, 2 * j + 2), 16)
  })
  return bytes
}

export const keccak = (bytes: Uint8Array): Hex => {
  let text = '0x'
  for (const byte of keccak_256(bytes)) text += byte.toString(16).padStart(2, '0')
  return text as Hex
}

export const keccakOfWords = (...values: readonly WordValue[]): Hex => keccak(encodeWords(values))

/** One byte for each task, task 0 first, zeros behind. */
export const packBytes = (values: readonly number[]): Hex => {
  let text = '0x'
  for (let i = 0; i < WORD_BYTES; i++) text += (values[i] ?? 0).toString(16).padStart(2, '0')
  return text as Hex
}

export const unpackBytes = (word: Hex, count: number): readonly number[] =>
  Array.from({ length: count }, (_, i) => Number.parseInt(word.slice(2 + 2 * i, 4 + 2 * i), 16))
