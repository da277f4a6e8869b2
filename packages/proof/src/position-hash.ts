import { keccak_256 } from '@noble/hashes/sha3.js'
import { fromHex, type Hex, toHex } from './digest.ts'
import { PHASES, type Phase, type Side } from './moves.ts'

/** What a running hash is told of a position. */
export type HashedPosition = {
  readonly phase: Phase
  readonly turn: Side
  readonly height: number
  readonly position: number
  readonly disputed: Hex
}

/** The first value of a dispute's running hash: which dispute, of which contract, on which chain. */
export const seedHash = (chainId: number, contract: Hex, dispute: number): Hex =>
  toHex(keccak_256(abiWords(chainId, contract, dispute)))

/** at' = keccak256(abi.encode(at, phase, turn, height, position, disputed)). */
export const nextHash = (at: Hex, { phase, turn, height, position, disputed }: HashedPosition): Hex =>
  toHex(
    keccak_256(abiWords(at, PHASES.indexOf(phase), turn === 'claimant' ? 0 : 1, height, position, disputed)),
  )

/** The hash that stands for posted words until the challenger gives them back. */
export const wordsHash = (words: Uint8Array): Hex => toHex(keccak_256(words))

/** Values as the contract's ABI lays them out: each in 32 bytes, numbers big-endian, short hex filled from the left. */
export const abiWords = (...values: readonly (number | Hex)[]): Uint8Array => {
  const bytes = new Uint8Array(32 * values.length)
  values.forEach((value, i) => {
    const part =
      typeof value === 'number' ? fromHex(`0x${value.toString(16).padStart(16, '0')}`)! : fromHex(value)!
    bytes.set(part, 32 * (i + 1) - part.length)
  })
  return bytes
}
