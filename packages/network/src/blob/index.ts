/** Blobs: bytes that are named by their hash, kept on disk, and fetched from several peers at once, all of it verified. */

export { BlobHasher, type HashedBlob, hashBlob } from './blob-hash.ts'
export { type BlobId, blobIdSchema, blobLength, CHUNK, chunkCount, MAX_BLOB, parseBlobId } from './blob-id.ts'
export {
  type BlobService,
  type BlobServiceOptions,
  blobService,
  type FetchOptions,
  type OfferOptions,
} from './blob-service.ts'
export {
  type BlobRepairs,
  type BlobSource,
  type BlobStat,
  BlobStore,
  type BlobStoreOptions,
  openBlobStore,
  type Range,
} from './blob-store.ts'
export type { FetchProgress, FetchReport, SourceEnd, SourceReport } from './fetch-blob.ts'
export type { BlobPeer } from './link.ts'
export type { Accept, Offer, PullLimits } from './pulls.ts'
export type { ServeLimits, ServeStats } from './serve-blobs.ts'
export { type JobReason, jobReasonSchema } from './transfer-message.ts'
