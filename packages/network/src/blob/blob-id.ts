import { fail, ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'

/** Bytes of a chunk: what is hashed, sent and kept at once. Only a blob's last chunk may be shorter. */
export const CHUNK = 2 ** 18
/** Bytes of the longest blob, 64 GiB. Its list of chunk digests is 8 MiB. */
export const MAX_BLOB = 2 ** 36

declare const blobId: unique symbol
/** `ROOT-LENGTH`: 64 hexadecimal digits of the root, which binds the length too, and the length in decimal. */
export type BlobId = string & { readonly [blobId]: true }

const FORM = /^([0-9a-f]{64})-(0|[1-9][0-9]{0,10})$/

const isBlobId = (text: string): boolean => {
  const match = FORM.exec(text)
  return match !== null && Number(match[2]) <= MAX_BLOB
}

/** For messages and files that hold blob ids. */
export const blobIdSchema: z.ZodType<BlobId> = z
  .string()
  .max(76)
  .refine(isBlobId, `is no blob id: 64 hexadecimal digits, -, and a length of at most ${MAX_BLOB}`)
  .transform((text) => text as BlobId)

export const parseBlobId = (text: string): Result<BlobId> =>
  isBlobId(text)
    ? ok(text as BlobId)
    : fail({
        code: 'blob-id-malformed',
        field: 'blob id',
        value: text.slice(0, 100),
        limit: `64 hexadecimal digits, -, and a length of at most ${MAX_BLOB}`,
        remedy: 'Copy the whole id as it was printed.',
      })

export const newBlobId = (root: Uint8Array, length: number): BlobId =>
  `${Buffer.from(root).toString('hex')}-${length}` as BlobId

export const blobLength = (id: BlobId): number => Number(id.slice(65))

export const chunkCount = (id: BlobId): number => Math.ceil(blobLength(id) / CHUNK)

/** Bytes of one chunk of a blob. */
export const chunkLength = (id: BlobId, chunk: number): number =>
  Math.min(CHUNK, blobLength(id) - chunk * CHUNK)
