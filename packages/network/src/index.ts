/**
 * @lockstep/network: peers that find each other and exchange messages and bytes, over libp2p.
 *
 * A peer belongs to one network (chain, market, version) and refuses others. On top of it stand **topics** (everyone
 * hears), **protocols** (a question and its answer) and **channels** (bytes both ways, back-pressure included).
 * Messages are JSON that fits a zod schema. All that others do is bounded by sizes, rates, time and counts; what they do
 * wrong costs them standing, and comes back to us as a fault (a value), never as an exception.
 */
export * from './blob/index.ts'
export type { Channel, ChannelHandler, StreamDefinition } from './channel.ts'
export type { Clock } from './clock.ts'
export { createPeer } from './create-peer.ts'
export { defaultLimits, type PeerLimits } from './limits.ts'
export { type Log, silent } from './log.ts'
export { type NetworkId, networkTag } from './network-id.ts'
export type { Peer, PeerOptions, PeerStats, PeerStatus } from './peer.ts'
export { newPeerKey, type PeerId, peerIdOf } from './peer-key.ts'
export type { Protocol, ProtocolDefinition } from './protocol.ts'
export type { Rate } from './rate.ts'
export { MISCONDUCT, type Misconduct } from './standing.ts'
export type { Topic, TopicDefinition, TopicMessage, Verdict } from './topic.ts'
