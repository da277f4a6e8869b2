import { fail, ok, type Result } from '@lockstep/tensor'
import type { Channel } from '../channel.ts'
import type { Peer } from '../peer.ts'
import type { PeerId } from '../peer-key.ts'
import { DIGEST } from './blob-hash.ts'
import { type BlobId, CHUNK, chunkCount, chunkLength } from './blob-id.ts'
import { ChunkSet } from './chunk-set.ts'
import {
  BLOBS,
  digestsSchema,
  haveSchema,
  type JobReason,
  MAX_REQUEST_BYTES,
  MAX_RESPONSE_BYTES,
  type OfferResponse,
  offerSchema,
  type RunResponse,
  runSchema,
} from './transfer-message.ts'

/** What blobs need of a peer. */
export type BlobPeer = Pick<Peer, 'id' | 'openStream' | 'handleStream' | 'penalise'>

export type ChunkAnswer = { readonly chunk: number; readonly bytes: Uint8Array | null }

/** The asking end of a stream: what others answer is checked for form and time here, and for truth by who asked. */
export class Link {
  readonly peer: PeerId
  readonly #network: BlobPeer
  readonly #channel: Channel
  readonly #deadlineMs: number
  readonly #owed: { readonly id: BlobId; readonly chunk: number }[] = []
  #run: RunResponse = { chunk: 0, count: 0, bytes: null }
  #stalled = false
  #broken = false

  private constructor(network: BlobPeer, channel: Channel, deadlineMs: number) {
    this.peer = channel.peer
    this.#network = network
    this.#channel = channel
    this.#deadlineMs = deadlineMs
  }

  /** `deadlineMs`: the longest that any single answer may take. */
  static async open(
    network: BlobPeer,
    to: PeerId,
    deadlineMs: number,
    signal: AbortSignal,
  ): Promise<Result<Link>> {
    const channel = await network.openStream(to, BLOBS, signal)
    return channel.ok ? ok(new Link(network, channel.value, deadlineMs)) : channel
  }

  /** It was the deadline that ended this link. */
  get stalled(): boolean {
    return this.#stalled
  }

  /** Nothing is owed and nothing went wrong: it can serve someone else. */
  get reusable(): boolean {
    return !this.#broken && this.#owed.length === 0
  }

  /** The chunks that the other side holds. */
  async have(id: BlobId): Promise<Result<ChunkSet>> {
    const answer = await this.#question({ ask: 'have', id }, () =>
      this.#channel.readMessage(haveSchema, MAX_RESPONSE_BYTES),
    )
    if (!answer.ok) return answer
    const { held, bits } = answer.value
    if (held === 'none') return ok(new ChunkSet(chunkCount(id)))
    if (held === 'all') return ok(ChunkSet.full(chunkCount(id)))
    const set = ChunkSet.fromBits(chunkCount(id), Buffer.from(bits ?? '', 'base64'))
    return set === null ? this.#malformed('bitmap', `${bits?.length ?? 0} characters`) : ok(set)
  }

  /** The list of chunk digests, unverified; null where the other side has none. */
  async digests(id: BlobId): Promise<Result<Uint8Array | null>> {
    const answer = await this.#question({ ask: 'digests', id }, () =>
      this.#channel.readMessage(digestsSchema, MAX_RESPONSE_BYTES),
    )
    if (!answer.ok) return answer
    const { bytes } = answer.value
    if (bytes === null) return ok(null)
    if (bytes !== DIGEST * chunkCount(id)) return this.#malformed('length of the chunk digests', bytes)
    const digests = new Uint8Array(bytes)
    for (let at = 0; at < bytes; at += CHUNK) {
      const part = await this.#within(() => this.#channel.read(Math.min(CHUNK, bytes - at)))
      if (!part.ok) return part
      digests.set(part.value, at)
    }
    return ok(digests)
  }

  /** Asks for chunks; `next` gives them in this order. */
  async ask(id: BlobId, chunks: readonly number[]): Promise<Result<void>> {
    for (const chunk of chunks) this.#owed.push({ id, chunk })
    return this.#within(() => this.#channel.writeMessage({ ask: 'chunks', id, chunks }, MAX_REQUEST_BYTES))
  }

  /**
   * The next chunk that is owed, read into the start of `into`. Its bytes are as many as they should be, and unverified;
   * null: it is not there.
   */
  async next(into: Uint8Array): Promise<Result<ChunkAnswer>> {
    const owed = this.#owed[0]
    if (owed === undefined) throw new Error('Nothing was asked for.')
    return this.#within(async () => {
      if (this.#run.count === 0) {
        const answer = await this.#channel.readMessage(runSchema, MAX_RESPONSE_BYTES)
        if (!answer.ok) return answer
        const { chunk, count, bytes } = answer.value
        if (chunk !== owed.chunk) return this.#malformed('chunk', chunk)
        let length = 0
        for (let i = 0; i < count; i++) {
          const one = this.#owed[i]
          if (one?.id !== owed.id || one.chunk !== chunk + i) return this.#malformed('count', count)
          length += chunkLength(owed.id, one.chunk)
        }
        if (bytes !== null && bytes !== length) return this.#malformed('length', bytes)
        this.#run = answer.value
      }
      const { chunk, count, bytes } = this.#run
      const raw = bytes === null ? ok(null) : await this.#channel.read(chunkLength(owed.id, chunk), into)
      if (!raw.ok) return raw
      this.#owed.shift()
      this.#run = { chunk: chunk + 1, count: count - 1, bytes }
      return ok({ chunk, bytes: raw.value })
    })
  }

  /** Offers a blob and gives each answer to `heard`; the last one is returned. */
  async offer(
    id: BlobId,
    reason: JobReason,
    heard: (answer: OfferResponse) => void,
  ): Promise<Result<OfferResponse>> {
    const sent = await this.#channel.writeMessage({ ask: 'offer', id, reason }, MAX_REQUEST_BYTES)
    if (!sent.ok) return this.#failed(sent)
    for (;;) {
      const answer = await this.#within(() => this.#channel.readMessage(offerSchema, MAX_RESPONSE_BYTES))
      if (!answer.ok) return answer
      heard(answer.value)
      if (answer.value.state !== 'pulling') return answer
    }
  }

  /** Ends the stream in good order. */
  async close(): Promise<void> {
    this.#broken = true
    await this.#channel.finish()
  }

  /** Ends the stream at once; whoever waits for an answer gets a fault. */
  abort(why: string): void {
    this.#broken = true
    this.#channel.abort(why)
  }

  async #question<T>(question: object, answer: () => Promise<Result<T>>): Promise<Result<T>> {
    if (this.#owed.length > 0) throw new Error('Chunks are owed; their answers come first.')
    return this.#within(async () => {
      const sent = await this.#channel.writeMessage(question, MAX_REQUEST_BYTES)
      return sent.ok ? answer() : sent
    })
  }

  async #within<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
    const timer = setTimeout(() => {
      this.#stalled = true
      this.#network.penalise(this.peer, 'stalled', `no answer within ${this.#deadlineMs} ms`)
      this.abort('stalled')
    }, this.#deadlineMs)
    try {
      const result = await work()
      return result.ok ? result : this.#failed(result)
    } finally {
      clearTimeout(timer)
    }
  }

  #failed(result: Result<never>): Result<never> {
    this.#broken = true
    return result
  }

  #malformed(field: string, value: string | number): Result<never> {
    this.#network.penalise(this.peer, 'malformed', `${field} ${value} in an answer about a blob`)
    this.abort('malformed')
    return fail({
      code: 'message-malformed',
      field: `${field} from ${this.peer}`,
      value,
      limit: 'what was asked for',
      remedy: 'Ask another source.',
    })
  }
}
