import type { SwarmDuty } from './duties.ts'
import type { SwarmMetrics } from './metrics.ts'

/** What a participant tells of itself as it happens. */
export type ParticipantEvent =
  /** A duty is about to be sent, or begun. */
  | { readonly event: 'doing'; readonly duty: SwarmDuty }
  | { readonly event: 'did'; readonly duty: SwarmDuty }
  | { readonly event: 'refused'; readonly duty: SwarmDuty; readonly why: string }
  /** The model is at work on something, beside the turns. */
  | {
      readonly event: 'computing'
      readonly what: 'open' | 'answer' | 'judge' | 'learn'
      readonly round: number
    }
  | { readonly event: 'failed'; readonly what: string; readonly why: string }
  /** Safe on the disk: the answers of a round, and the model after it. */
  | { readonly event: 'saved'; readonly what: 'answers' | 'model'; readonly round: number }
  | ({ readonly event: 'metrics' } & SwarmMetrics)
