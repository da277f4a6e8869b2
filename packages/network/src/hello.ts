import type { Connection, Libp2p } from '@libp2p/interface'
import { ok, type Result } from '@lockstep/tensor'
import { z } from 'zod'
import { type Blame, createChannel } from './channel.ts'
import { fault, reasonOf } from './network-fault.ts'
import type { NetworkId } from './network-id.ts'
import type { PeerId } from './peer-key.ts'

/**
 * The first thing that two peers say on a connection, and the only thing that peers of different networks say to each
 * other: who dialled names its network, the other answers with its own. If they differ, both know why, and hang up.
 */
export const HELLO = '/lockstep/hello/1'
const MAX_BYTES = 512

const schema = z.strictObject({
  chainId: z.int().min(0),
  market: z.string().regex(/^0x[0-9a-fA-F]{40}$/),
  version: z.int().min(0),
})

export type Greeter = {
  /** Settles when the peer at the other end has said a fitting hello, or it is clear that it will not. */
  greeting(connection: Connection): Promise<Result<void>>
}

export const createGreeter = (
  libp2p: Libp2p,
  network: NetworkId,
  helloMs: number,
  blame: (peer: PeerId) => Blame,
  hangUp: (connection: Connection) => void,
  onGreeted: (peer: PeerId) => void,
): Greeter => {
  type Greeting = { promise: Promise<Result<void>>; resolve: (result: Result<void>) => void }
  const greetings = new WeakMap<Connection, Greeting>()
  const greetingOf = (connection: Connection): Greeting => {
    const known = greetings.get(connection)
    if (known !== undefined) return known
    const made: Greeting = Promise.withResolvers<Result<void>>()
    greetings.set(connection, made)
    return made
  }
  const ours = { chainId: network.chainId, market: network.market, version: network.version }

  const judge = (connection: Connection, theirs: NetworkId): Result<void> => {
    const peer = connection.remotePeer.toString()
    const same =
      theirs.chainId === ours.chainId &&
      theirs.market.toLowerCase() === ours.market.toLowerCase() &&
      theirs.version === ours.version
    if (same) {
      onGreeted(peer)
      return ok(undefined)
    }
    blame(peer)('wrong-network', networkText(theirs))
    return fault(
      'wrong-network',
      `network of ${peer}`,
      networkText(theirs),
      networkText(ours),
      'Dial peers of the same network, or configure its chain and market.',
    )
  }

  const settle = (connection: Connection, result: Result<void>): Result<void> => {
    greetingOf(connection).resolve(result)
    if (!result.ok) hangUp(connection)
    return result
  }

  const say = async (connection: Connection): Promise<Result<void>> => {
    const peer = connection.remotePeer.toString()
    try {
      const stream = await connection.newStream(HELLO, {
        signal: AbortSignal.timeout(helloMs),
        runOnLimitedConnection: true,
      })
      const channel = createChannel(stream, peer, helloMs, blame(peer))
      const sent = await channel.writeMessage(ours, MAX_BYTES)
      const theirs = sent.ok ? await channel.readMessage(schema, MAX_BYTES) : sent
      await channel.finish()
      return theirs.ok ? judge(connection, theirs.value) : theirs
    } catch (error) {
      return fault(
        'peer-unreachable',
        `hello to ${peer}`,
        reasonOf(error),
        'a peer that speaks lockstep',
        'Check the address.',
      )
    }
  }

  void libp2p.handle(
    HELLO,
    async (stream, connection) => {
      const peer = connection.remotePeer.toString()
      const channel = createChannel(stream, peer, helloMs, blame(peer))
      const theirs = await channel.readMessage(schema, MAX_BYTES)
      if (!theirs.ok) {
        channel.abort('no hello')
        settle(connection, theirs)
        return
      }
      // Greeted before we answer: whatever the other side opens next finds us ready.
      const same = networkText(theirs.value) === networkText(ours)
      if (same) settle(connection, judge(connection, theirs.value))
      await channel.writeMessage(ours, MAX_BYTES)
      await channel.finish()
      if (!same) settle(connection, judge(connection, theirs.value))
    },
    { runOnLimitedConnection: true, maxInboundStreams: 2 },
  )

  libp2p.addEventListener('connection:open', ({ detail: connection }) => {
    if (connection.direction === 'outbound') {
      void say(connection).then((result) => settle(connection, result))
      return
    }
    const peer = connection.remotePeer.toString()
    const none = (): void => {
      const result = fault(
        'peer-unreachable',
        `hello of ${peer}`,
        `none in ${helloMs} ms`,
        'a hello',
        'Check what runs there.',
      )
      settle(connection, result)
    }
    const timer = setTimeout(none, helloMs)
    void greetingOf(connection).promise.then(() => clearTimeout(timer))
    connection.addEventListener('close', none)
  })

  return { greeting: (connection) => greetingOf(connection).promise }
}

const networkText = (n: NetworkId): string =>
  `chain ${n.chainId}, market ${n.market.toLowerCase()}, version ${n.version}`
