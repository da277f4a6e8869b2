/**
 * A participant as a process of its own, for tests that kill it: forked with a file that says whose it is. It takes a turn when
 * its parent asks, and kills itself at the first of the points that the file names: which one, it writes down before.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { NETWORK_VERSION, parseSwarmManifest, swarmsTopic } from '@lockstep/client'
import { connect, type Deployment, marketChain } from '@lockstep/contracts'
import { createPeer, newPeerKey, silent } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import type { Address, Hex } from 'viem'
import { openParticipant, type ParticipantEvent } from '../../src/swarm/index.ts'

export type ParticipantFile = {
  readonly rpc: string
  readonly deployment: Deployment
  readonly key: Hex
  readonly account: Address
  readonly swarm: number
  readonly manifest: string
  readonly bootstrap: readonly string[]
  readonly directory: string
  readonly points: readonly string[]
  /** Where the points are written that were hit. */
  readonly hits: string
}

/** What an event is called as a point: `did claim`, `saved model`. */
const pointOf = (event: ParticipantEvent): string =>
  'duty' in event ? `${event.event} ${event.duty.do}` : 'what' in event ? `${event.event} ${event.what}` : ''

const file = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as ParticipantFile
const { deployment } = file
const { privateKeyToAccount } = await import('viem/accounts')
const connection = await connect({
  ...{ url: file.rpc, chainId: deployment.chainId, account: privateKeyToAccount(file.key) },
  pollingInterval: 5,
})
const peer = unwrap(
  await createPeer({
    ...{ key: await newPeerKey(), bootstrap: file.bootstrap, clock: Date.now, log: silent },
    network: { chainId: deployment.chainId, market: deployment.addresses.market, version: NETWORK_VERSION },
    listen: ['/ip4/127.0.0.1/tcp/0'],
  }),
)
const participant = unwrap(
  await openParticipant({
    ...{ market: await marketChain(connection, deployment.addresses), fromBlock: deployment.fromBlock },
    ...{ account: file.account, swarm: file.swarm, directory: file.directory },
    manifest: parseSwarmManifest(new TextEncoder().encode(file.manifest)),
    ...{ topic: peer.topic(swarmsTopic), peerId: peer.id },
    tell: (event) => {
      const point = pointOf(event)
      if (!file.points.includes(point)) return
      appendFileSync(file.hits, `${point}\n`)
      process.kill(process.pid, 'SIGKILL')
    },
  }),
)
process.on('message', () => {
  participant.turn().then(
    (turn) => process.send!({ turn, ...participant.model() }),
    (error: unknown) => process.send!({ error: String((error as Error).stack) }),
  )
})
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.send!('ready')
