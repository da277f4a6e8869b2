import { type BatchHash, DIGEST_BYTES, LEAF_BYTES } from './batch-hash.ts'
import { lanesHash } from './lanes-hash.ts'
import { plainHash } from './plain-hash.ts'

/** Making the lanes takes as long as hashing about so many bytes one message after another. */
const WORTH_LANES = 2 ** 19

let hashed = 0
let enough: BatchHash | undefined

/** One message after another, until there was enough to hash for the lanes to be made. */
const patient = (step: 'leaves' | 'parents' | 'root') => (data: Uint8Array, to: Uint8Array) => {
  hashed += data.length
  if (hashed >= WORTH_LANES) enough ??= lanesHash() ?? plainHash
  const hash = enough ?? plainHash
  hash[step](data, to)
}

let chosen: BatchHash = {
  name: 'WebAssembly, once there is enough to hash',
  leaves: patient('leaves'),
  parents: patient('parents'),
  root: patient('root'),
}

/** The batched hash of this thread. */
export const batchHash = (): BatchHash => chosen

/**
 * Makes `hash` this thread's batched hash, after it has given the right digests of bytes of many lengths. One that
 * does not is refused with an error that names the length, and nothing changes. Only speed depends on this.
 */
export const accelerateHash = (hash: BatchHash): void => {
  proveHash(hash)
  chosen = hash
}

/** Leaves in all numbers up to this one make every remainder of any vector's lanes. */
const MANY = 35

const proveHash = (hash: BatchHash): void => {
  const data = new Uint8Array(LEAF_BYTES * MANY)
  data.forEach((_, i) => {
    data[i] = Math.imul(i + 1, 0x9e3779b1) >>> 24
  })
  // A pair of zero digests has a digest that is not hashed.
  data.fill(0, 0, 4 * DIGEST_BYTES)
  for (let leaves = 0; leaves <= MANY; leaves++) {
    const length = LEAF_BYTES * leaves - (leaves % 3 === 1 ? leaves : 0)
    for (const [step, bytes] of [
      ['leaves', DIGEST_BYTES * leaves],
      ['parents', DIGEST_BYTES * leaves],
      ['root', DIGEST_BYTES],
    ] as const) {
      const row = DIGEST_BYTES * (2 * leaves - (leaves % 2))
      const input = data.subarray(0, step === 'parents' ? row : length)
      const [ours, theirs] = [new Uint8Array(bytes + 1).fill(7), new Uint8Array(bytes + 1).fill(7)]
      plainHash[step](input, ours)
      hash[step](input, theirs)
      if (ours.every((byte, i) => byte === theirs[i])) continue
      throw new Error(
        `the batched hash ${hash.name} gives wrong ${step} of ${input.length} bytes; use another one: it is not SHA-256`,
      )
    }
  }
}
