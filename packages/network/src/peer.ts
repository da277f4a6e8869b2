import type { Result } from '@lockstep/tensor'
import type { Channel, ChannelHandler, StreamDefinition } from './channel.ts'
import type { Clock } from './clock.ts'
import type { PeerLimits } from './limits.ts'
import type { Log } from './log.ts'
import type { NetworkId } from './network-id.ts'
import type { PeerId } from './peer-key.ts'
import type { Protocol, ProtocolDefinition } from './protocol.ts'
import type { Misconduct } from './standing.ts'
import type { Topic, TopicDefinition } from './topic.ts'

export type PeerOptions = {
  /** From newPeerKey; the caller keeps it. */
  readonly key: Uint8Array
  readonly network: NetworkId
  /**
   * Multiaddrs to listen on: TCP `/ip4/0.0.0.0/tcp/4401`, WebSocket `/ip4/0.0.0.0/tcp/4402/ws`, and for a node that
   * cannot be dialled `/p2p-circuit` (any relay that it meets) or `RELAY_ADDRESS/p2p-circuit` (that relay).
   */
  readonly listen: readonly string[]
  /** Addresses to give to others instead of those it finds out: for a node behind a name or a forwarded port. */
  readonly announce?: readonly string[]
  /** Addresses, with /p2p/ID, of peers to begin with; redialled while there are too few peers. */
  readonly bootstrap: readonly string[]
  /** Carries connections to nodes that cannot be dialled. */
  readonly relay?: boolean
  /** Looks for peers on the local network by multicast. Off by default. */
  readonly mdns?: boolean
  readonly clock: Clock
  readonly log: Log
  readonly limits?: Partial<PeerLimits>
}

export type PeerStatus = {
  readonly id: PeerId
  readonly addresses: readonly string[]
  /** 0 for a stranger, negative after misconduct; decays towards 0. */
  readonly standing: number
  /** `relayed`: through a relay only. */
  readonly connection: 'direct' | 'relayed'
  /** Of the newest ping, if there was one. */
  readonly roundTripMs: number | null
}

export type Counts = Readonly<Record<string, number>>

export type PeerStats = {
  readonly connections: number
  readonly peers: number
  readonly banned: number
  /** By name of topic: published, delivered, ignored, rejected, dropped (queue full). */
  readonly topics: Readonly<Record<string, Counts>>
  /** Gossip of all topics, as it crosses the wire: frames, messages and bytes, in and out. */
  readonly gossip: Counts
  /** By name of stream kind or protocol: opened, accepted, refused, open. */
  readonly streams: Readonly<Record<string, Counts>>
  /** By kind of misconduct, since the start. */
  readonly misconduct: Counts
}

/** One node of the network. Everything that others can do wrong is bounded, counted and comes back as a fault. */
export type Peer = {
  readonly id: PeerId
  readonly network: NetworkId
  /** Where others can dial this peer, each with /p2p/ID. Changes as relays and public addresses are found. */
  addresses(): string[]
  /** Connects, and says hello. Faults: address-malformed, peer-unreachable, wrong-network, peer-banned. */
  dial(address: string): Promise<Result<PeerId>>
  hangUp(peer: PeerId): Promise<void>
  /** Bytes both ways: what topics and protocols do not fit, such as blobs. Dials the peer if it is known. The opener finishes or aborts it. */
  openStream(peer: PeerId, definition: StreamDefinition, signal?: AbortSignal): Promise<Result<Channel>>
  handleStream(definition: StreamDefinition, handler: ChannelHandler): void
  topic<T>(definition: TopicDefinition<T>): Topic<T>
  protocol<Request, Response>(definition: ProtocolDefinition<Request, Response>): Protocol<Request, Response>
  /** Takes standing from a peer; below the limit it is dropped and banned for a time. The detail is logged. */
  penalise(peer: PeerId, misconduct: Misconduct, detail: string): void
  /** Connected peers that have said hello. */
  peers(): PeerStatus[]
  /** Called for each peer that has said hello, and again when its last connection has gone. Returns how to stop. */
  onPeer(listener: (peer: PeerId, connected: boolean) => void): () => void
  stats(): PeerStats
  stop(): Promise<void>
}
