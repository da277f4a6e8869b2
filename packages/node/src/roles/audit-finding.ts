import { hex32 } from '@lockstep/client/fields'
import type { Hex } from '@lockstep/proof'
import { z } from 'zod'
import type { StoredAudit } from '../store/audits.ts'
import { taskFilesSchema } from './task-files.ts'

/**
 * What an audit found out about its claim, beside the answer, and what it found that out from: the job may be closed,
 * and its peers gone, when the seat has to defend a segment.
 */
const findingSchema = z.strictObject({
  isFalse: z.boolean(),
  /** The first segment that ended elsewhere, and where, if the claim's items are known. */
  differs: z.strictObject({ segment: z.int(), found: hex32 }).optional(),
  files: taskFilesSchema,
  /** The items at the claim's checkpoints, where they are known. */
  items: z.array(hex32).optional(),
  /** Files said to hold the checkpoints behind segments. */
  checkpoints: z.array(z.tuple([z.int(), z.string()])),
  /** Accused: the claim that defends the segment, or that it cannot be defended. */
  defence: z.union([hex32, z.literal('impossible')]).optional(),
})
export type Finding = z.output<typeof findingSchema>

/** What the store has of an audit; undefined where the audit has not come to its end. */
export const findingOf = ({ detail }: Pick<StoredAudit, 'detail'>): Finding | undefined => {
  const finding = findingSchema.safeParse(detail)
  return finding.success ? finding.data : undefined
}

/** Whether an execution of this segment ended where the claim says. */
export const holds = (
  { isFalse }: Pick<Finding, 'isFalse'>,
  segments: readonly number[],
  segment: number,
): boolean => !isFalse && segments.includes(segment)

/** The claim that a seat defends itself with, once it was made or was about to be. */
export const defenceOf = ({ defence }: Finding): Hex | undefined =>
  defence === 'impossible' ? undefined : defence
