import type { Hex } from '@lockstep/proof'
import type { Result } from '@lockstep/tensor'
import { z } from 'zod'
import { decodeDocument, encodeDocument, label, root, seconds, whole } from './document.ts'

/** A shared base: the root of its tensors, the hash of the bytes that hold them, and of its lineage; null for a first one. */
export type BaseName = { readonly root: Hex; readonly blob: Hex; readonly lineage: Hex | null }

/** What a keeper offers: learn from this base with this program for so many steps, and send what came out by then. */
export type RoundOffer = {
  readonly format: 'lockstep-round-1'
  readonly round: number
  readonly training: { readonly name: string; readonly program: Hex; readonly steps: number }
  readonly base: BaseName
  /** When it was opened and until when updates are taken, in the keeper's seconds. */
  readonly opened: number
  readonly closes: number
  readonly updates: { readonly least: number; readonly most: number }
  /** How far an update may go from the base at most; the round's median may be nearer. */
  readonly norm: number
}

export const ROUND_LIMITS = {
  offer: 4096, // bytes
  updates: 64, // of a round
  inputs: 16, // of a training
  header: 16_384, // bytes of an update's document
  episodes: 64, // shared with an update
  shared: 2 ** 20, // bytes of them together
  parameters: 2 ** 26, // bytes
  lineage: 65_536, // bytes
} as const

const limits = ROUND_LIMITS
export const baseName: z.ZodType<BaseName> = z.strictObject({ root, blob: root, lineage: root.nullable() })
export const trainingName = z.strictObject({ name: label, program: root, steps: whole(1, 2 ** 24) })

const schema: z.ZodType<RoundOffer> = z.strictObject({
  format: z.literal('lockstep-round-1'),
  round: whole(1, 2 ** 32 - 1),
  training: trainingName,
  base: baseName,
  ...{ opened: seconds, closes: seconds },
  updates: z.strictObject({ least: whole(1, limits.updates), most: whole(1, limits.updates) }),
  norm: z.number().positive().max(1e6),
})

export const encodeOffer = (offer: RoundOffer): Uint8Array<ArrayBuffer> => encodeDocument(offer)
export const decodeOffer = (bytes: Uint8Array<ArrayBufferLike>): Result<RoundOffer> =>
  decodeDocument(bytes, schema, { kind: 'round', most: limits.offer })

/** What a keeper answers when it is asked for its newest base. */
export const encodeBaseName = (name: BaseName): Uint8Array<ArrayBuffer> => encodeDocument(name)
export const decodeBaseName = (bytes: Uint8Array<ArrayBufferLike>): Result<BaseName> =>
  decodeDocument(bytes, baseName, { kind: 'base', most: 1024 })
