import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseSwarmManifest, type SwarmManifest, type SwarmMessage, swarmTermsOf } from '@lockstep/client'
import { type MarketChain, type MarketEvent, readMinimumBond } from '@lockstep/contracts'
import { createWasmExecutor, type Executor, ok, unwrap } from '@lockstep/tensor'
import { parseEther } from 'viem'
import { gatherPeople, type Name, type People } from '../../contracts/test/market-people.ts'
import {
  openParticipant,
  type Participant,
  type ParticipantEvent,
  type ParticipantOptions,
  type Turn,
} from '../src/swarm/index.ts'

/** Swarms of one short round on a real chain, whose participants hear each other at once. */

/** Times in which no machine is too slow: time passes when nobody has anything to do. */
export const disputedManifest = (change: object = {}): SwarmManifest =>
  parseSwarmManifest(
    new TextEncoder().encode(
      JSON.stringify({
        families: [{ family: 'sorting', level: 1 }],
        model: { layers: 1, width: 8, heads: 2, context: 28 },
        lengths: { prompt: 20, answer: 8 },
        warmStart: { examples: 32, batch: 8, steps: 2, warmup: 1, rate: 0.01 },
        learning: { groups: 2, groupSize: 4, local: 1, external: 1, batch: 8, reward: 'score', rate: 0.001 },
        rounds: {
          ...{ count: 1, tasks: 1, answer: 10_000, critique: 0, resolve: 0 },
          ...{ claim: 10_000, challenge: 10_000, stand: 10_000, expiry: 5_000_000 },
        },
        weights: { answer: 1, critique: 0, prediction: 0, resolve: 0 },
        participants: { minimum: 2, most: 3 },
        ...{ stake: '100', reward: '60', deposit: '10' },
        proof: { window: 50_000, clock: 20_000, segment: 9_000, step: 9_000, move: 9_000 },
        ...change,
      }),
    ),
  )

/** Everybody hears what anybody says, in order: a network without a network. */
const createBus = (said: SwarmMessage[]) => {
  type Handler = Parameters<ParticipantOptions['topic']['subscribe']>[0]
  const listeners = new Set<Handler>()
  return (author: string): ParticipantOptions['topic'] => ({
    publish: async (body: SwarmMessage) => {
      said.push(body)
      for (const listen of listeners) listen({ author, body } as Parameters<Handler>[0])
      return ok(undefined) as never
    },
    subscribe: (listen) => {
      listeners.add(listen)
      return () => listeners.delete(listen)
    },
  })
}

export type SwarmTable = {
  readonly people: People
  readonly executor: Executor
  readonly create: (manifest: SwarmManifest) => Promise<number>
  /** Opens a participant, or opens it again; `market` is its own unless another one is handed in. */
  readonly open: (
    name: Name,
    swarm: number,
    manifest: SwarmManifest,
    market?: MarketChain,
    tell?: (event: ParticipantEvent) => void,
  ) => Promise<Participant>
  /** All that participants have said, in order. */
  readonly said: readonly SwarmMessage[]
  readonly directoryOf: (name: Name, swarm: number) => string
  /** All that the contracts said, from the beginning. */
  readonly told: (name: string) => Promise<readonly MarketEvent['args'][]>
  readonly close: () => Promise<void>
}

export const openSwarmTable = async (): Promise<SwarmTable> => {
  const people = await gatherPeople()
  const executor = await createWasmExecutor()
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-disputes-'))
  const said: SwarmMessage[] = []
  const busOf = createBus(said)
  const { requester } = people
  const { calls, addresses } = requester
  await requester.does(calls.approve(addresses.vault, parseEther('5000')))
  await requester.does(calls.deposit(requester.address, parseEther('5000')))
  const { fromBlock } = people.deployment
  const directoryOf = (name: Name, swarm: number): string => join(directory, `${swarm}-${name}`)
  return {
    ...{ people, executor, directoryOf, said },
    create: async (manifest) => {
      const minimumBond = await readMinimumBond(requester.connection, addresses.disputes)
      const terms = swarmTermsOf(manifest, { now: await requester.now(), minimumBond })
      const events = await requester.does(calls.createSwarm(terms))
      const created = events.find((event) => event.contract === 'swarms' && event.name === 'SwarmCreated')
      assert.ok(created?.contract === 'swarms' && created.name === 'SwarmCreated')
      return Number(created.args.swarm)
    },
    open: async (name, swarm, manifest, market = people[name], tell) => {
      const opened = await openParticipant({
        ...{ market, fromBlock, account: people[name].address, swarm, manifest, executor },
        ...{ topic: busOf(name), peerId: name, directory: directoryOf(name, swarm) },
        tell: (event) => {
          tell?.(event)
          if (process.env.LOCKSTEP_TELL) console.log(name, JSON.stringify(event))
        },
      })
      return unwrap(opened)
    },
    told: async (name) => {
      const head = Number(await requester.connection.reader.getBlockNumber())
      const events = await requester.events(fromBlock, head)
      return events.filter((event) => event.name === name).map(({ args }) => args)
    },
    close: async () => {
      await people.chain.stop()
      await executor.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Somebody at the table: a participant, or whoever else has something to do. */
export type Seated = {
  readonly turn: () => Promise<Pick<Turn, 'did' | 'next' | 'over'> & Partial<Pick<Turn, 'computes'>>>
}

/** More turns than any of these tests needs. */
const MOST_TURNS = 400

/** Lets everybody take turns until it is over for all; time passes when nobody has anything to do. */
export const playOut = async (
  { people }: SwarmTable,
  seated: () => readonly Seated[],
  between: () => Promise<void> = async () => {},
): Promise<void> => {
  for (let rounds = 0; rounds < MOST_TURNS; rounds++) {
    let turns = []
    do {
      turns = []
      for (const one of seated()) turns.push(await one.turn())
      await sleep(1)
    } while (turns.every(({ did }) => did === 0) && turns.some(({ computes }) => computes))
    if (turns.every(({ over }) => over)) return
    await between()
    if (turns.some(({ did }) => did > 0)) continue
    const times = turns.flatMap(({ next }) => next ?? [])
    assert.ok(times.length > 0, 'nobody has anything to do, now or later')
    await people.passTo(Math.min(...times))
  }
  assert.fail(`not over after ${MOST_TURNS} turns of everybody`)
}
