import { type BatchHash, DIGEST_BYTES, LEAF_BYTES, LEAF_TAG, PARENT_TAG } from './batch-hash.ts'
import { sha256 } from './sha256.ts'

const tagged = (tag: number, bytes: Uint8Array, length: number): Uint8Array => {
  const message = new Uint8Array(1 + length)
  message[0] = tag
  message.set(bytes, 1)
  return sha256(message)
}

const leaves = (data: Uint8Array, digests: Uint8Array): void => {
  for (let i = 0; LEAF_BYTES * i < data.length; i++) {
    const leaf = data.subarray(LEAF_BYTES * i, LEAF_BYTES * (i + 1))
    digests.set(tagged(LEAF_TAG, leaf, leaf.length), DIGEST_BYTES * i)
  }
}

const parents = (row: Uint8Array, above: Uint8Array): void => {
  for (let i = 0; 2 * DIGEST_BYTES * i < row.length; i++) {
    const pair = row.subarray(2 * DIGEST_BYTES * i, 2 * DIGEST_BYTES * (i + 1))
    const at = DIGEST_BYTES * i
    if (pair.every((byte) => byte === 0)) above.fill(0, at, at + DIGEST_BYTES)
    else above.set(tagged(PARENT_TAG, pair, 2 * DIGEST_BYTES), at)
  }
}

/** How many digests of 32 bytes a tensor of so many bytes has as leaves. */
const count = (bytes: number): number => Math.ceil(bytes / LEAF_BYTES)

/** One message after another, as the definition reads: what the others are compared with. */
export const plainHash: BatchHash = {
  name: 'plain',
  leaves,
  parents,
  root: (data, root) => {
    let row = new Uint8Array(DIGEST_BYTES * count(data.length))
    leaves(data, row)
    while (row.length > DIGEST_BYTES) {
      const above = new Uint8Array(DIGEST_BYTES * Math.ceil(row.length / (2 * DIGEST_BYTES)))
      parents(row, above)
      row = above
    }
    root.fill(0, 0, DIGEST_BYTES)
    root.set(row)
  },
}
