import type { ProtocolDefinition } from '@lockstep/network'
import type { Hex } from '@lockstep/proof'
import { LINEAGE_LIMITS, RECEIPT_LIMITS } from '@lockstep/swarm'
import { type ZodType, z } from 'zod'

/** How participants give the parameters of their models to whoever merges them: what there is, and then piece by piece. */

/** Bytes of a piece; the last one is shorter. */
export const PIECE = 192 * 1024
/** Bytes of the text of a model of one's own. */
export const MAX_OWN_TEXT = 2 ** 14
const MAX_PIECES = 2 ** 13

export type ModelAsked = { readonly swarm: number; readonly account: Hex }
/** What a participant's model is after its last round. */
export type ModelTold = {
  readonly round: number
  /** What it has otherwise than the swarm's manifest, as its directory keeps it. */
  readonly own: string
  readonly modelRoot: Hex
  /** In base64: those that lead to it. */
  readonly receipts: readonly string[]
}
export type PieceAsked = ModelAsked & { readonly round: number; readonly piece: number }
/** In base64: bytes of all parameters in their order, as float32, the least significant byte first. */
export type PieceGiven = { readonly bytes: string }

const hex = (bytes: number): ZodType<Hex> =>
  z.string().regex(new RegExp(`^0x[0-9a-f]{${2 * bytes}}$`)) as unknown as ZodType<Hex>
const word = z
  .int()
  .min(0)
  .max(2 ** 32 - 1)
const base64 = (bytes: number) => z.base64().max(4 * Math.ceil(bytes / 3))
const asked = { swarm: z.int().min(1).max(Number.MAX_SAFE_INTEGER), account: hex(20) }
const RECEIPT_CHARACTERS = 4 * Math.ceil(RECEIPT_LIMITS.bytes / 3)

export const swarmModelProtocol: ProtocolDefinition<ModelAsked, ModelTold> = {
  name: 'swarm-model',
  version: 1,
  request: z.strictObject(asked),
  response: z.strictObject({
    ...{ round: word, own: z.string().max(MAX_OWN_TEXT), modelRoot: hex(32) },
    receipts: z.array(base64(RECEIPT_LIMITS.bytes)).max(LINEAGE_LIMITS.receipts),
  }),
  maxRequestBytes: 256,
  maxResponseBytes: 2 * MAX_OWN_TEXT + LINEAGE_LIMITS.receipts * (RECEIPT_CHARACTERS + 8),
  timeoutMs: 30_000,
  rate: { perSecond: 1, burst: 10 },
  concurrency: 4,
}

export const swarmPieceProtocol: ProtocolDefinition<PieceAsked, PieceGiven> = {
  name: 'swarm-model-piece',
  version: 1,
  request: z.strictObject({ ...asked, round: word, piece: z.int().min(0).max(MAX_PIECES) }),
  response: z.strictObject({ bytes: base64(PIECE) }),
  maxRequestBytes: 256,
  maxResponseBytes: 2 * PIECE,
  timeoutMs: 30_000,
  rate: { perSecond: 20, burst: 40 },
  concurrency: 8,
}
