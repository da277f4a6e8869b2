import type { Stream } from '@libp2p/interface'
import { ok, type Result } from '@lockstep/tensor'
import type { ZodType } from 'zod'
import { decodeMessage, encodeMessage } from './message.ts'
import { fault, reasonOf } from './network-fault.ts'
import type { PeerId } from './peer-key.ts'
import type { Rate } from './rate.ts'
import type { Misconduct } from './standing.ts'

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
  /** Bytes that we hold for our reader before we ask the other side to wait; 256 KiB where nothing is said. */
  readonly holdBytes?: number
}

/**
 * One stream, both ways. Whatever the other side does is a fault, not an exception: a peer that was killed looks like
 * a clean end to the transport, so every read says how much it wants and `stream-ended` says that less came.
 *
 * `write` settles when the other side has room for more: a slow reader slows its writer and costs it no memory.
 */
export type Channel = {
  readonly peer: PeerId
  /** Exactly `length` bytes, copied to the start of `into` where it is given. Faults: stream-ended, stream-idle, stream-aborted. */
  read(length: number, into?: Uint8Array): Promise<Result<Uint8Array>>
  /** True when the other side has closed its end and everything was read. Waits for one or the other. */
  ended(): Promise<Result<boolean>>
  /** Settles when the other side has room for more. Where it is well, `bytes` have left and may be overwritten. */
  write(bytes: Uint8Array): Promise<Result<void>>
  /** A length (4 bytes, big-endian) and as many bytes of JSON that fits the schema. Faults also: frame-oversize, message-malformed. */
  readMessage<T>(schema: ZodType<T>, maxBytes: number): Promise<Result<T>>
  writeMessage(message: unknown, maxBytes: number): Promise<Result<void>>
  /** Ends our side after all that was written has left; the other side can still write. */
  close(): Promise<void>
  /** Ends both sides at once. Harmless on a stream that has ended. */
  abort(reason: string): void
  /** No more of this stream: ends our side and gives the other a moment to end its own. Who opened a stream does this, or aborts it. */
  finish(): Promise<void>
}

/** The stream is closed for both sides when the handler's promise settles; a handler that throws aborts it. */
export type ChannelHandler = (channel: Channel) => Promise<void>

const HOLD_BYTES = 256 << 10
/** Written in pieces, so that no more than one of them waits for a slow reader on top of the transport's own window. */
const PIECE = 256 << 10
const LENGTH_BYTES = 4
/** How long the other side may take to close its end after we have closed ours. */
const GRACE_MS = 5_000

export type Blame = (misconduct: Misconduct, detail: string) => void

/**
 * The transport's own iterator reads into an unbounded queue, and its `onDrain` settles at once from the second time on.
 * So this reads by events with pause and resume, and waits for `drain` events itself.
 */
export const createChannel = (
  stream: Stream,
  peer: PeerId,
  idleMs: number,
  blame: Blame,
  holdBytes: number = HOLD_BYTES,
): Channel => {
  const chunks: Uint8Array[] = []
  let held = 0
  let wanted = 0
  let ended = false
  let broken: Result<never> | undefined
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const resolve of waiting) resolve()
    waiting.clear()
  }

  const full = (): boolean => held >= Math.max(holdBytes, wanted)
  let resuming = false
  const flow = (): void => {
    // `resume` gives us what had come, and only then asks for more: a pause from within it would be lost, and the
    // transport would take bytes until its buffer is full and reset the stream. So we look again when it is done.
    if (resuming) return
    try {
      if (!full() && stream.readStatus === 'paused') {
        resuming = true
        try {
          stream.resume()
        } finally {
          resuming = false
        }
      }
      if (full() && stream.readStatus === 'readable') stream.pause()
    } catch (error) {
      breakOff('stream-aborted', reasonOf(error))
    }
  }
  const breakOff = (code: string, why: string): void => {
    broken ??= fault(
      code,
      `stream ${stream.protocol} with ${peer}`,
      why,
      'a stream that both ends close',
      'Try again, or ask another peer.',
    )
    wake()
  }

  stream.addEventListener('message', ({ data }) => {
    // A list is taken apart, not joined: joining copies.
    if (data instanceof Uint8Array) chunks.push(data)
    else chunks.push(...data)
    held += data.byteLength
    flow()
    wake()
  })
  stream.addEventListener('end', () => {
    ended = true
    wake()
  })
  stream.addEventListener('drain', wake)
  stream.addEventListener('close', (event) => {
    if (event.error !== undefined) breakOff('stream-aborted', reasonOf(event.error))
    // Bytes that arrived while we were paused are still to be read; `end` follows them.
    if (stream.readBufferLength === 0) ended = true
    wake()
  })

  /** Waits until something happens on the stream. False: nothing did for too long, and the stream is broken off. */
  const moved = async (): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>()
    waiting.add(resolve)
    const timer = setTimeout(() => {
      breakOff('stream-idle', `nothing for ${idleMs} ms`)
      blame('stalled', `nothing for ${idleMs} ms on ${stream.protocol}`)
      stream.abort(new Error('idle'))
    }, idleMs)
    await promise
    clearTimeout(timer)
  }

  const take = (length: number, into?: Uint8Array): Uint8Array => {
    const first = chunks[0]
    held -= length
    if (into === undefined && first !== undefined && first.length > length) {
      chunks[0] = first.subarray(length)
      return first.subarray(0, length)
    }
    const bytes = into?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length)
    for (let at = 0; at < length; ) {
      const chunk = chunks[0]!
      const part = chunk.subarray(0, length - at)
      bytes.set(part, at)
      at += part.length
      if (part.length === chunk.length) chunks.shift()
      else chunks[0] = chunk.subarray(part.length)
    }
    return bytes
  }

  const read = async (length: number, into?: Uint8Array): Promise<Result<Uint8Array>> => {
    wanted = length
    while (held < length) {
      if (broken !== undefined) return broken
      if (ended) {
        if (held > 0) blame('stalled', `stopped in the middle on ${stream.protocol}`)
        return fault(
          'stream-ended',
          `stream ${stream.protocol} with ${peer}`,
          `${held} bytes`,
          `${length} bytes`,
          'The other side stopped in the middle; ask again, or another peer.',
        )
      }
      flow()
      // That may have given us all that we wait for, at once: nobody would wake us for it.
      if (held < length && !ended && broken === undefined) await moved()
    }
    wanted = 0
    const bytes = take(length, into)
    flow()
    return ok(bytes)
  }

  let writes: Promise<unknown> = Promise.resolve()
  const writeNow = async (bytes: Uint8Array): Promise<Result<void>> => {
    for (let at = 0; at < bytes.length; at += PIECE) {
      if (broken !== undefined) return broken
      try {
        stream.send(bytes.subarray(at, at + PIECE))
      } catch (error) {
        breakOff('stream-aborted', reasonOf(error))
      }
      while (broken === undefined && stream.writableNeedsDrain) {
        if (stream.writeStatus === 'closed') breakOff('stream-aborted', 'closed by the other side')
        else await moved()
      }
    }
    return broken ?? ok(undefined)
  }

  const channel: Channel = {
    peer,
    read,
    async ended() {
      while (held === 0 && !ended) {
        if (broken !== undefined) return broken
        await moved()
      }
      return ok(held === 0)
    },
    write(bytes) {
      const done = writes.then(() => writeNow(bytes))
      writes = done
      return done
    },
    async readMessage(schema, maxBytes) {
      const prefix = await read(LENGTH_BYTES)
      if (!prefix.ok) return prefix
      const length = new DataView(prefix.value.buffer, prefix.value.byteOffset).getUint32(0)
      if (length > maxBytes) {
        blame('oversize', `a frame of ${length} bytes on ${stream.protocol}; allowed: ${maxBytes}`)
        channel.abort('frame too long')
        return fault(
          'frame-oversize',
          'frame',
          `${length} bytes`,
          `${maxBytes} bytes`,
          'The other side must send less at a time.',
        )
      }
      const bytes = await read(length)
      if (!bytes.ok) return bytes
      const message = decodeMessage(bytes.value, schema)
      if (!message.ok)
        blame('malformed', `${message.fault.field}: ${message.fault.value} on ${stream.protocol}`)
      return message
    },
    async writeMessage(message, maxBytes) {
      const bytes = encodeMessage(message, maxBytes)
      if (!bytes.ok) return bytes
      const frame = new Uint8Array(LENGTH_BYTES + bytes.value.length)
      new DataView(frame.buffer).setUint32(0, bytes.value.length)
      frame.set(bytes.value, LENGTH_BYTES)
      return channel.write(frame)
    },
    async close() {
      await writes
      try {
        await stream.close({ signal: AbortSignal.timeout(idleMs) })
      } catch (error) {
        channel.abort(reasonOf(error))
      }
    },
    abort(reason) {
      breakOff('stream-aborted', reason)
      stream.abort(new Error(reason))
    },
    async finish() {
      await channel.close()
      if (stream.remoteWriteStatus !== 'closed')
        setTimeout(() => channel.abort('the other side did not close its end'), GRACE_MS).unref()
    },
  }
  return channel
}
