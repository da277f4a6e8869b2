import type { Result } from '@lockstep/tensor'
import type { ZodType } from 'zod'
import type { PeerId } from './peer-key.ts'
import type { Rate } from './rate.ts'

/** A kind of stream between two peers. The name becomes `/lockstep/NETWORK/NAME/VERSION` on the wire. */
export type StreamDefinition = {
  readonly name: string
  readonly version: number
  /** Streams of this kind that one peer may have open with us, each way. */
  readonly streamsPerPeer: number
  /** Streams that one peer may open with us. Above it they are refused, and the peer loses standing. */
  readonly rate: Rate
  /** A stream on which nothing moves for so long is aborted. */
  readonly idleMs: number
}

/**
 * One stream, both ways. Whatever the other side does is a fault, not an exception: a peer that was killed looks like
 * a clean end to the transport, so every read says how much it wants and `stream-ended` says that less came.
 *
 * `write` settles when the other side has room for more: a slow reader slows its writer and costs it no memory.
 */
export type Channel = {
  readonly peer: PeerId
  /** Exactly `length` bytes. Faults: stream-ended, stream-idle, stream-aborted. */
  read(length: number): Promise<Result<Uint8Array>>
  /** True when the other side has closed its end and everything was read. Waits for one or the other. */
  ended(): Promise<Result<boolean>>
  write(bytes: Uint8Array): Promise<Result<void>>
  /** A length (4 bytes, big-endian) and as many bytes of JSON that fits the schema. Faults also: frame-oversize, message-malformed. */
  readMessage<T>(schema: ZodType<T>, maxBytes: number): Promise<Result<T>>
  writeMessage(message: unknown, maxBytes: number): Promise<Result<void>>
  /** Ends our side after all that was written has left; the other side can still write. */
  close(): Promise<void>
  /** Ends both sides at once. Harmless on a stream that has ended. */
  abort(reason: string): void
}

/** The stream is closed for both sides when the handler's promise settles; a handler that throws aborts it. */
export type ChannelHandler = (channel: Channel) => Promise<void>
