import { DTYPES, type Dtype } from '@lockstep/tensor'
import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { type Digest, isZero, ZERO } from './digest.ts'
import { hashRuns } from './sha256-lanes.ts'

/** Every hash of the machine is SHA-256 with a tag byte in front; see docs/numerics.md, "Hashing". */
export const sha256 = (bytes: Uint8Array): Digest => nobleSha256(bytes)

const TAG = { leaf: 0, parent: 1, tensor: 2, program: 4, interface: 5 } as const

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

/** From how many messages on the four lanes are worth their start. */
const MANY = 8

/** The digests of leaves of `length` bytes, the last one shorter, packed. */
export const leafDigests = (data: Uint8Array, length: number): Uint8Array => {
  const count = Math.ceil(data.length / length)
  const digests = new Uint8Array(32 * count)
  const whole = Math.floor(data.length / length)
  const done = whole >= MANY && hashRuns(TAG.leaf, data, length, digests) ? whole : 0
  for (let i = done; i < count; i++)
    digests.set(leafDigest(data.subarray(i * length, (i + 1) * length)), 32 * i)
  return digests
}

/** The digests above a level of packed digests. */
export const parentDigests = (level: Uint8Array): Uint8Array => {
  const count = Math.ceil(level.length / 64)
  const digests = new Uint8Array(32 * count)
  const whole = Math.floor(level.length / 64)
  const done = whole >= MANY && hashRuns(TAG.parent, level, 64, digests) ? whole : 0
  for (let i = 0; i < count; i++) {
    const pair = level.subarray(64 * i, 64 * i + 64)
    if (i < done && (pair[0] !== 0 || !isZero(pair))) continue
    digests.set(parentDigest(pair.subarray(0, 32), pair.length > 32 ? pair.subarray(32) : ZERO), 32 * i)
  }
  return digests
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
