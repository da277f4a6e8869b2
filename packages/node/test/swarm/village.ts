import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  NETWORK_VERSION,
  parseSwarmManifest,
  type SwarmManifest,
  type SwarmMessage,
  swarmsTopic,
  swarmTermsOf,
} from '@lockstep/client'
import { readMinimumBond } from '@lockstep/contracts'
import { createPeer, newPeerKey, type Peer, silent, type Topic } from '@lockstep/network'
import { createWasmExecutor, type Executor, unwrap } from '@lockstep/tensor'
import { parseEther } from 'viem'
import { gatherPeople, type People, type Person } from '../../../contracts/test/market-people.ts'
import {
  openParticipant,
  type Participant,
  type ParticipantOptions,
  type Turn,
} from '../../src/swarm/index.ts'

/** Who takes part. */
export const VILLAGERS = ['provider', 'ann', 'ben'] as const

/** A small swarm, with times in which no machine is too slow: the test lets time pass when nobody has anything to do. */
export const villageManifest = (change: object = {}): SwarmManifest =>
  parseSwarmManifest(
    new TextEncoder().encode(
      JSON.stringify({
        families: [{ family: 'sorting', level: 1 }],
        model: { layers: 1, width: 16, heads: 2, context: 28 },
        lengths: { prompt: 20, answer: 8 },
        warmStart: { examples: 256, batch: 16, steps: 80, warmup: 8, rate: 0.01 },
        learning: { groups: 4, groupSize: 4, local: 2, external: 2, batch: 8, reward: 'score', rate: 0.001 },
        rounds: {
          ...{ count: 2, tasks: 2, answer: 10_000, critique: 10_000, resolve: 10_000 },
          ...{ claim: 10_000, challenge: 10_000, stand: 10_000, expiry: 5_000_000 },
        },
        weights: { answer: 2, critique: 1, prediction: 1, resolve: 2 },
        participants: { minimum: 3, most: 3 },
        ...{ stake: '100', reward: '60', deposit: '10' },
        proof: { window: 50_000, clock: 20_000, segment: 9_000, step: 9_000, move: 9_000 },
        ...change,
      }),
    ),
  )

/** Whoever takes turns, here or in a process of its own. */
export type Villager = { readonly turn: () => Promise<Turn> }

/** People with a chain and a network between them, and a directory. */
export type Village = {
  readonly people: People
  readonly peers: readonly Peer[]
  readonly directory: string
  readonly create: (manifest: SwarmManifest) => Promise<number>
  readonly open: (
    swarm: number,
    at: number,
    manifest: SwarmManifest,
    options?: Partial<ParticipantOptions>,
  ) => Promise<Participant>
  /** Lets everybody take turns until the swarm is over; time passes when nobody has anything to do. */
  readonly playOut: (members: readonly Villager[], between?: () => Promise<void>) => Promise<void>
  readonly close: () => Promise<void>
}

/** Looks for messages, 10 ms and a turn of everybody apart. */
const MOST_WAITS = 12_000

export const openVillage = async (): Promise<Village> => {
  const people = await gatherPeople()
  const executor: Executor = await createWasmExecutor()
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-swarm-'))
  const peers: Peer[] = []
  const topics: Topic<SwarmMessage>[] = []
  const { chainId, addresses } = people.deployment
  for (const _ of VILLAGERS) {
    const bootstrap = peers.flatMap((peer) => peer.addresses().slice(0, 1))
    const peer = unwrap(
      await createPeer({
        ...{ key: await newPeerKey(), bootstrap, clock: Date.now, log: silent },
        network: { chainId, market: addresses.market, version: NETWORK_VERSION },
        listen: ['/ip4/127.0.0.1/tcp/0'],
      }),
    )
    peers.push(peer)
    topics.push(peer.topic(swarmsTopic))
  }
  return {
    people,
    peers,
    directory,
    create: async (manifest) => {
      const { requester } = people
      const { calls } = requester
      await requester.does(calls.approve(addresses.vault, parseEther('1000')))
      await requester.does(calls.deposit(requester.address, parseEther('1000')))
      const minimumBond = await readMinimumBond(requester.connection, addresses.disputes)
      const terms = swarmTermsOf(manifest, { now: await requester.now(), minimumBond })
      const events = await requester.does(calls.createSwarm(terms))
      const created = events.find((event) => event.contract === 'swarms' && event.name === 'SwarmCreated')
      assert.ok(created?.contract === 'swarms' && created.name === 'SwarmCreated')
      return Number(created.args.swarm)
    },
    open: async (swarm, at, manifest, options = {}) => {
      const person: Person = people[VILLAGERS[at]!]
      const opened = await openParticipant({
        ...{
          market: person,
          fromBlock: people.deployment.fromBlock,
          account: person.address,
          swarm,
          manifest,
        },
        ...{ topic: topics[at]!, peerId: peers[at]!.id, executor },
        directory: join(directory, `${swarm}-${VILLAGERS[at]}`),
        tell: (event) => {
          if (process.env.LOCKSTEP_TELL) console.log(VILLAGERS[at], JSON.stringify(event))
        },
        ...options,
      })
      return unwrap(opened)
    },
    playOut: async (members, between = async () => {}) => {
      for (let waited = 0; ; ) {
        const turns: Turn[] = []
        for (const member of members) turns.push(await member.turn())
        if (turns.every(({ over }) => over)) return
        await between()
        if (turns.some(({ did }) => did > 0)) {
          waited = 0
          continue
        }
        if (turns.some(({ waits, computes }) => waits || computes)) {
          assert.ok(waited++ < MOST_WAITS, 'something is expected that nobody says')
          await sleep(10) // until messages have arrived, or a model has computed
          continue
        }
        const times = turns.flatMap(({ next }) => next ?? [])
        assert.ok(times.length > 0, 'nobody has anything to do, now or later')
        await people.passTo(Math.min(...times))
      }
    },
    close: async () => {
      for (const peer of peers) await peer.stop()
      await people.chain.stop()
      await executor.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
