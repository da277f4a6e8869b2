import type { Rate } from './rate.ts'

/** Bounds on what others can make a peer hold or do. */
export type PeerLimits = {
  /** Peers below which it looks for more. */
  readonly fewPeers: number
  /** Connections above which new ones are refused. */
  readonly maxConnections: number
  /** New inbound connections a second from one host. High enough for many peers on one machine. */
  readonly inboundPerHost: number
  /** Streams that others have open with us, all kinds and peers together. */
  readonly maxStreams: number
  /** How long the first ban of a peer lasts; each further one twice as long. */
  readonly banMs: number
  /** In which time half of a peer's misconduct is forgotten. */
  readonly standingHalfLifeMs: number
  /** How long a new connection has to say hello. */
  readonly helloMs: number
  /** How long a dial may take. */
  readonly dialMs: number
  /** Between pings of a peer; three that fail in a row end the connection, one does not. */
  readonly pingMs: number
  /** Messages that wait for a slow subscriber of a topic. */
  readonly topicQueue: number
  /** How old or how far ahead of our clock a topic's message may be. */
  readonly replayWindowMs: number
  /** The longest frame of gossip; the transport drops longer ones without a word, so topics may not allow them. */
  readonly gossipFrameBytes: number
  /** Gossip that one peer may hand us, and all peers together: frames and the messages in them; bytes. */
  readonly gossipRate: Rate
  readonly gossipByteRate: Rate
  /** Gossip that waits for a peer that does not read; above it the peer is dropped. */
  readonly gossipBacklogBytes: number
  /** For relays: nodes whose connections it carries, and how much and how long each of those connections may carry. */
  readonly relayReservations: number
  readonly relayBytes: number
  readonly relayMs: number
}

export const defaultLimits: PeerLimits = {
  fewPeers: 12,
  maxConnections: 256,
  inboundPerHost: 500,
  maxStreams: 4096,
  banMs: 10 * 60_000,
  standingHalfLifeMs: 10 * 60_000,
  helloMs: 15_000,
  dialMs: 15_000,
  pingMs: 20_000,
  topicQueue: 1024,
  replayWindowMs: 60_000,
  gossipFrameBytes: 1 << 20,
  gossipRate: { perSecond: 100, burst: 500 },
  gossipByteRate: { perSecond: 2 << 20, burst: 8 << 20 },
  gossipBacklogBytes: 4 << 20,
  relayReservations: 256,
  relayBytes: 2 ** 30,
  relayMs: 60 * 60_000,
}
