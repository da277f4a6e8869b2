import type { TopicDefinition } from '@lockstep/network'
import { z } from 'zod'
import { attemptNumber, jobNumber, sliceNumber } from './fields.ts'

/**
 * How far a run says that it has come. Nobody checks it: it is for who watches, and nothing follows from it. What a
 * loss really was is in the slice's outputs, which are claimed and audited.
 */
export const progressMessage = z.strictObject({
  job: jobNumber,
  slice: sliceNumber,
  attempt: attemptNumber,
  step: z
    .int()
    .min(0)
    .max(2 ** 40),
  steps: z
    .int()
    .min(1)
    .max(2 ** 40),
  loss: z.number().optional(),
})
export type ProgressMessage = z.output<typeof progressMessage>

export const progressTopic: TopicDefinition<ProgressMessage> = {
  name: 'progress',
  version: 1,
  schema: progressMessage,
  maxBytes: 512,
  authorRate: { perSecond: 4, burst: 64 },
}
