import { type ZodType, z } from 'zod'
import type { StreamDefinition } from '../channel.ts'
import { type BlobId, blobIdSchema, CHUNK, MAX_BLOB } from './blob-id.ts'

/**
 * The transfer of blobs. One side asks, the other answers in the order of the questions; several may be under way.
 *   have     what of a blob do you hold?   -> one message
 *   digests  its chunk digests             -> one message, then `bytes` raw bytes
 *   chunks   these chunks of it            -> for each run of them: one message, then `bytes` raw bytes
 *   offer    please take this blob         -> messages until one says how it ended
 */
export const BLOBS: StreamDefinition = {
  name: 'blob',
  version: 1,
  streamsPerPeer: 8,
  rate: { perSecond: 8, burst: 32 },
  idleMs: 60_000,
  holdBytes: 2 ** 20,
}

/** Chunks that one question may name. */
export const MAX_ASKED = 32
export const MAX_REQUEST_BYTES = 2048
/** A bitmap of the longest blob in base64, and a little. */
export const MAX_RESPONSE_BYTES = 2 ** 16

const MAX_CHUNKS = MAX_BLOB / CHUNK

/** The job on a chain whose manifest binds a blob: why anyone should store it. */
export type JobReason = { readonly chain: number; readonly market: string; readonly job: string }

export const jobReasonSchema: ZodType<JobReason> = z.strictObject({
  chain: z.int().positive(),
  market: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
  job: z.string().regex(/^[1-9][0-9]{0,77}$/),
})

export type BlobRequest =
  | { readonly ask: 'have' | 'digests'; readonly id: BlobId }
  | { readonly ask: 'chunks'; readonly id: BlobId; readonly chunks: readonly number[] }
  | { readonly ask: 'offer'; readonly id: BlobId; readonly reason: JobReason }

export const requestSchema: ZodType<BlobRequest> = z.discriminatedUnion('ask', [
  z.strictObject({ ask: z.enum(['have', 'digests']), id: blobIdSchema }),
  z.strictObject({
    ask: z.literal('chunks'),
    id: blobIdSchema,
    chunks: z
      .array(
        z
          .int()
          .nonnegative()
          .max(MAX_CHUNKS - 1),
      )
      .min(1)
      .max(MAX_ASKED),
  }),
  z.strictObject({ ask: z.literal('offer'), id: blobIdSchema, reason: jobReasonSchema }),
])

/** `bits` are there when `held` is `some`: one per chunk, see ChunkSet. */
export type HaveResponse = { readonly held: 'all' | 'some' | 'none'; readonly bits?: string | undefined }

export const haveSchema: ZodType<HaveResponse> = z.strictObject({
  held: z.enum(['all', 'some', 'none']),
  bits: z
    .base64()
    .max(Math.ceil(MAX_CHUNKS / 8 / 3) * 4)
    .optional(),
})

/** How many raw bytes follow; null: it is not here. */
export type DigestsResponse = { readonly bytes: number | null }

export const digestsSchema: ZodType<DigestsResponse> = z.strictObject({
  bytes: z
    .int()
    .nonnegative()
    .max(32 * MAX_CHUNKS)
    .nullable(),
})

/**
 * `count` chunks from `chunk` on, one behind the other, as they were asked for; `bytes` of them all. Null: these are not
 * here.
 */
export type RunResponse = { readonly chunk: number; readonly count: number; readonly bytes: number | null }

export const runSchema: ZodType<RunResponse> = z.strictObject({
  chunk: z
    .int()
    .nonnegative()
    .max(MAX_CHUNKS - 1),
  count: z.int().positive().max(MAX_ASKED),
  bytes: z
    .int()
    .positive()
    .max(MAX_ASKED * CHUNK)
    .nullable(),
})

/** `pulling` comes again and again until `stored` or `failed`; `refused` and `busy` come at once. */
export type OfferResponse = {
  readonly state: 'pulling' | 'stored' | 'refused' | 'busy' | 'failed'
  /** Chunks that the other side holds by now. */
  readonly held: number
  readonly why?: string | undefined
}

export const offerSchema: ZodType<OfferResponse> = z.strictObject({
  state: z.enum(['pulling', 'stored', 'refused', 'busy', 'failed']),
  held: z.int().nonnegative().max(MAX_CHUNKS),
  why: z.string().max(500).optional(),
})
