import type { Result } from '@lockstep/tensor'
import type { ZodType } from 'zod'
import type { PeerId } from './peer-key.ts'
import type { Rate } from './rate.ts'

/**
 * What becomes of a message: `accept` delivers it and passes it on; `ignore` drops it silently, for what may be honest
 * (already known, too late, not ours to judge); `reject` drops it and costs whoever passed it on its standing, for
 * what no honest peer passes on.
 */
export type Verdict = 'accept' | 'ignore' | 'reject'

export type TopicMessage<T> = {
  readonly body: T
  /** Who signed it. */
  readonly author: PeerId
  /** Who handed it to us. */
  readonly source: PeerId
  /** When the author says it was sent, milliseconds since 1970; within the replay window of our clock. */
  readonly sentAt: number
}

/** Messages that everyone interested hears, signed by their author. */
export type TopicDefinition<T> = {
  readonly name: string
  readonly version: number
  readonly schema: ZodType<T>
  /** The longest message in bytes of JSON; a longer one is not published, and rejected when it comes in. */
  readonly maxBytes: number
  /** Messages that one author may send. More are ignored, and cost the author its standing when it hands them in itself. */
  readonly authorRate: Rate
  /** Judges a message that fits the schema. Without it all are accepted. */
  readonly validate?: (message: TopicMessage<T>) => Verdict | Promise<Verdict>
}

export type Topic<T> = {
  /** Resolves to how many peers it was handed to directly. Faults: message-malformed, message-oversize, rate-limited. */
  publish(body: T): Promise<Result<number>>
  /** Messages wait in a bounded queue for a slow handler; above it they are dropped and counted. Returns how to stop. */
  subscribe(handler: (message: TopicMessage<T>) => void | Promise<void>): () => void
  /** Peers we know to listen on this topic. */
  listeners(): PeerId[]
}
