import { createHash, type Hash } from 'node:crypto'
import { type BlobId, blobLength, CHUNK, newBlobId } from './blob-id.ts'

/**
 * What a blob's root is. SHA-256 with one tag byte in front, as everywhere; the tags are of no other hash.
 *   chunk digest  = sha256(10 bytes)
 *   parent(l, r)  = sha256(11 l r); an unpaired digest at the end of a level rises as it is
 *   root          = sha256(12 length-u64 top), top being 32 zero bytes where there are no chunks
 */
const TAG = { chunk: Buffer.of(0x10), parent: Buffer.of(0x11), root: Buffer.of(0x12) }

export const DIGEST = 32

export const chunkDigest = (bytes: Uint8Array): Uint8Array =>
  createHash('sha256').update(TAG.chunk).update(bytes).digest()

/** The id of the blob of `length` bytes with these chunk digests, packed one behind the other. */
export const idOfDigests = (digests: Uint8Array, length: number): BlobId => {
  let level = digests
  while (level.length > DIGEST) {
    const pairs = Math.floor(level.length / (2 * DIGEST))
    const above = new Uint8Array(Math.ceil(level.length / (2 * DIGEST)) * DIGEST)
    for (let i = 0; i < pairs; i++) {
      const pair = level.subarray(2 * DIGEST * i, 2 * DIGEST * (i + 1))
      above.set(createHash('sha256').update(TAG.parent).update(pair).digest(), DIGEST * i)
    }
    above.set(level.subarray(2 * DIGEST * pairs), DIGEST * pairs)
    level = above
  }
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(length))
  const top = level.length === 0 ? Buffer.alloc(DIGEST) : level
  return newBlobId(createHash('sha256').update(TAG.root).update(bytes).update(top).digest(), length)
}

/** Whether this list is the one that the id was made from; only then is a single digest of it worth anything. */
export const areDigestsOf = (id: BlobId, digests: Uint8Array): boolean =>
  digests.length === DIGEST * Math.ceil(blobLength(id) / CHUNK) && idOfDigests(digests, blobLength(id)) === id

export const isChunkOf = (digests: Uint8Array, chunk: number, bytes: Uint8Array): boolean =>
  Buffer.compare(digests.subarray(DIGEST * chunk, DIGEST * (chunk + 1)), chunkDigest(bytes)) === 0

export type HashedBlob = {
  readonly id: BlobId
  /** Packed digests of the chunks. */
  readonly digests: Uint8Array
}

/** Hashes a blob as it comes, in pieces of any length; holds only the digests. */
export class BlobHasher {
  #length = 0
  #chunk: Hash | null = null
  #digests = Buffer.alloc(16 * DIGEST)

  get length(): number {
    return this.#length
  }

  update(piece: Uint8Array): void {
    let at = 0
    while (at < piece.length) {
      const filled = this.#length % CHUNK
      const take = Math.min(CHUNK - filled, piece.length - at)
      this.#chunk ??= createHash('sha256').update(TAG.chunk)
      this.#chunk.update(piece.subarray(at, at + take))
      at += take
      this.#length += take
      if (filled + take === CHUNK) this.#endChunk()
    }
  }

  digest(): HashedBlob {
    this.#endChunk()
    const digests = this.#digests.subarray(0, DIGEST * Math.ceil(this.#length / CHUNK))
    return { id: idOfDigests(digests, this.#length), digests }
  }

  #endChunk(): void {
    if (this.#chunk === null) return
    const at = DIGEST * (Math.ceil(this.#length / CHUNK) - 1)
    if (at === this.#digests.length) this.#digests = Buffer.concat([this.#digests, Buffer.alloc(at)])
    this.#digests.set(this.#chunk.digest(), at)
    this.#chunk = null
  }
}

export const hashBlob = (bytes: Uint8Array): HashedBlob => {
  const hasher = new BlobHasher()
  hasher.update(bytes)
  return hasher.digest()
}
