/** Bytes of a tensor's leaf; the last one of a tensor may be shorter. See docs/decisions/0001. */
export const LEAF_BYTES = 256
export const DIGEST_BYTES = 32

/** The tag bytes in front of what is hashed: docs/numerics.md, "Hashing". */
export const LEAF_TAG = 0
export const PARENT_TAG = 1

/**
 * SHA-256 of the many small messages that a tensor's tree is made of. The bytes that are read may lie in any kind of
 * buffer, a WebAssembly memory that threads share included, and must not change meanwhile; results are written from
 * the first byte of the array given for them on, and digests lie packed, 32 bytes each.
 *
 * What this package brings is found with `batchHash`; an addon stands behind the same type and is made known with
 * `accelerateHash`. All of them give the bytes that `plainHash` gives.
 */
export type BatchHash = {
  /** What it is made of, for whoever reads a measurement. */
  readonly name: string
  /**
   * The digests sha256(00 leaf) of the leaves of `data`: runs of 256 bytes, the last one shorter, never padded. Writes
   * 32 * ceil(data.length / 256) bytes.
   */
  readonly leaves: (data: Uint8Array, digests: Uint8Array) => void
  /**
   * The digests above a row of them: sha256(01 left right) of every pair, an absent right one being 32 zero bytes, and
   * 32 zero bytes where both are zero. Writes 32 * ceil(row.length / 64) bytes; `above` may not overlap `row`.
   */
  readonly parents: (row: Uint8Array, above: Uint8Array) => void
  /** The 32 bytes at the top of the tree over the leaves of `data`; zero where there are none. */
  readonly root: (data: Uint8Array, root: Uint8Array) => void
}
