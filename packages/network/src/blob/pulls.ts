import { FaultError, type Result } from '@lockstep/tensor'
import type { Channel } from '../channel.ts'
import type { PeerId } from '../peer-key.ts'
import { type BlobId, blobLength } from './blob-id.ts'
import type { BlobStore } from './blob-store.ts'
import type { FetchProgress, FetchReport } from './fetch-blob.ts'
import { type JobReason, MAX_RESPONSE_BYTES, type OfferResponse } from './transfer-message.ts'

/** A blob that a peer asks us to store. */
export type Offer = { readonly id: BlobId; readonly reason: JobReason; readonly from: PeerId }

/** Why we store it: the blob is pinned for this reason. A fault says why not, and the peer that offers is told so. */
export type Accept = (offer: Offer) => Promise<Result<string>>

export type PullLimits = {
  /** The longest blob that is taken at all. */
  readonly maxBytes: number
  /** Blobs that are pulled at a time, and offers that are being decided or wait for it; of one peer. */
  readonly atOnce: number
  readonly waiting: number
  readonly waitingPerPeer: number
  /** How long the decision and how long the whole transfer may take. */
  readonly acceptMs: number
  readonly pullMs: number
}

export const defaultPullLimits: PullLimits = {
  maxBytes: 2 ** 32,
  atOnce: 4,
  waiting: 64,
  waitingPerPeer: 8,
  acceptMs: 10_000,
  pullMs: 4 * 3_600_000,
}

/** How often the other side hears that we go on. */
const TELL_MS = 3_000

export type Pulls = {
  /** Answers an offer; false when the stream is of no use any more. */
  answer(channel: Channel, id: BlobId, reason: JobReason): Promise<boolean>
  stop(): void
}

export type Pull = (
  id: BlobId,
  from: PeerId,
  signal: AbortSignal,
  progress: (progress: FetchProgress) => void,
) => Promise<Result<FetchReport>>

/** Takes blobs that others offer, where `accept` agrees: it knows which jobs bind which blobs. */
export const createPulls = (
  store: BlobStore,
  pull: Pull,
  accept: Accept | null,
  limits: PullLimits,
): Pulls => {
  const stop = new AbortController()
  const waiting = new Map<Channel, PeerId>()
  let running = 0

  const decide = async (offer: Offer): Promise<Result<string> | null> => {
    if (accept === null) return null
    const late = Promise.withResolvers<null>()
    const timer = setTimeout(() => late.resolve(null), limits.acceptMs)
    const decided = await Promise.race([accept(offer), late.promise])
    clearTimeout(timer)
    return decided
  }

  const take = async (
    offer: Offer,
    tell: (response: OfferResponse) => Promise<boolean>,
  ): Promise<boolean> => {
    const { id, from } = offer
    const no = (state: OfferResponse['state'], why: string): Promise<boolean> =>
      tell({ state, held: store.stat(id)?.held ?? 0, why: why.slice(0, 500) })
    if (blobLength(id) > limits.maxBytes)
      return no('refused', `${blobLength(id)} bytes; allowed: ${limits.maxBytes}`)
    const pin = await decide(offer)
    if (pin === null) return no(accept === null ? 'refused' : 'busy', 'no decision')
    if (!pin.ok) return no('refused', `${pin.fault.field}: ${pin.fault.value}`)
    if (running >= limits.atOnce) return no('busy', `${running} transfers are under way`)
    const pinned = store.stat(id)?.pins.includes(pin.value) ?? false
    try {
      store.pin(id, pin.value)
    } catch (error) {
      if (!(error instanceof FaultError)) throw error
      return no('failed', `${error.fault.code}: ${error.fault.value}`)
    }
    running++
    const gone = new AbortController()
    const signal = AbortSignal.any([gone.signal, stop.signal, AbortSignal.timeout(limits.pullMs)])
    const timer = setInterval(() => {
      tell({ state: 'pulling', held: store.stat(id)?.held ?? 0 }).then(
        (heard) => heard || gone.abort(),
        () => gone.abort(),
      )
    }, TELL_MS)
    try {
      const report = store.has(id) ? null : await pull(id, from, signal, () => undefined)
      clearInterval(timer)
      if (report === null || report.ok)
        return await tell({ state: 'stored', held: store.stat(id)?.held ?? 0 })
      if (!pinned) store.unpin(id, pin.value)
      return await no('failed', `${report.fault.code}: ${report.fault.value}`)
    } finally {
      clearInterval(timer)
      running--
    }
  }

  return {
    async answer(channel, id, reason) {
      const tell = async (response: OfferResponse): Promise<boolean> =>
        (await channel.writeMessage(response, MAX_RESPONSE_BYTES)).ok
      const ofPeer = [...waiting.values()].filter((peer) => peer === channel.peer).length
      if (stop.signal.aborted || waiting.size >= limits.waiting || ofPeer >= limits.waitingPerPeer)
        return tell({ state: 'busy', held: 0, why: 'too many offers at once' })
      waiting.set(channel, channel.peer)
      try {
        return await take({ id, reason, from: channel.peer }, tell)
      } finally {
        waiting.delete(channel)
      }
    },
    stop: () => stop.abort(),
  }
}
