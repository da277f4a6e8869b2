import type { Result } from '@lockstep/tensor'
import type { ZodType } from 'zod'
import type { PeerId } from './peer-key.ts'
import type { Rate } from './rate.ts'

/** A question and its answer, between two peers. */
export type ProtocolDefinition<Request, Response> = {
  readonly name: string
  readonly version: number
  readonly request: ZodType<Request>
  readonly response: ZodType<Response>
  readonly maxRequestBytes: number
  readonly maxResponseBytes: number
  /** From opening the stream to the whole answer, on either side. */
  readonly timeoutMs: number
  /** Requests that one peer may make of us. */
  readonly rate: Rate
  /** Requests of all peers that we answer at a time; more are refused as busy. */
  readonly concurrency: number
}

export type Protocol<Request, Response> = {
  /** A fault that the handler returns reaches the asker as it is; one that it throws, as `handler-failed` with no detail. */
  serve(handler: (request: Request, from: PeerId) => Promise<Result<Response>> | Result<Response>): void
  /** Faults: those of the other side's handler, and peer-unreachable, protocol-unsupported, timeout, stream-ended, message-malformed, frame-oversize, rate-limited, busy. */
  request(peer: PeerId, message: Request, signal?: AbortSignal): Promise<Result<Response>>
}
