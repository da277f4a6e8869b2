import type { Hex, TaskFields } from '@lockstep/proof'
import type { Result } from '@lockstep/tensor'
import { z } from 'zod'
import { decodeDocument, encodeDocument, label, participant, root, whole } from './document.ts'
import { type BaseName, baseName, ROUND_LIMITS, type RoundOffer, trainingName } from './offer.ts'
import type { Refusal } from './round.ts'
import { SHARES, type Share } from './update-message.ts'

/** One update that is in a base. */
export type BaseMember = {
  readonly participant: Hex
  readonly share: Share
  /** The hash of the update as it was sent: its receipt, its parameters and, where they were shared, its episodes. */
  readonly update: Hex
  readonly parameters: Hex
  /** How far it went from the base it began with. */
  readonly norm: number
  /** Whether the keeper ran it again, or could not because its data is its owner's. */
  readonly checked: 're-executed' | 'private'
  /** Keeping it within the bound, as a proof task. */
  readonly clip: TaskFields
}

/** Where a shared base comes from, and what of it has been verified by whom. */
export type BaseLineage = {
  readonly format: 'lockstep-base-1'
  /** Who kept the round, and ran again what could be. */
  readonly keeper: string
  readonly round: number
  readonly training: RoundOffer['training']
  /** What it was learned from. */
  readonly parent: BaseName
  readonly members: readonly BaseMember[]
  readonly refused: readonly { readonly participant: Hex; readonly why: Refusal }[]
  /** The greatest norm that the offer allowed, and the one that was kept to. */
  readonly norm: { readonly most: number; readonly bound: number }
  /** The mean of the members, as a proof task; null of a single one. */
  readonly average: TaskFields | null
  /** Bits a symbol of the keeper's own held-out use, before and after; null where it has none. */
  readonly judged: { readonly before: number; readonly after: number } | null
  readonly result: Hex
}

const REFUSALS = [
  ...['round-closed', 'round-full', 'round-other', 'training-other', 'receipt-false'],
  ...['update-idle', 'update-again', 'update-copied', 'run-differs'],
] as unknown as readonly [Refusal, ...Refusal[]]

const decimal = z.number().min(0).max(1e9)
const task: z.ZodType<TaskFields> = z.strictObject({
  ...{ program: root, initialItem: root, inputsRoot: root },
  ...{ steps: whole(1, 2 ** 24), segmentLength: whole(1, 2 ** 24) },
})
const schema: z.ZodType<BaseLineage> = z.strictObject({
  format: z.literal('lockstep-base-1'),
  keeper: label,
  round: whole(1, 2 ** 32 - 1),
  training: trainingName,
  parent: baseName,
  members: z
    .array(
      z.strictObject({
        ...{ participant, share: z.enum(SHARES), update: root, parameters: root, norm: decimal },
        checked: z.enum(['re-executed', 'private']),
        clip: task,
      }),
    )
    .min(1)
    .max(ROUND_LIMITS.updates),
  refused: z.array(z.strictObject({ participant, why: z.enum(REFUSALS) })).max(ROUND_LIMITS.updates),
  norm: z.strictObject({ most: decimal, bound: decimal }),
  average: task.nullable(),
  judged: z.strictObject({ before: decimal, after: decimal }).nullable(),
  result: root,
})

export const encodeBaseLineage = (lineage: BaseLineage): Uint8Array<ArrayBuffer> => encodeDocument(lineage)
export const decodeBaseLineage = (bytes: Uint8Array<ArrayBufferLike>): Result<BaseLineage> =>
  decodeDocument(bytes, schema, { kind: 'lineage', most: ROUND_LIMITS.lineage })

/** What of a base has been run again, by whom, and what could not be: in plain sentences, for people. */
export const describeBase = ({ keeper, round, members, refused, judged }: BaseLineage): readonly string[] => {
  const rerun = members.filter(({ checked }) => checked === 're-executed').length
  const closed = members.length - rerun
  const lines = [`Round ${round} of ${keeper}: the mean of ${counted(members.length, 'update')}.`]
  if (rerun > 0)
    lines.push(`From shared episodes ${keeper} ran ${counted(rerun, 'update')} again: same bits.`)
  if (closed > 0)
    lines.push(
      `${counted(closed, 'update')} could not be run again, because the data stayed with its owner. Only how far it may move the base was bounded.`,
    )
  if (refused.length > 0) lines.push(`${counted(refused.length, 'update')} refused.`)
  if (judged)
    lines.push(
      `On held-out use of ${keeper}: ${judged.before.toFixed(3)} bits a symbol before, ${judged.after.toFixed(3)} after.`,
    )
  return lines
}

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
