import { randomInt } from 'node:crypto'
import type { Libp2p } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import type { Clock } from './clock.ts'
import { recordsOf, shuffled, takeRecord } from './exchange.ts'
import type { PeerLimits } from './limits.ts'
import type { Log } from './log.ts'
import type { PeerId } from './peer-key.ts'
import type { Protocol } from './protocol.ts'
import type { Standing } from './standing.ts'

/**
 * Keeps a peer in company: while it has few peers it dials the bootstrap addresses, asks a peer that it has for peers
 * that it knows, and dials some of them.
 */
export type Discovery = {
  /** A peer whose addresses are in the address book, and which may be dialled some time. */
  know(peer: PeerId): void
  /** The last connection has gone: of a peer that is not known, nothing is kept. */
  left(peer: PeerId): void
  start(): void
  stop(): void
}

const KNOWN = 512
const DIALS_A_ROUND = 4
const FIRST_ROUNDS = 10
const FIRST_MS = 500
const ROUND_MS = 5_000
const BACKOFF_MS = 1_000
const MAX_BACKOFF_MS = 5 * 60_000

export type DiscoveryNeeds = {
  readonly libp2p: Libp2p
  readonly limits: PeerLimits
  readonly clock: Clock
  readonly log: Log
  readonly standing: Standing
  readonly bootstrap: readonly Multiaddr[]
  /** Listens through relays: then a bootstrap relay is kept connected even in company. */
  readonly throughRelay: boolean
  readonly exchange: Protocol<Record<string, never>, Awaited<ReturnType<typeof recordsOf>>>
  readonly greeted: () => PeerId[]
  readonly dial: (target: Multiaddr | PeerId) => Promise<boolean>
}

export const createDiscovery = (needs: DiscoveryNeeds): Discovery => {
  const { libp2p, limits, clock, log, standing, exchange, greeted, dial } = needs
  const self = libp2p.peerId.toString()
  const tries = new Map<string, { failures: number; nextAt: number }>()
  const known = new Set<PeerId>()
  let timer: NodeJS.Timeout | undefined
  let rounds = 0
  let stopped = false

  const due = (key: string): boolean => clock() >= (tries.get(key)?.nextAt ?? 0)
  const attempt = async (key: string, target: Multiaddr | PeerId): Promise<void> => {
    const { failures } = tries.get(key) ?? { failures: 0 }
    const wait = Math.min(BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS)
    // Spread, so that those who lost a relay together do not come back together.
    tries.set(key, { failures: failures + 1, nextAt: clock() + wait / 2 + randomInt(wait) })
    if (await dial(target)) tries.delete(key)
  }
  const forget = (peer: PeerId): void => {
    known.delete(peer)
    tries.delete(peer)
    if (libp2p.getConnections(peerIdFromString(peer)).length === 0)
      libp2p.peerStore.delete(peerIdFromString(peer)).catch(() => {})
  }
  const know = (peer: PeerId): void => {
    if (peer === self) return
    known.delete(peer)
    known.add(peer)
    if (known.size > KNOWN) forget(known.values().next().value!)
  }

  const round = async (): Promise<void> => {
    const peers = greeted()
    const here = new Set(peers)
    const few = peers.length < limits.fewPeers
    const stranded =
      needs.throughRelay && !libp2p.getMultiaddrs().some((a) => a.toString().includes('/p2p-circuit'))
    const work: Promise<void>[] = []
    for (const address of needs.bootstrap) {
      const id = idIn(address)
      if ((few || stranded) && id !== self && !(id !== undefined && here.has(id)) && due(address.toString()))
        work.push(attempt(address.toString(), address))
    }
    if (few && peers.length > 0) {
      const asked = peers[randomInt(peers.length)]!
      const answer = await exchange.request(asked, {})
      for (const record of answer.ok ? answer.value : []) {
        if (record.id === self || here.has(record.id)) continue
        if (await takeRecord(libp2p, record)) know(record.id)
        else standing.penalise(asked, 'malformed', `a peer record that ${record.id} has not signed`)
      }
    }
    if (few) {
      const strangers = shuffled([...known].filter((p) => !here.has(p) && !standing.banned(p) && due(p)))
      for (const peer of strangers.slice(0, DIALS_A_ROUND)) work.push(attempt(peer, peer))
    }
    await Promise.all(work)
  }

  const look = async (): Promise<void> => {
    try {
      await round()
    } catch (error) {
      log.warn({ err: error }, 'looking for peers failed')
    }
    next()
  }
  const next = (): void => {
    if (stopped) return
    const wait = rounds++ < FIRST_ROUNDS ? FIRST_MS : ROUND_MS
    timer = setTimeout(
      () => {
        round().then(next, (error: unknown) => {
          next()
          throw error
        })
      },
      wait / 2 + randomInt(wait),
    )
  }

  return {
    know,
    left(peer) {
      if (!known.has(peer)) forget(peer)
    },
    start() {
      exchange.serve(async (_, from) => ({
        ok: true,
        value: await recordsOf(
          libp2p,
          greeted().filter((p) => p !== from),
        ),
      }))
      void look()
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

export const idIn = (address: Multiaddr): PeerId | undefined =>
  address.getComponents().findLast((c) => c.code === CODE_P2P)?.value

export const parseAddress = (text: string): Multiaddr | undefined => {
  try {
    return multiaddr(text)
  } catch {
    return undefined
  }
}
