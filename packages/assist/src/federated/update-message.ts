import type { Hex } from '@lockstep/proof'
import {
  ByteReader,
  ByteWriter,
  catchFault,
  type NamedType,
  type Result,
  type Tensor,
  unwrap,
} from '@lockstep/tensor'
import { z } from 'zod'
import { decodeDocument, encodeDocument, participant, root, whole } from './document.ts'
import { ROUND_LIMITS } from './offer.ts'
import { decodeParameters, encodeParameters } from './parameters.ts'
import type { ModelRoots, UpdateReceipt } from './training.ts'

/** Who was asked for what: the update alone, or with it the redacted episodes from which it was learned. */
export const SHARES = ['update', 'episodes'] as const
export type Share = (typeof SHARES)[number]

/** All that leaves in a round. */
export type UpdateMessage = {
  readonly round: number
  /** A name drawn for this round alone, so that rounds are not tied to each other by it. */
  readonly participant: Hex
  readonly share: Share
  readonly receipt: UpdateReceipt
  readonly parameters: readonly Tensor[]
  /** Encodings; none where only the update is shared. */
  readonly episodes: readonly Uint8Array[]
}

type Header = Pick<UpdateMessage, 'round' | 'participant' | 'share' | 'receipt'> & {
  readonly format: 'lockstep-update-1'
}

const roots: z.ZodType<ModelRoots> = z.strictObject({ state: root, parameters: root })
const header: z.ZodType<Header> = z.strictObject({
  format: z.literal('lockstep-update-1'),
  round: whole(1, 2 ** 32 - 1),
  participant,
  share: z.enum(SHARES),
  receipt: z.strictObject({
    ...{ program: root, steps: whole(1, 2 ** 24), before: roots, after: roots },
    inputs: z.array(root).min(1).max(ROUND_LIMITS.inputs),
    outputs: root,
  }),
})

/** Most bytes of an update of so many bytes of parameters. */
export const mostUpdateBytes = (parameters: number): number =>
  12 + ROUND_LIMITS.header + parameters + ROUND_LIMITS.shared + 4 * ROUND_LIMITS.episodes

/** Big-endian: length and text of the document, length and bytes of the parameters, count, lengths and bytes of episodes. */
export const encodeUpdate = (message: UpdateMessage): Uint8Array<ArrayBuffer> => {
  const { round, participant, share, receipt, parameters, episodes } = message
  const document = encodeDocument({ format: 'lockstep-update-1', round, participant, share, receipt })
  const numbers = encodeParameters(parameters)
  const writer = new ByteWriter()
  writer.u32(document.length).bytes(document).u32(numbers.length).bytes(numbers).u32(episodes.length)
  for (const episode of episodes) writer.u32(episode.length).bytes(episode)
  return writer.done()
}

/**
 * Reads what a stranger sent as an update of parameters of these types. Lengths are checked before anything is copied, every
 * number is finite and bounded, and episodes are there exactly where they are shared.
 */
export const decodeUpdate = (
  bytes: Uint8Array<ArrayBufferLike>,
  types: readonly NamedType[],
): Result<UpdateMessage> =>
  catchFault(() => {
    const reader = new ByteReader(bytes, 'update')
    const within = (field: string, value: number, least: number, most: number): number =>
      value >= least && value <= most ? value : reader.malformed(field, value, `${least} to ${most}`)
    const document = reader.bytes(within('header', reader.u32(), 2, ROUND_LIMITS.header))
    const read = unwrap(decodeDocument(document, header, { kind: 'update', most: ROUND_LIMITS.header }))
    const numbers = reader.bytes(within('parameters', reader.u32(), 0, ROUND_LIMITS.parameters))
    const parameters = unwrap(decodeParameters(numbers, types))
    const isShared = read.share === 'episodes'
    const count = within('episodes', reader.u32(), isShared ? 1 : 0, isShared ? ROUND_LIMITS.episodes : 0)
    let left: number = ROUND_LIMITS.shared
    const episodes = Array.from({ length: count }, (_, i) => {
      const length = within(`episodes[${i}]`, reader.u32(), 1, left)
      left -= length
      return reader.bytes(length)
    })
    reader.end()
    const { round, participant, share, receipt } = read
    return { round, participant, share, receipt, parameters, episodes }
  })
