import type { PeerId as Libp2pPeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Ping } from '@libp2p/ping'
import type { PeerId } from './peer-key.ts'

/**
 * Pings peers, because a machine that was switched off closes nothing. One ping that fails is no death: a busy peer
 * answers late; three in a row are. A peer that gossip cannot reach any more in two rounds is dropped too, so that the
 * next connection starts afresh.
 */
export type Watch = {
  roundTripMs(peer: PeerId): number | null
  stop(): void
}

const FAILURES = 3
const DEAF_ROUNDS = 2

export const createWatch = (
  ping: Ping,
  everyMs: number,
  greeted: () => PeerId[],
  deaf: () => PeerId[],
  drop: (peer: PeerId, why: string) => void,
): Watch => {
  const seen = new Map<PeerId, { failures: number; deaf: number; ms: number | null }>()
  const pingOne = async (peer: PeerId, id: Libp2pPeerId): Promise<void> => {
    const state = seen.get(peer)!
    try {
      state.ms = await ping.ping(id, { signal: AbortSignal.timeout(everyMs) })
      state.failures = 0
    } catch (error) {
      // It answered, if only that it does not know pings.
      if (error instanceof Error && error.name === 'UnsupportedProtocolError') state.failures = 0
      else if (++state.failures >= FAILURES) drop(peer, `${FAILURES} pings failed`)
    }
  }
  const timer = setInterval(() => {
    const peers = new Set(greeted())
    for (const peer of seen.keys()) if (!peers.has(peer)) seen.delete(peer)
    const cannotHear = new Set(deaf())
    for (const peer of peers) {
      const state = seen.get(peer) ?? { failures: 0, deaf: 0, ms: null }
      seen.set(peer, state)
      state.deaf = cannotHear.has(peer) ? state.deaf + 1 : 0
      if (state.deaf >= DEAF_ROUNDS) drop(peer, 'it did not read its gossip')
      else void pingOne(peer, peerIdFromString(peer))
    }
  }, everyMs)
  return {
    roundTripMs: (peer) => seen.get(peer)?.ms ?? null,
    stop: () => clearInterval(timer),
  }
}
