/** Some participants of a swarm in a process of their own: each with a key, a peer and a connection to the chain. */

import { subscribe } from 'node:diagnostics_channel'
import { mkdtempSync, rmSync } from 'node:fs'
import { Session } from 'node:inspector/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NETWORK_VERSION, type SwarmMessage, swarmPartOf, swarmPartTopic } from '@lockstep/client'
import { connect, type Deployment, LOCAL_CHAIN, marketChain } from '@lockstep/contracts'
import { createPeer, newPeerKey, type Peer, silent, type Topic } from '@lockstep/network'
import { openParticipant, openSharedLearner, type Participant, rulesOf } from '@lockstep/node/swarm'
import { createWasmExecutor, unwrap } from '@lockstep/tensor'
import { type Hex, parseEther } from 'viem'
import { hundredManifest, type Setting } from './hundred-manifest.ts'
import { type Seconds, sharesOf } from './hundred-parts.ts'

export type HouseOrder = {
  readonly url: string
  readonly deployment: Deployment
  readonly swarm: number
  readonly setting: Setting
  readonly keys: readonly Hex[]
}

/** How all participants of a house stand after a turn each. */
export type HouseTurn = {
  readonly did: number
  readonly waits: number
  readonly over: boolean
  readonly next: number | undefined
  readonly listeners: number // the fewest
}

/** What a house has used since it was asked to begin counting: all participants together. */
export type HouseUsage = {
  readonly seconds: number
  readonly shares: Seconds
  readonly chainCalls: number
  readonly turns: number
  readonly memory: number // bytes, now
  /** Gossip by peer: frames, messages and bytes in and out. */
  readonly gossip: readonly Readonly<Record<string, number>>[]
  readonly delivered: number
  readonly misconduct: number
  readonly refused: number
}

const TURNS_AT_ONCE = 4
/** Connections below which a peer looks for more. */
const FEW = 6
const peers: Peer[] = []
const members: Participant[] = []
const topics: Topic<SwarmMessage>[] = []
const directory = mkdtempSync(join(tmpdir(), 'lockstep-hundred-'))
process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
let calls = 0
subscribe('http.client.request.start', () => void calls++)
let [turns, refused] = [0, 0]

const open = async (order: HouseOrder): Promise<string[]> => {
  const { url, deployment, swarm, setting, keys } = order
  const manifest = hundredManifest(setting)
  const executor = await createWasmExecutor()
  const { learner } = await openSharedLearner(executor, manifest)
  const network = {
    chainId: deployment.chainId,
    market: deployment.addresses.market,
    version: NETWORK_VERSION,
  }
  for (const [i, privateKey] of keys.entries()) {
    const peer = unwrap(
      await createPeer({
        ...{ key: await newPeerKey(), network, clock: Date.now, log: silent },
        ...{ listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap: [] },
        limits: { fewPeers: FEW, dialMs: 60_000, helloMs: 60_000 },
      }),
    )
    peers.push(peer)
    const connection = await connect({
      ...{ url, chainId: LOCAL_CHAIN.id, account: { privateKey }, pollingInterval: 5 },
    })
    const market = await marketChain(connection, deployment.addresses)
    unwrap(await market.send(market.calls.stake(parseEther('500'))))
    const { address } = connection.account
    const topic = peer.topic(swarmPartTopic(swarmPartOf(address, setting.parts)))
    topics.push(topic)
    const opened = await openParticipant({
      ...{ market, fromBlock: deployment.fromBlock, account: address, swarm, manifest },
      ...{ topic, peerId: peer.id, executor, learner },
      hears: (who) => swarmPartOf(who, setting.parts) === swarmPartOf(address, setting.parts),
      blame: (author, why) => peer.penalise(author, 'rejected', why),
      directory: join(directory, `${i}`),
      tell: (event) => {
        if (event.event === 'refused') refused++
      },
    })
    members.push(unwrap(opened))
  }
  return peers.map((peer) => peer.addresses()[0]!)
}

/** Lets each participant find its company: the addresses that it is to begin with. */
const meet = async (addresses: readonly (readonly string[])[]): Promise<void> => {
  for (const [i, known] of addresses.entries())
    for (const address of known) unwrap(await peers[i]!.dial(address))
}

const turn = async (): Promise<HouseTurn> => {
  const all: Awaited<ReturnType<Participant['turn']>>[] = []
  for (let at = 0; at < members.length; at += TURNS_AT_ONCE)
    all.push(...(await Promise.all(members.slice(at, at + TURNS_AT_ONCE).map((member) => member.turn()))))
  turns += members.length
  const times = all.flatMap(({ next }) => next ?? [])
  return {
    did: all.reduce((sum, { did }) => sum + did, 0),
    waits: all.filter(({ waits, computes }) => waits || computes).length,
    over: all.every(({ over }) => over),
    next: times.length === 0 ? undefined : Math.min(...times),
    listeners: Math.min(...topics.map((topic) => topic.listeners().length)),
  }
}

/** Of 100 participants a few thousandths of the time go to looking. */
const SAMPLE_MICROSECONDS = 4_000
const session = new Session()
session.connect()
let began = { cpu: process.cpuUsage(), calls: 0, turns: 0, refused: 0, gossip: gossip(), delivered: 0 }

function gossip(): Readonly<Record<string, number>>[] {
  return peers.map((peer) => peer.stats().gossip)
}
const delivered = (): number =>
  peers
    .flatMap((peer) => Object.values(peer.stats().topics))
    .reduce((sum, topic) => sum + (topic.delivered ?? 0), 0)

const begin = async (): Promise<void> => {
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS })
  await session.post('Profiler.start')
  began = { cpu: process.cpuUsage(), calls, turns, refused, gossip: gossip(), delivered: delivered() }
}

const usage = async (): Promise<HouseUsage> => {
  const { user, system } = process.cpuUsage(began.cpu)
  const { profile } = await session.post('Profiler.stop')
  return {
    seconds: (user + system) / 1e6,
    shares: sharesOf(profile),
    chainCalls: calls - began.calls,
    turns: turns - began.turns,
    refused: refused - began.refused,
    memory: process.memoryUsage.rss(),
    gossip: gossip().map((now, i) =>
      Object.fromEntries(Object.entries(now).map(([name, value]) => [name, value - began.gossip[i]![name]!])),
    ),
    delivered: delivered() - began.delivered,
    misconduct: peers.reduce(
      (sum, peer) => sum + Object.values(peer.stats().misconduct).reduce((a, b) => a + b, 0),
      0,
    ),
  }
}

/** Rounds that everybody has played to their end: every stage of every seat, opened. */
const played = (): number => {
  const { stages } = rulesOf(members[0]!.view()!)
  return (members[0]!.view()?.rounds ?? []).filter(
    ({ entries, settled, seats }) =>
      settled &&
      entries.size === seats &&
      [...entries.values()].every(
        ({ submitted, opened }) => submitted.length === stages.length && opened !== undefined,
      ),
  ).length
}

const stop = async (): Promise<void> => {
  for (const member of members) member.close()
  await Promise.all(peers.map((peer) => peer.stop()))
}

const ORDERS = { turn, begin, usage, played, stop } as const
export type HouseAsk = keyof typeof ORDERS

// Whoever asks has gone.
process.on('disconnect', () => process.exit())
process.on('message', (asked: HouseAsk | HouseOrder | { readonly meet: string[][] }) => {
  const work = async (): Promise<unknown> =>
    typeof asked === 'string' ? ORDERS[asked]() : 'meet' in asked ? meet(asked.meet) : open(asked)
  work().then(
    (answer) =>
      process.send!({ answer: answer ?? null }, () => (asked === 'stop' ? process.exit() : undefined)),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    },
  )
})
