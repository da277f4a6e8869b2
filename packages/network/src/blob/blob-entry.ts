import { DIGEST } from './blob-hash.ts'
import { type BlobId, blobLength, chunkCount } from './blob-id.ts'
import type { PartialBlob } from './partial-blob.ts'

/**
 * What is known of a chunk. `written`: its bytes were verified and handed to the operating system, so they outlive this
 * process but perhaps not the machine; they are hashed again at the next open. `synced`: they are on the disk.
 */
export const HELD = { missing: 0, written: 1, synced: 2 } as const

/** A blob that the store has, whole or in part. */
export type Entry = {
  readonly id: BlobId
  readonly directory: string
  /** One HELD value per chunk; null when the blob is complete. */
  held: Uint8Array | null
  missing: number
  /** Place in the order of use; higher is later. */
  used: number
  /** What writes into it at the moment: it is not evicted meanwhile. */
  writer: PartialBlob | null
}

const BLOCK = 4096
const inBlocks = (bytes: number): number => Math.ceil(bytes / BLOCK) * BLOCK

/** What a blob takes on the disk: its bytes, its digests and its bitmap, its directory, in whole blocks. */
export const footprint = (id: BlobId): number =>
  inBlocks(blobLength(id)) + inBlocks(chunkCount(id) * (DIGEST + 1)) + BLOCK
