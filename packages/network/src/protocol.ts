import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import { type ZodType, z } from 'zod'
import type { Channel, StreamDefinition } from './channel.ts'
import type { Log } from './log.ts'
import { fault, reasonOf } from './network-fault.ts'
import type { PeerId } from './peer-key.ts'
import type { Rate } from './rate.ts'
import type { Misconduct } from './standing.ts'
import type { Refusal, Streams } from './streams.ts'

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

/** Streams of one protocol that two peers have open with each other; more requests wait their turn. */
const STREAMS_PER_PEER = 32
/** The answer's frame around the response. */
const ANSWER_BYTES = 1024

const faultText = z.union([z.string().max(300), z.number()])
const faultSchema: ZodType<Fault> = z.strictObject({
  code: z.string().regex(/^[a-z0-9-]{1,40}$/),
  field: z.string().max(300),
  value: faultText,
  limit: faultText,
  remedy: z.string().max(300),
})
const answerSchema = <T>(response: ZodType<T>): ZodType<{ value: T } | { fault: Fault }> =>
  z.union([z.strictObject({ value: response }), z.strictObject({ fault: faultSchema })]) as ZodType<
    { value: T } | { fault: Fault }
  >

const clipped = (f: Fault): Fault => {
  const clip = <V extends string | number>(v: V): V => (typeof v === 'string' ? (v.slice(0, 150) as V) : v)
  return {
    code: f.code,
    field: clip(f.field),
    value: clip(f.value),
    limit: clip(f.limit),
    remedy: clip(f.remedy),
  }
}

/** Requests and answers are one frame each, on a stream of their own that both sides close. */
export const createProtocol = <Request, Response>(
  definition: ProtocolDefinition<Request, Response>,
  streams: Streams,
  log: Log,
  penalise: (peer: PeerId, misconduct: Misconduct, detail: string) => void,
): Protocol<Request, Response> => {
  const { name, timeoutMs, maxRequestBytes } = definition
  const maxAnswerBytes = definition.maxResponseBytes + ANSWER_BYTES
  const answers = answerSchema(definition.response)
  const stream: StreamDefinition = {
    name,
    version: definition.version,
    streamsPerPeer: STREAMS_PER_PEER,
    rate: definition.rate,
    idleMs: timeoutMs,
  }
  let serving = 0

  const refuse = async (channel: Channel, { code, retryMs }: Refusal): Promise<void> => {
    const limit =
      code === 'busy' ? `${definition.concurrency} at a time` : `${definition.rate.perSecond} a second`
    const refusal: Fault = {
      code,
      field: `request ${name}`,
      value: 'one more',
      limit,
      remedy: `Ask again in ${retryMs} ms.`,
    }
    await channel.writeMessage({ fault: refusal }, maxAnswerBytes)
  }

  return {
    serve(handler) {
      streams.handle(
        stream,
        async (channel) => {
          if (serving >= definition.concurrency) return refuse(channel, { code: 'busy', retryMs: 1000 })
          serving++
          const timer = setTimeout(() => channel.abort('timeout'), timeoutMs)
          try {
            const request = await channel.readMessage(definition.request, maxRequestBytes)
            const answer = request.ok ? await handler(request.value, channel.peer) : request
            const written = await channel.writeMessage(
              answer.ok ? { value: answer.value } : { fault: clipped(answer.fault) },
              maxAnswerBytes,
            )
            if (!written.ok && written.fault.code === 'message-oversize')
              throw new Error(
                `the answer is ${written.fault.value}; ${name} allows ${definition.maxResponseBytes}`,
              )
          } catch (error) {
            log.warn({ err: error, protocol: name, peer: channel.peer }, 'a request handler failed')
            const failed: Fault = {
              code: 'handler-failed',
              field: `request ${name}`,
              value: 'no answer',
              limit: 'an answer',
              remedy: 'Ask another peer.',
            }
            await channel.writeMessage({ fault: failed }, maxAnswerBytes)
          } finally {
            clearTimeout(timer)
            serving--
          }
        },
        refuse,
      )
    },

    async request(peer, message, signal) {
      const timeout = AbortSignal.timeout(timeoutMs)
      const limit = signal === undefined ? timeout : AbortSignal.any([timeout, signal])
      const late = (): Result<never> =>
        fault(
          timeout.aborted ? 'timeout' : 'cancelled',
          `request ${name} to ${peer}`,
          'no answer',
          `${timeoutMs} ms`,
          'Ask again, or another peer.',
        )
      const opened = await streams.open(peer, stream, limit)
      if (!opened.ok) return limit.aborted ? late() : opened
      const channel = opened.value
      try {
        const sent = await channel.writeMessage(message, maxRequestBytes)
        // A refusal may come before all of the request was written: it is still to be read.
        if (!sent.ok && sent.fault.code === 'message-oversize') {
          channel.abort('nothing to send')
          return sent
        }
        const answer = await channel.readMessage(answers, maxAnswerBytes)
        if (!answer.ok) {
          if (timeout.aborted) penalise(peer, 'stalled', `no answer to ${name} in ${timeoutMs} ms`)
          return limit.aborted ? late() : answer
        }
        return 'value' in answer.value ? ok(answer.value.value) : fail(answer.value.fault)
      } catch (error) {
        channel.abort(reasonOf(error))
        throw error
      } finally {
        void channel.finish()
      }
    },
  }
}
