import type { ProtocolDefinition, TopicDefinition } from '@lockstep/network'
import { z } from 'zod'
import { jobNumber, peerId } from './fields.ts'

/** The longest manifest in bytes of UTF-8. */
export const MAX_SHEET_BYTES = 256 * 1024

/**
 * A job that was posted, with what the chain holds only the hash of: its manifest, which names every blob. Whoever
 * receives it compares keccak256 of the text with the chain. `holders` have the blobs, as far as the sender knows.
 */
export const announcement = z.strictObject({
  job: jobNumber,
  manifest: z.string().min(2).max(MAX_SHEET_BYTES),
  holders: z.array(peerId).max(16),
})
export type Announcement = z.output<typeof announcement>

/** Heard once when a job is posted, and again now and then while it is open. */
export const jobsTopic: TopicDefinition<Announcement> = {
  name: 'jobs',
  version: 1,
  schema: announcement,
  maxBytes: 2 * MAX_SHEET_BYTES,
  authorRate: { perSecond: 20, burst: 200 },
}

/** For who has missed it. */
export const jobProtocol: ProtocolDefinition<{ job: number }, Announcement> = {
  name: 'job',
  version: 1,
  request: z.strictObject({ job: jobNumber }),
  response: announcement,
  maxRequestBytes: 128,
  maxResponseBytes: 2 * MAX_SHEET_BYTES,
  timeoutMs: 10_000,
  rate: { perSecond: 20, burst: 100 },
  concurrency: 32,
}
