import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { dcutr } from '@libp2p/dcutr'
import type { GossipSubComponents } from '@libp2p/gossipsub'
import { identify, identifyPush } from '@libp2p/identify'
import type { Connection, PeerId as Libp2pPeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { webSockets } from '@libp2p/websockets'
import { yamux } from '@libp2p/yamux'
import { ok, type Result } from '@lockstep/tensor'
import type { Multiaddr } from '@multiformats/multiaddr'
import { createLibp2p, type Libp2pOptions } from 'libp2p'
import type { Blame } from './channel.ts'
import { createDiscovery, idIn, parseAddress } from './discovery.ts'
import { encryption } from './encryption.ts'
import { EXCHANGE } from './exchange.ts'
import { createGossip } from './gossip.ts'
import { createGreeter, type Greeter } from './hello.ts'
import { defaultLimits, type PeerLimits } from './limits.ts'
import { fault, reasonOf } from './network-fault.ts'
import { networkTag } from './network-id.ts'
import type { Peer, PeerOptions } from './peer.ts'
import { decodePeerKey, type PeerId } from './peer-key.ts'
import { createProtocol } from './protocol.ts'
import { createStanding } from './standing.ts'
import { createStreams } from './streams.ts'
import { createWatch } from './watch.ts'

const MAX_BOOTSTRAP = 64
/** Above it a paused stream would be reset: a receive window must fit into the read buffer. */
const READ_BUFFER_BYTES = 4 << 20
const WINDOW_BYTES = 1 << 20
const CLOSE_MS = 1_000

/**
 * Starts a peer. Faults: peer-key-malformed, address-malformed, listen-failed. The peer finds others by itself from
 * then on; it owns sockets and timers until `stop`.
 */
export const createPeer = async (options: PeerOptions): Promise<Result<Peer>> => {
  const { clock, log, network } = options
  const limits: PeerLimits = { ...defaultLimits, ...options.limits }
  const key = decodePeerKey(options.key)
  if (!key.ok) return key
  const self = peerIdFromPrivateKey(key.value).toString()

  const plan = addressPlan(options)
  if (!plan.ok) return plan
  const { listen, bootstrap, throughRelay } = plan.value

  const close = (connection: Connection): void => {
    connection
      .close({ signal: AbortSignal.timeout(CLOSE_MS) })
      .catch((error: unknown) => connection.abort(new Error(reasonOf(error))))
  }
  const drop = (peer: PeerId): void => {
    for (const connection of libp2p.getConnections(peerIdFromString(peer))) close(connection)
  }
  const standing = createStanding(limits, clock, log, drop)
  const banned = (peer: Libp2pPeerId): boolean => standing.banned(peer.toString())
  /** A relay carries nobody's connections but those of peers that have said hello. */
  const foreign = async (peer: Libp2pPeerId): Promise<boolean> => {
    const connection = libp2p.getConnections(peer)[0]
    return banned(peer) || connection === undefined || !(await greeter.greeting(connection)).ok
  }
  const blame =
    (peer: PeerId): Blame =>
    (misconduct, detail) =>
      standing.penalise(peer, misconduct, detail)
  const gossip = createGossip(self, network, limits, clock, log, standing)
  const discoverers: NonNullable<Libp2pOptions['peerDiscovery']> = []
  if (options.mdns) {
    const { mdns } = await import('@libp2p/mdns')
    discoverers.push(mdns({ serviceTag: `_lockstep-${networkTag(network)}._udp.local` }))
  }

  const create = () =>
    createLibp2p({
      start: false,
      privateKey: key.value,
      nodeInfo: { name: 'lockstep', version: String(network.version), userAgent: 'lockstep' },
      addresses: { listen, announce: [...(options.announce ?? [])] },
      transports: [
        tcp({ backlog: 512 }),
        webSockets(),
        circuitRelayTransport({ reservationCompletionTimeout: limits.dialMs }),
      ],
      connectionEncrypters: [encryption()],
      streamMuxers: [
        yamux({
          maxInboundStreams: 512,
          maxOutboundStreams: 512,
          streamOptions: {
            maxStreamWindowSize: WINDOW_BYTES,
            maxReadBufferLength: READ_BUFFER_BYTES,
            // Channels wait for room; gossip does not, and its backlog ends here.
            maxWriteBufferLength: limits.gossipBacklogBytes,
          },
        }),
      ],
      connectionManager: {
        maxConnections: limits.maxConnections,
        inboundConnectionThreshold: limits.inboundPerHost,
        maxIncomingPendingConnections: limits.inboundPerHost,
        dialTimeout: limits.dialMs,
        addressDialTimeout: limits.dialMs,
        maxParallelDials: 16,
        maxPeerAddrsToDial: 8,
        // Peers are redialled by discovery, which knows when there are enough.
        reconnectRetries: 1,
      },
      // One ping that fails would abort the connection: a busy machine would lose all its peers. See watch.ts.
      connectionMonitor: { enabled: false, abortConnectionOnPingFailure: false },
      connectionGater: {
        denyDialPeer: banned,
        denyInboundEncryptedConnection: banned,
        denyInboundRelayReservation: foreign,
        denyOutboundRelayedConnection: foreign,
        // The default refuses private and loopback addresses in browsers.
        denyDialMultiaddr: () => false,
      },
      peerDiscovery: discoverers,
      services: {
        identify: identify(),
        identifyPush: identifyPush(),
        ping: ping({ maxInboundStreams: 4, maxOutboundStreams: 4 }),
        dcutr: dcutr(),
        gossip: (components: GossipSubComponents) => gossip.service(components),
        ...(options.relay && {
          relay: circuitRelayServer({
            reservations: {
              maxReservations: limits.relayReservations,
              defaultDataLimit: BigInt(limits.relayBytes),
              defaultDurationLimit: limits.relayMs,
            },
            maxInboundHopStreams: 64,
            maxOutboundHopStreams: 64,
            maxOutboundStopStreams: limits.relayReservations * 4,
          }),
        }),
      },
    })
  let libp2p: Awaited<ReturnType<typeof create>>
  try {
    libp2p = await create()
  } catch (error) {
    return fault(
      'listen-failed',
      'listen and announce',
      reasonOf(error),
      'addresses that this machine has',
      'Correct the addresses.',
    )
  }

  const greeted = new Set<PeerId>()
  const listeners = new Set<(peer: PeerId, connected: boolean) => void>()
  const tell = (peer: PeerId, connected: boolean): void => {
    for (const listener of listeners) listener(peer, connected)
  }
  // libp2p tells of closed connections in no fixed order with opened ones: what is open is looked up, not counted.
  libp2p.addEventListener('peer:disconnect', ({ detail }) => {
    const peer = detail.toString()
    if (libp2p.getConnections(detail).length > 0) return
    discovery.left(peer)
    if (greeted.delete(peer)) tell(peer, false)
  })
  const streams = createStreams(libp2p, network, limits, clock, log, () => greeter, blame)
  const greeter: Greeter = createGreeter(libp2p, network, limits.helloMs, blame, close, (peer) => {
    // It may have gone while it was saying hello.
    if (libp2p.getConnections(peerIdFromString(peer)).length === 0) return
    discovery.know(peer)
    if (greeted.has(peer)) return
    greeted.add(peer)
    log.debug({ peer }, 'a peer said hello')
    tell(peer, true)
  })

  const dial = async (target: Multiaddr | PeerId): Promise<Result<PeerId>> => {
    const name = target.toString()
    const id = typeof target === 'string' ? target : idIn(target)
    if (id === undefined || (typeof target === 'string' && !isPeerId(target)))
      return fault(
        'address-malformed',
        'address',
        name,
        'an address that ends in /p2p/ID',
        'Take it from what the other peer prints.',
      )
    if (standing.banned(id))
      return fault('peer-banned', 'peer', id, 'a peer in good standing', 'Wait until its ban is over.')
    try {
      const connection = await libp2p.dial(typeof target === 'string' ? peerIdFromString(target) : target, {
        signal: AbortSignal.timeout(limits.dialMs),
      })
      const said = await greeter.greeting(connection)
      return said.ok ? ok(connection.remotePeer.toString()) : said
    } catch (error) {
      return fault(
        'peer-unreachable',
        'address',
        `${name} (${reasonOf(error)})`,
        'a peer that answers',
        'Check that it runs and that the address is right.',
      )
    }
  }

  const exchange = createProtocol(EXCHANGE, streams, log, standing.penalise)
  const discovery = createDiscovery({
    libp2p,
    limits,
    clock,
    log,
    standing,
    bootstrap,
    throughRelay,
    exchange,
    greeted: () => [...greeted],
    dial: async (target) => (await dial(target)).ok,
  })
  libp2p.addEventListener('peer:discovery', ({ detail }) => {
    if (options.mdns) discovery.know(detail.id.toString())
  })

  try {
    await libp2p.start()
  } catch (error) {
    return fault(
      'listen-failed',
      'listen',
      `${options.listen.join(', ')} (${reasonOf(error)})`,
      'addresses that this machine has and nobody uses',
      'Choose another port, or stop what uses it.',
    )
  }
  const watch = createWatch(
    libp2p.services.ping,
    limits.pingMs,
    () => [...greeted],
    gossip.deaf,
    (peer, why) => {
      log.info({ peer, why }, 'a peer was dropped')
      drop(peer)
    },
  )
  discovery.start()
  log.info({ peer: self, listen: options.listen, network: networkTag(network) }, 'the peer has started')

  return ok({
    id: self,
    network,
    addresses: () => libp2p.getMultiaddrs().map(String),
    async dial(address) {
      const parsed = parseAddress(address)
      return parsed === undefined
        ? fault(
            'address-malformed',
            'address',
            address,
            'a multiaddr such as /ip4/127.0.0.1/tcp/4401/p2p/ID',
            'Take it from what the other peer prints.',
          )
        : dial(parsed)
    },
    async hangUp(peer) {
      if (isPeerId(peer))
        await libp2p
          .hangUp(peerIdFromString(peer), { signal: AbortSignal.timeout(CLOSE_MS) })
          .catch(() => drop(peer))
    },
    openStream: streams.open,
    handleStream: (definition, handler) => streams.handle(definition, handler),
    topic: gossip.topic,
    protocol: (definition) => createProtocol(definition, streams, log, standing.penalise),
    penalise: standing.penalise,
    peers: () =>
      [...greeted].map((id) => {
        const connections = libp2p.getConnections(peerIdFromString(id))
        return {
          id,
          addresses: connections.map((c) => c.remoteAddr.toString()),
          standing: standing.of(id),
          connection: connections.some((c) => c.limits === undefined) ? 'direct' : 'relayed',
          roundTripMs: watch.roundTripMs(id),
        }
      }),
    onPeer(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    stats: () => ({
      connections: libp2p.getConnections().length,
      peers: greeted.size,
      banned: standing.bannedCount(),
      topics: structuredClone(gossip.counts),
      gossip: { ...gossip.traffic },
      streams: structuredClone(streams.counts),
      misconduct: { ...standing.counts },
    }),
    async stop() {
      discovery.stop()
      watch.stop()
      await libp2p.stop()
      log.info({ peer: self }, 'the peer has stopped')
    },
  })
}

const isPeerId = (text: string): boolean => {
  try {
    peerIdFromString(text)
    return true
  } catch {
    return false
  }
}

/**
 * `RELAY/p2p-circuit` becomes: dial RELAY, listen through whatever relay is met. So a relay that is down for a while
 * delays the listening and does not forbid the start.
 */
const addressPlan = (
  options: PeerOptions,
): Result<{ listen: string[]; bootstrap: Multiaddr[]; throughRelay: boolean }> => {
  const listen = new Set<string>()
  const relays: string[] = []
  for (const address of options.listen) {
    if (address.endsWith('/p2p-circuit')) {
      listen.add('/p2p-circuit')
      if (address !== '/p2p-circuit') relays.push(address.slice(0, -'/p2p-circuit'.length))
    } else listen.add(address)
  }
  const bootstrap: Multiaddr[] = []
  for (const text of [...relays, ...options.bootstrap]) {
    const address = parseAddress(text)
    if (address === undefined || idIn(address) === undefined)
      return fault(
        'address-malformed',
        'bootstrap',
        text,
        'addresses that end in /p2p/ID',
        'Take it from what the other peer prints.',
      )
    bootstrap.push(address)
  }
  for (const text of [...listen, ...(options.announce ?? [])])
    if (parseAddress(text) === undefined)
      return fault(
        'address-malformed',
        'listen or announce',
        text,
        'multiaddrs such as /ip4/0.0.0.0/tcp/4401',
        'Correct the address.',
      )
  if (bootstrap.length > MAX_BOOTSTRAP)
    return fault(
      'address-malformed',
      'bootstrap',
      `${bootstrap.length} addresses`,
      `${MAX_BOOTSTRAP} addresses`,
      'Name fewer.',
    )
  return ok({ listen: [...listen], bootstrap, throughRelay: listen.has('/p2p-circuit') })
}
