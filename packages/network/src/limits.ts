/** Bounds on what others can make a peer hold or do. All are per process of the peer. */
export type PeerLimits = {
  /** Peers below which it looks for more. */
  readonly fewPeers: number
  /** Connections above which new ones are refused. */
  readonly maxConnections: number
  /** New inbound connections a second from one host. High enough for many peers on one machine. */
  readonly inboundPerHost: number
  /** How long a banned peer stays banned. */
  readonly banMs: number
  /** Messages that wait for a subscriber of a topic. */
  readonly topicQueue: number
  /** How old or how far ahead of our clock a topic's message may be. */
  readonly replayWindowMs: number
}

export const defaultLimits: PeerLimits = {
  fewPeers: 12,
  maxConnections: 256,
  inboundPerHost: 500,
  banMs: 10 * 60_000,
  topicQueue: 1024,
  replayWindowMs: 2 * 60_000,
}
