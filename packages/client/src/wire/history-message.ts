import type { ProtocolDefinition, TopicDefinition } from '@lockstep/network'
import { z } from 'zod'
import { attemptNumber, blobId, hex32, jobNumber, peerId, sliceNumber } from './fields.ts'

/** The most segments of a slice. */
const MAX_SEGMENTS = 256

/**
 * What was reached in a claimed slice, and where it is to be had. The items are right where their root is the claim's;
 * a blob is right where its tensors have the root that its item says. So nobody has to be believed.
 */
export const historyMessage = z.strictObject({
  claim: hex32,
  job: jobNumber,
  slice: sliceNumber,
  attempt: attemptNumber,
  /** The item behind every segment. */
  items: z.array(hex32).min(1).max(MAX_SEGMENTS),
  /** The checkpoint behind every segment but the last. */
  checkpoints: z.array(blobId).max(MAX_SEGMENTS - 1),
  /** The final state. */
  state: blobId,
  holders: z.array(peerId).min(1).max(16),
})
export type HistoryMessage = z.output<typeof historyMessage>

/** Heard when a provider claims, and when somebody else has the blobs too. */
export const historiesTopic: TopicDefinition<HistoryMessage> = {
  name: 'histories',
  version: 1,
  schema: historyMessage,
  maxBytes: 64 * 1024,
  authorRate: { perSecond: 20, burst: 200 },
}

/** For who has missed it. */
export const historyProtocol: ProtocolDefinition<{ claim: `0x${string}` }, HistoryMessage> = {
  name: 'history',
  version: 1,
  request: z.strictObject({ claim: hex32 }),
  response: historyMessage,
  maxRequestBytes: 256,
  maxResponseBytes: 64 * 1024,
  timeoutMs: 10_000,
  rate: { perSecond: 20, burst: 100 },
  concurrency: 32,
}
