import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  NETWORK_VERSION,
  parseSwarmManifest,
  type SwarmMessage,
  swarmsTopic,
  swarmTermsOf,
} from '@lockstep/client'
import { readMinimumBond } from '@lockstep/contracts'
import { createPeer, newPeerKey, type Peer, silent, type Topic } from '@lockstep/network'
import { payouts, pointsOf, unpackBytes } from '@lockstep/swarm'
import { createWasmExecutor, type Executor, unwrap } from '@lockstep/tensor'
import { parseEther } from 'viem'
import { gatherPeople, type People, type Person } from '../../contracts/test/market-people.ts'
import { openParticipant, type Participant, type SwarmMetrics } from '../src/swarm/index.ts'

/** Whole rounds of a swarm whose participants have only a chain and a network between them. */

const NAMES = ['provider', 'ann', 'ben'] as const
/** Times in which no machine is too slow: the test lets the chain's time pass when nobody has anything to do. */
const manifest = parseSwarmManifest(
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
    }),
  ),
)

let people: People
let executor: Executor
let directory: string
const peers: Peer[] = []
const topics: Topic<SwarmMessage>[] = []
before(async () => {
  people = await gatherPeople()
  executor = await createWasmExecutor()
  directory = await mkdtemp(join(tmpdir(), 'lockstep-swarm-'))
  const network = {
    chainId: people.deployment.chainId,
    market: people.deployment.addresses.market,
    version: NETWORK_VERSION,
  }
  for (const _ of NAMES) {
    const bootstrap = peers.flatMap((peer) => peer.addresses().slice(0, 1))
    const listen = ['/ip4/127.0.0.1/tcp/0']
    const key = await newPeerKey()
    const options = { key, network, listen, bootstrap, clock: Date.now, log: silent }
    const peer = unwrap(await createPeer(options))
    peers.push(peer)
    topics.push(peer.topic(swarmsTopic))
  }
})
after(async () => {
  for (const peer of peers) await peer.stop()
  await people?.chain.stop()
  await executor?.close()
  await rm(directory, { recursive: true, force: true })
})

const open = async (swarm: number, at: number): Promise<Participant> => {
  const person: Person = people[NAMES[at]!]
  const opened = await openParticipant({
    ...{ market: person, fromBlock: people.deployment.fromBlock, account: person.address, swarm, manifest },
    ...{ topic: topics[at]!, peerId: peers[at]!.id, executor },
    directory: join(directory, `${swarm}-${NAMES[at]}`),
    tell: (event) => {
      if (process.env.LOCKSTEP_TELL) console.log(NAMES[at], JSON.stringify(event))
    },
  })
  return unwrap(opened)
}

const create = async (): Promise<number> => {
  const { requester } = people
  const { calls, addresses } = requester
  await requester.does(calls.approve(addresses.vault, parseEther('1000')))
  await requester.does(calls.deposit(requester.address, parseEther('1000')))
  const minimumBond = await readMinimumBond(requester.connection, addresses.disputes)
  const terms = swarmTermsOf(manifest, { now: await requester.now(), minimumBond })
  const events = await requester.does(calls.createSwarm(terms))
  const created = events.find((event) => event.contract === 'swarms' && event.name === 'SwarmCreated')
  assert.ok(created?.contract === 'swarms' && created.name === 'SwarmCreated')
  return Number(created.args.swarm)
}

/** Looks for messages, 10 ms and a turn of everybody apart. */
const MOST_WAITS = 6_000

/** Lets everybody take turns until the swarm is over; time passes when nobody has anything to do. */
const playOut = async (members: Participant[], between: () => Promise<void>): Promise<void> => {
  for (let waited = 0; ; ) {
    const turns = []
    for (const member of members) turns.push(await member.turn())
    if (turns.every(({ over }) => over)) return
    await between()
    if (turns.some(({ did }) => did > 0)) continue
    if (turns.some(({ waits }) => waits)) {
      assert.ok(waited++ < MOST_WAITS, 'something is expected that nobody says')
      await sleep(10) // until messages have arrived
      continue
    }
    const times = turns.flatMap(({ next }) => next ?? [])
    assert.ok(times.length > 0, 'nobody has anything to do, now or later')
    await people.passTo(Math.min(...times))
  }
}

test('three participants play, settle and learn from two rounds, one of them killed on the way', async () => {
  const swarm = await create()
  const members = [await open(swarm, 0), await open(swarm, 1), await open(swarm, 2)]
  const first = members.map((member) => member.model().state[0]!.data.slice())
  let isKilled = false
  await playOut(members, async () => {
    // Its answers are committed to on the chain, and its salts are nowhere but in its files.
    const isOpen = members[2]!.view()?.rounds[0]?.entries.get(2)?.submitted.includes(0)
    if (isKilled || !isOpen) return
    isKilled = true
    members[2]!.close()
    members[2] = await open(swarm, 2)
  })
  assert.ok(isKilled)
  const view = members[0]!.view()!
  assert.ok(view.closed)
  assert.equal(view.challenges.size, 0)
  assert.deepEqual(
    view.rounds.map(({ settled }) => settled),
    [true, true],
  )
  for (const { seed, seats, entries, paid } of view.rounds) {
    assert.equal(entries.size, 3)
    const bytes = (word: `0x${string}`) => unpackBytes(word, manifest.rounds.tasks)
    const plays = Array.from({ length: seats }, (_, seat) => {
      const { opened } = entries.get(seat)!
      const [answers, judgements, finals] = [0, 1, 2].map((stage) => bytes(opened!.get(stage)!.scores))
      return {
        answers: answers!,
        judgements: judgements!,
        finals: finals!,
        votes: bytes(opened!.get(2)!.votes),
      }
    })
    // Everybody has heard all answers, so everybody has judged one of each task, and committed to why.
    assert.ok(plays.every(({ judgements }) => judgements.every((judged) => judged === 1 || judged === 101)))
    for (const { opened } of entries.values()) assert.notEqual(BigInt(opened!.get(1)!.root), 0n)
    const outcome = pointsOf(seed, manifest.weights, manifest.rounds.tasks, plays)
    assert.deepEqual(
      paid.map(({ points }) => Number(points)),
      outcome.points.map((points) => points!.total),
    )
    assert.deepEqual(
      paid.map(({ amount }) => amount),
      payouts(parseEther('60'), outcome),
    )
  }
  for (const [at, member] of members.entries()) {
    const { round, state } = member.model()
    assert.equal(round, 2)
    assert.notDeepEqual(state[0]!.data, first[at])
    const lines = await readFile(join(directory, `${swarm}-${NAMES[at]}`, 'metrics.jsonl'), 'utf8')
    const metrics = lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as SwarmMetrics)
    assert.deepEqual(
      metrics.map((line) => [line.round, line.heard, line.refused]),
      [
        [1, 8, 0],
        [2, 8, 0],
      ],
    )
    assert.ok(metrics.every((line) => line.external > 0 && line.tokens > 0 && line.bytes > 0))
    member.close()
  }
  // All began with the same parameters, and each has learned something of its own.
  assert.deepEqual(first[0], first[1])
  assert.notDeepEqual(members[0]!.model().state[0]!.data, members[1]!.model().state[0]!.data)
})
