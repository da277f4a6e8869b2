import {
  batchHash,
  DIGEST_BYTES,
  DTYPES,
  type Dtype,
  LEAF_BYTES,
  LEAF_TAG,
  PARENT_TAG,
} from '@lockstep/tensor'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { type Digest, isZero, ZERO } from './digest.ts'

/** Every hash of the machine is SHA-256 with a tag byte in front; see docs/numerics.md, "Hashing". */
export const sha256 = (bytes: Uint8Array): Digest => nobleSha256(bytes)

const TAG = { leaf: LEAF_TAG, parent: PARENT_TAG, tensor: 2, program: 4, interface: 5 } as const

const tagged = (tag: number, ...parts: readonly Uint8Array[]): Digest => {
  const bytes = new Uint8Array(parts.reduce((n, part) => n + part.length, 1))
  bytes[0] = tag
  let at = 1
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return sha256(bytes)
}

export const leafDigest = (bytes: Uint8Array): Digest => tagged(TAG.leaf, bytes)

export const parentDigest = (left: Digest, right: Digest): Digest =>
  isZero(left) && isZero(right) ? ZERO : tagged(TAG.parent, left, right)

/** The digests of a tensor's leaves, the last one shorter, packed. */
export const leafDigests = (data: Uint8Array): Uint8Array => {
  const digests = new Uint8Array(DIGEST_BYTES * Math.ceil(data.length / LEAF_BYTES))
  batchHash().leaves(data, digests)
  return digests
}

/** The digests above a level of packed digests. */
export const parentDigests = (level: Uint8Array): Uint8Array => {
  const digests = new Uint8Array(DIGEST_BYTES * Math.ceil(level.length / (2 * DIGEST_BYTES)))
  batchHash().parents(level, digests)
  return digests
}

/** The root of the tree over a tensor's leaves, without the tree. */
export const leavesRoot = (data: Uint8Array): Digest => {
  const root = new Uint8Array(DIGEST_BYTES)
  batchHash().root(data, root)
  return root
}

/** A tensor's digest binds dtype, shape and the root of its leaves. */
export const tensorDigest = (dtype: Dtype, shape: readonly number[], leavesRoot: Digest): Digest =>
  tagged(TAG.tensor, tensorHeader(dtype, shape), leavesRoot)

/** dtype u8, dims: what is hashed in front of the root of a tensor's leaves. */
export const tensorHeader = (dtype: Dtype, shape: readonly number[]): Uint8Array<ArrayBuffer> => {
  const header = new Uint8Array(2 + 4 * shape.length)
  const view = new DataView(header.buffer)
  header[0] = DTYPES[dtype].code
  header[1] = shape.length
  shape.forEach((extent, d) => view.setUint32(2 + 4 * d, extent))
  return header
}

export const interfaceDigest = (encoded: Uint8Array): Digest => tagged(TAG.interface, encoded)

export const programDigest = (header: Uint8Array): Digest => tagged(TAG.program, header)
