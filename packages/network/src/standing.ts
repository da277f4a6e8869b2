import type { Clock } from './clock.ts'
import type { PeerLimits } from './limits.ts'
import type { Log } from './log.ts'
import type { PeerId } from './peer-key.ts'

/** What a peer can do wrong, and what it costs. A peer at -100 is dropped and banned for a time. */
export const MISCONDUCT = {
  /** Speaks for another chain or market. */
  'wrong-network': 100,
  /** Bytes that do not decode, or do not fit the schema. */
  malformed: 25,
  /** Longer than allowed. */
  oversize: 25,
  /** A validator rejected what it passed on. */
  rejected: 20,
  /** Served data that does not hash to what was asked for. */
  garbage: 50,
  /** More than the rate allows. */
  flood: 2,
  /** Sent again what is long past. */
  replay: 10,
  /** Stopped in the middle, or did not answer in time; little, because it may be the network's or our own fault. */
  stalled: 2,
} as const satisfies Record<string, number>

export type Misconduct = keyof typeof MISCONDUCT

export const BAN_STANDING = -100

/** The standing of peers: 0 for strangers, lower after misconduct, half of it forgotten every half-life. */
export type Standing = {
  of(peer: PeerId): number
  banned(peer: PeerId): boolean
  penalise(peer: PeerId, misconduct: Misconduct, detail: string): void
  bannedCount(): number
  readonly counts: Readonly<Record<Misconduct, number>>
}

/** A peer that comes back after a ban and goes on is banned twice as long each time, up to this many times. */
const MAX_DOUBLINGS = 6
/** Names that are kept; those penalised longest ago are forgotten first. */
const MAX_PEERS = 8192

type Entry = { value: number; at: number; bannedUntil: number; bans: number }

export const createStanding = (
  limits: Pick<PeerLimits, 'banMs' | 'standingHalfLifeMs'>,
  clock: Clock,
  log: Log,
  onBan: (peer: PeerId) => void,
): Standing => {
  const records = new Map<PeerId, Entry>()
  const counts = Object.fromEntries(Object.keys(MISCONDUCT).map((m) => [m, 0])) as Record<Misconduct, number>
  const decayed = (r: Entry): number =>
    r.value * 0.5 ** (Math.max(0, clock() - r.at) / limits.standingHalfLifeMs)
  const banned = (peer: PeerId): boolean => clock() < (records.get(peer)?.bannedUntil ?? 0)

  return {
    counts,
    banned,
    bannedCount: () => [...records.values()].filter((r) => clock() < r.bannedUntil).length,
    of(peer) {
      const record = records.get(peer)
      return record === undefined ? 0 : decayed(record)
    },
    penalise(peer, misconduct, detail) {
      counts[misconduct]++
      if (banned(peer)) return
      const record = records.get(peer) ?? { value: 0, at: 0, bannedUntil: 0, bans: 0 }
      record.value = decayed(record) - MISCONDUCT[misconduct]
      record.at = clock()
      records.delete(peer)
      records.set(peer, record)
      if (records.size > MAX_PEERS) records.delete(records.keys().next().value!)
      const standing = Math.round(record.value)
      if (standing > BAN_STANDING) {
        log.debug({ peer, misconduct, detail, standing }, 'a peer lost standing')
        return
      }
      const banMs = limits.banMs * 2 ** Math.min(record.bans, MAX_DOUBLINGS)
      record.bans++
      record.bannedUntil = clock() + banMs
      // After the ban it starts with half of what would ban it again.
      record.value = BAN_STANDING / 2
      record.at = record.bannedUntil
      log.warn({ peer, misconduct, detail, standing, banMs }, 'a peer was dropped and banned')
      onBan(peer)
    },
  }
}
