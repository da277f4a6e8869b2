import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
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
import { connect, LOCAL_CHAIN, type MarketChain, marketChain, readMinimumBond } from '@lockstep/contracts'
import { createPeer, newPeerKey, type Peer, type PeerId, silent, type Topic } from '@lockstep/network'
import type { Hex } from '@lockstep/proof'
import {
  commitmentOf,
  decodeSharedGroup,
  draws,
  encodeSharedGroup,
  ownTasks,
  type Part,
  PURPOSE,
  packBytes,
  pointsOf,
  type SharedGroup,
  unpackBytes,
} from '@lockstep/swarm'
import { createWasmExecutor, type Executor, unwrap } from '@lockstep/tensor'
import { parseEther } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import { gatherPeople, type People } from '../../contracts/test/market-people.ts'
import { heapInUse } from '../../network/test/company.ts'
import { arithmeticOf, textsRoot } from '../src/swarm/arithmetic.ts'
import { peerHex } from '../src/swarm/hearing.ts'
import { type Learner, openParticipant, openSharedLearner, type Participant } from '../src/swarm/index.ts'
import type { OwnGroup } from '../src/swarm/learner.ts'
import type { SwarmMetrics } from '../src/swarm/metrics.ts'
import type { RoundView } from '../src/swarm/view.ts'
import { type Attacker, attackerOf, stopAttackers } from './hostile/attacker.ts'
import type { AnyTopic } from './hostile/definitions.ts'

/**
 * Strangers, a participant that lies, and a crowd that solves nothing, in a live swarm of three that are honest: over the
 * real chain and the real network. What the honest come to must be, bit for bit, what they come to among themselves.
 */

const isNight = process.env.LOCKSTEP_NIGHTLY !== undefined
const HONEST = ['provider', 'ann', 'ben'] as const
const CROWD = isNight ? 6 : 3
const ROUNDS = isNight ? 4 : 2
/** Messages of a flood, and names of strangers that claim to speak for accounts nobody knows. */
const FLOOD = isNight ? 20_000 : 2_000
const STRANGERS = isNight ? 12 : 3
const MOST_GROWTH = 96 * 2 ** 20
/** Times in which no machine is too slow: time passes when nobody has anything to do. */
const manifest = parseSwarmManifest(
  new TextEncoder().encode(
    JSON.stringify({
      families: [{ family: 'sorting', level: 1 }],
      model: { layers: 1, width: 16, heads: 2, context: 28 },
      lengths: { prompt: 20, answer: 8 },
      warmStart: { examples: 256, batch: 16, steps: 80, warmup: 8, rate: 0.01 },
      learning: { groups: 4, groupSize: 4, local: 2, external: 2, batch: 8, reward: 'score', rate: 0.001 },
      rounds: {
        ...{ count: ROUNDS, tasks: 2, answer: 10_000, critique: 10_000, resolve: 10_000 },
        ...{ claim: 10_000, challenge: 10_000, stand: 10_000, expiry: 5_000_000 },
      },
      weights: { answer: 2, critique: 1, prediction: 1, resolve: 2 },
      participants: { minimum: 4 + CROWD, most: 4 + CROWD },
      ...{ stake: '100', reward: '60', deposit: '10' },
      proof: { window: 50_000, clock: 20_000, segment: 9_000, step: 9_000, move: 9_000 },
    }),
  ),
)
const { tasks } = manifest.rounds
const ZERO: Hex = `0x${'00'.repeat(32)}`

let people: People
let executor: Executor
let directory: string
let shared: Awaited<ReturnType<typeof openSharedLearner>>
const peers: Peer[] = []
const topics: Topic<SwarmMessage>[] = []
const network = () => ({
  chainId: people.deployment.chainId,
  market: people.deployment.addresses.market,
  version: NETWORK_VERSION,
})
before(async () => {
  people = await gatherPeople()
  executor = await createWasmExecutor()
  shared = await openSharedLearner(executor, manifest)
  directory = await mkdtemp(join(tmpdir(), 'lockstep-attacks-'))
  for (const _ of HONEST) {
    const bootstrap = peers.flatMap((peer) => peer.addresses().slice(0, 1))
    const options = { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap, clock: Date.now, log: silent }
    const peer = unwrap(await createPeer({ key: await newPeerKey(), network: network(), ...options }))
    peers.push(peer)
    topics.push(peer.topic(swarmsTopic))
  }
})
after(async () => {
  await stopAttackers()
  for (const peer of peers) await peer.stop()
  await people?.chain.stop()
  shared?.close()
  await executor?.close()
  await rm(directory, { recursive: true, force: true })
})

const TOPIC = swarmsTopic as AnyTopic
/** A node that keeps to nothing, connected to everybody who is honest. */
const attack = async (): Promise<Attacker> => {
  const [first, ...others] = peers.map((peer) => peer.addresses()[0]!)
  const stage = { relay: { id: peers[0]!.id, address: first! }, network: network() }
  const attacker = await attackerOf(stage, [TOPIC])
  for (const address of others) await attacker.meet(address)
  await eventually('all hear it', () => attacker.listeners(TOPIC).length === peers.length)
  return attacker
}

const eventually = async (what: string, holds: () => boolean): Promise<void> => {
  for (const end = Date.now() + 60_000; !holds(); await sleep(10)) assert.ok(Date.now() < end, what)
}
const misconduct = (kind: string): number =>
  peers.reduce((sum, peer) => sum + (peer.stats().misconduct[kind] ?? 0), 0)
const isDropped = ({ id }: Attacker): boolean =>
  peers.every((peer) => !peer.peers().some((other) => other.id === id))

/** What nobody can read, and what is too long: whoever hands it in is dropped. What was said before is not read again. */
const sayGarbage = async (swarm: number, round: number): Promise<void> => {
  const messages: readonly (string | Uint8Array)[] = [
    Uint8Array.of(0xff, 0x00, 0xfe, round),
    `{"sentAt":${round}`,
    JSON.stringify({ sentAt: Date.now(), body: { kind: 'group', swarm, group: 'no base64!' } }),
    JSON.stringify({ sentAt: Date.now(), body: { kind: 'group', swarm, group: 'AAA' } }),
    JSON.stringify({ sentAt: Date.now(), body: { kind: 'group', swarm, group: 'A'.repeat(12_000) } }),
    JSON.stringify({ sentAt: Date.now(), body: { kind: 'answers', swarm, round: 1e9, stage: 1 } }),
  ]
  const malformed = await attack()
  for (const one of messages) await malformed.sayBytes(TOPIC, Buffer.from(one))
  await eventually('who sends garbage is dropped', () => isDropped(malformed))
  const long = await attack()
  for (let more = 1; more <= 5; more++)
    await long.sayBytes(TOPIC, Buffer.alloc(swarmsTopic.maxBytes + more, 0x20 + round))
  await eventually('who sends what is too long is dropped', () => isDropped(long))
  const unreadable = await attack()
  for (let i = 0; i < 6; i++)
    await unreadable.say(TOPIC, {
      ...{ kind: 'group', swarm },
      group: Buffer.from(`no group at all, ${round}, ${i}`).toString('base64'),
    })
  await eventually('who shares what is no group is dropped', () => isDropped(unreadable))
  for (const attacker of [malformed, long, unreadable]) await attacker.stop()
}

/** What anybody may say, and much more of it than anybody may. */
const flood = async (swarm: number): Promise<void> => {
  const attacker = await attack()
  for (let i = 0; i < FLOOD && !isDropped(attacker); i += 20) {
    const said = Array.from({ length: 20 }, (_, k) =>
      attacker.say(TOPIC, answersOf(swarm, 1, `0x${'0a'.repeat(20)}`, [`${i + k}`, ''])),
    )
    // What a peer that drops it does not take would wait for ever.
    await Promise.race([Promise.allSettled(said), sleep(500)])
  }
  await eventually('the flood is held against it', () => misconduct('flood') > 0)
  await attacker.stop()
}

/** Many names without a stake, each for accounts that nobody knows and rounds that never come. */
const crowdOfStrangers = async (swarm: number): Promise<void> => {
  for (let name = 0; name < STRANGERS; name++) {
    const attacker = await attack()
    for (let i = 0; i < 150; i++) {
      const account: Hex = `0x${(name * 1_000 + i).toString(16).padStart(40, '0')}`
      await attacker.say(TOPIC, answersOf(swarm, i % 2 === 0 ? 1 : 9_999, account, ['1', '2']))
    }
    await attacker.stop()
  }
}

const answersOf = (
  swarm: number,
  round: number,
  participant: Hex,
  answers: readonly string[],
): SwarmMessage => ({ kind: 'answers', swarm, round, stage: 0, participant, answers: [...answers] })
const groupOf = (swarm: number, group: SharedGroup): SwarmMessage => ({
  ...{ kind: 'group', swarm },
  group: Buffer.from(encodeSharedGroup(group)).toString('base64'),
})

/** A participant with a stake that shares lies about its own tasks, and others' groups as its own. */
const lie = async (
  { learner }: typeof shared,
  liar: { readonly attacker: Attacker; readonly account: Hex; readonly seat: number },
  swarm: number,
  round: RoundView,
  heard: readonly SharedGroup[],
): Promise<void> => {
  const { attacker, account, seat } = liar
  const own = tasksOf(learner, round, seat)
  const honest = heard.find(({ round: of }) => of === round.round)!
  const group = (change: Partial<SharedGroup>): SharedGroup => ({
    ...{ participant: account, modelRoot: ZERO, round: round.round, task: own[0]! },
    rollouts: honest.rollouts,
    ...change,
  })
  const invented = honest.rollouts.map(({ text }) => ({ text, ended: true, score: 100 }))
  const lies: readonly SharedGroup[] = [
    ...own.map((task) => group({ task, rollouts: invented.map((one, i) => ({ ...one, text: `${i}` })) })),
    group({ task: honest.task }),
    group({ participant: honest.participant }),
    group({ participant: honest.participant, task: honest.task, rollouts: invented }),
    ...heard.slice(0, 8),
    ...heard.slice(0, 8).map((one) => ({ ...one, participant: account })),
  ]
  for (const one of lies) await attacker.say(TOPIC, groupOf(swarm, one)).catch(() => {})
}

const tasksOf = ({ families }: Learner, { seed, round }: RoundView, seat: number) =>
  ownTasks(families, manifest.families, {
    ...{ seed: Number(BigInt(seed) & 0xffffffffn), round, member: seat, count: manifest.learning.groups },
  })

/** Accounts with a stake that all belong to one who solves nothing: they vote for each other. */
const openCrowd = async (swarm: number, attacker: Attacker) => {
  const members = await Promise.all(
    Array.from({ length: CROWD }, async (_, i) => {
      const account = mnemonicToAccount('test test test test test test test test test test test junk', {
        addressIndex: 20 + i,
      })
      const { requester, chain, deployment } = people
      const rpc = (method: string, ...params: unknown[]) =>
        requester.connection.reader.request({ method, params } as never)
      await rpc('anvil_setBalance', account.address, '0x56bc75e2d63100000')
      const connection = await connect({
        ...{ url: chain.url, chainId: LOCAL_CHAIN.id, account, pollingInterval: 5 },
      })
      return marketChain(connection, deployment.addresses)
    }),
  )
  for (const { connection } of members)
    await people.requester.does(people.requester.calls.deposit(connection.account.address, parseEther('200')))
  for (const one of members) {
    unwrap(await one.send(one.calls.stake(parseEther('150'))))
    unwrap(await one.send(one.calls.joinSwarm(swarm, peerHex(attacker.id))))
  }
  const texts = Array.from({ length: tasks }, () => 'none')
  const said = new Map<string, number>()
  const done = new Set<string>()
  /** Plays whatever stage it is, once. */
  const play = async (participant: Participant): Promise<void> => {
    const view = participant.view()!
    const [first, second] = members.map((one) => view.members.get(accountOf(one))?.seat)
    const { families } = shared.learner
    const arithmetic = arithmeticOf(manifest, families)
    for (const round of view.rounds)
      for (const one of members) {
        const account = accountOf(one)
        const scores = arithmetic.tasksOf(round).map((task) => arithmetic.scoreOf(task, 'none'))
        const part = (votes: readonly number[]): Part => ({
          ...{ root: textsRoot(texts), scores, votes, salt: `0x${'5a'.repeat(32)}` },
        })
        // Nobody may vote for itself.
        const favourite = one === members[0] ? second! : first!
        const parts = [part([]), undefined, part(texts.map(() => favourite + 1))]
        const once = async (what: string, act: () => Promise<{ readonly ok: boolean }>) => {
          const key = `${round.round} ${account} ${what}`
          if (!done.has(key) && (await act()).ok) done.add(key)
        }
        for (const stage of [0, 2]) {
          const place = {
            ...{ chainId: LOCAL_CHAIN.id, contract: one.addresses.swarms, swarm },
            ...{ round: round.round, stage, account },
          }
          const commitment = commitmentOf(place, parts[stage]!)
          await once(`${stage}`, () => one.send(one.calls.submitStage(swarm, round.round, stage, commitment)))
        }
        const opened = [parts[0]!, parts[2]!].map(({ root, scores: claimed, votes, salt }) => ({
          ...{ root, scores: packBytes(claimed), votes: packBytes(votes), salt },
        }))
        await once('claim', () => one.send(one.calls.claimScores(swarm, round.round, account, opened)))
        const key = `${round.round} ${account}`
        const isDue = performance.now() - (said.get(key) ?? 0) > SAY_AGAIN_MS
        if (round.settled || !isDue || !done.has(`${key} 0`)) continue
        said.set(key, performance.now())
        await attacker.say(TOPIC, answersOf(swarm, round.round, account, texts))
        // True, and nothing to learn from.
        for (const task of tasksOf(shared.learner, round, view.members.get(account)!.seat)) {
          const score = arithmetic.scoreOf(task, 'none')
          const rollouts = Array.from({ length: manifest.learning.groupSize }, () => ({
            ...{ text: 'none', ended: true, score },
          }))
          const group = { participant: account, modelRoot: ZERO, round: round.round, task, rollouts }
          await attacker.say(TOPIC, groupOf(swarm, group))
        }
      }
  }
  return { members, play }
}
const SAY_AGAIN_MS = 2_000
const accountOf = ({ connection }: MarketChain): Hex => connection.account.address.toLowerCase() as Hex

/** What the honest come to among themselves in the rounds that the chain has drawn: the states of their models. */
const amongThemselves = async (
  { learner }: typeof shared,
  rounds: readonly RoundView[],
  seats: readonly { readonly account: Hex; readonly seat: number }[],
): Promise<Uint8Array[]> => {
  const first = await learner.first()
  let states = seats.map(() => first)
  for (const round of rounds) {
    const seed = Number(BigInt(round.seed) & 0xffffffffn)
    const groups: OwnGroup[][] = []
    for (const [i, { seat }] of seats.entries()) {
      const drawn = draws(seed, PURPOSE.generation, round.round, seat)
      groups.push(await learner.groups(states[i]!, tasksOf(learner, round, seat), drawn.word()))
    }
    const next = []
    for (const [i, { seat }] of seats.entries()) {
      const others = seats
        .flatMap(({ account }, other) =>
          other === i ? [] : groups[other]!.map((one) => ({ account, ...one })),
        )
        .map((one) => ({ ...one, place: `${one.account} sorting 1 ${one.group.task.seed}` }))
        .toSorted((a, b) => (a.place < b.place ? -1 : 1))
      const drawn = draws(seed, PURPOSE.choice, round.round, seat)
      next.push((await learner.learn(states[i]!, groups[i]!, others, drawn)).state)
    }
    states = next
  }
  return states.map(learner.encode)
}

const create = async (): Promise<number> => {
  const { requester } = people
  const { calls, addresses } = requester
  await requester.does(calls.approve(addresses.vault, parseEther('9000')))
  await requester.does(calls.deposit(requester.address, parseEther('1000')))
  const minimumBond = await readMinimumBond(requester.connection, addresses.disputes)
  const terms = swarmTermsOf(manifest, { now: await requester.now(), minimumBond })
  const events = await requester.does(calls.createSwarm(terms))
  const created = events.find((event) => event.contract === 'swarms' && event.name === 'SwarmCreated')
  assert.ok(created?.contract === 'swarms' && created.name === 'SwarmCreated')
  return Number(created.args.swarm)
}

const MOST_WAITS = 6_000
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

test('a live swarm under attack: nobody honest learns another bit, strangers and liars are dropped, a crowd gains nothing', async (t) => {
  const swarm = await create()
  const faults: string[] = []
  const members: Participant[] = []
  for (const [at, name] of HONEST.entries()) {
    const person = people[name]
    const peer = peers[at]!
    const opened = await openParticipant({
      ...{ market: person, fromBlock: people.deployment.fromBlock, account: person.address, swarm, manifest },
      ...{ topic: topics[at]!, peerId: peer.id, executor, learner: shared.learner },
      directory: join(directory, name),
      blame: (author: PeerId, why: string) => peer.penalise(author, 'rejected', why),
      tell: (event) => {
        if (event.event === 'did' && event.duty.do === 'challenge') faults.push(JSON.stringify(event.duty))
      },
    })
    members.push(unwrap(opened))
  }
  for (const member of members) await member.turn()
  const heard: SharedGroup[] = []
  topics[0]!.subscribe(({ body, author }) => {
    if (body.kind !== 'group' || !peers.some(({ id }) => id === author)) return
    heard.push(unwrap(decodeSharedGroup(Buffer.from(body.group, 'base64'))))
  })
  const attacker = await attack()
  const crowdsPeer = await attack()
  const { liar } = people
  await liar.does(liar.calls.joinSwarm(swarm, peerHex(attacker.id)))
  const crowd = await openCrowd(swarm, crowdsPeer)
  const liarsAccount = liar.address.toLowerCase() as Hex
  const resident = await heapInUse()

  const attacked = new Set<number>()
  const betweenTurns = async (): Promise<void> => {
    await crowd.play(members[0]!)
    const { rounds, members: seats } = members[0]!.view()!
    const round = rounds.at(-1)
    // Something of this round has been said by somebody honest: there is what can be copied.
    if (round === undefined || attacked.has(round.round)) return
    if (!heard.some(({ round: of }) => of === round.round)) return
    attacked.add(round.round)
    const seat = seats.get(liarsAccount)!.seat
    await lie(shared, { attacker, account: liarsAccount, seat }, swarm, round, heard)
    await sayGarbage(swarm, round.round)
    await crowdOfStrangers(swarm)
    await flood(swarm)
  }
  for (let waited = 0; ; ) {
    const turns = []
    for (const member of members) turns.push(await member.turn())
    if (turns.every(({ over }) => over)) break
    await betweenTurns()
    if (turns.some(({ did }) => did > 0)) continue
    if (turns.some(({ waits, computes }) => waits || computes)) {
      assert.ok(waited++ < MOST_WAITS, 'something is expected that nobody says')
      await sleep(10)
      continue
    }
    const times = turns.flatMap(({ next }) => next ?? [])
    assert.ok(times.length > 0, 'nobody has anything to do, now or later')
    await people.passTo(Math.min(...times))
  }
  const view = members[0]!.view()!
  assert.equal(attacked.size, ROUNDS)
  assert.equal(view.rounds.length, ROUNDS)

  await t.test('their models are bit for bit those of a swarm of the honest alone', async () => {
    const seats = HONEST.map((name) => {
      const account = people[name].address.toLowerCase() as Hex
      const seat = [...view.rounds[0]!.entries].find(([, entry]) => entry.account === account)![0]
      return { account, seat }
    })
    const expected = await amongThemselves(shared, view.rounds, seats)
    const begun = shared.learner.encode(await shared.learner.first())
    for (const [i, member] of members.entries()) {
      const { round, file } = member.model()
      assert.equal(round, ROUNDS)
      // Digests: the difference of two states would be as long as a book.
      assert.equal(digestOf(await readFile(file)), digestOf(expected[i]!))
      assert.notEqual(digestOf(expected[i]!), digestOf(begun))
    }
  })
  await t.test('they have heard each other, and refused the rest', async () => {
    for (const name of HONEST) {
      const lines = (await readFile(join(directory, name, 'metrics.jsonl'), 'utf8')).trim().split('\n')
      const metrics = lines.map((line) => JSON.parse(line) as SwarmMetrics)
      for (const { heard: taken, external } of metrics) {
        assert.equal(taken, (2 + CROWD) * manifest.learning.groups)
        assert.ok(external > 0)
      }
      assert.ok(metrics[0]!.refused >= manifest.learning.groups, `${metrics[0]!.refused} refused`)
    }
    assert.deepEqual(faults, [], 'nobody honest was doubted')
  })
  await t.test('the network holds it against them, and has dropped the liar', async () => {
    for (const kind of ['malformed', 'oversize', 'rejected', 'flood']) assert.ok(misconduct(kind) > 0, kind)
    assert.ok(isDropped(attacker), 'the liar')
    for (const peer of peers)
      assert.equal(peer.peers().filter(({ id }) => peers.some((p) => p.id === id)).length, 2)
  })
  await t.test('identities that solve nothing weigh nothing and earn nothing', () => {
    const accounts = new Set(crowd.members.map(accountOf))
    for (const { seed, seats, entries, paid } of view.rounds) {
      const bytes = (word: Hex | undefined) => (word === undefined ? [] : unpackBytes(word, tasks))
      const plays = Array.from({ length: seats }, (_, seat) => {
        const entry = entries.get(seat)
        if (entry?.opened === undefined) return undefined
        const { opened, account } = entry
        return {
          account,
          answers: bytes(opened.get(0)?.scores),
          judgements: bytes(opened.get(1)?.scores),
          finals: bytes(opened.get(2)?.scores),
          votes: bytes(opened.get(2)?.votes),
        }
      })
      assert.equal(plays.filter((play) => play !== undefined && accounts.has(play.account)).length, CROWD)
      const withVotes = pointsOf(seed, manifest.weights, tasks, plays)
      const without = pointsOf(
        ...([seed, manifest.weights, tasks] as const),
        plays.map((play) => (play && accounts.has(play.account) ? { ...play, votes: [] } : play)),
      )
      assert.deepEqual(withVotes, without)
      for (const { account, points, amount } of paid)
        if (accounts.has(account)) assert.deepEqual([points, amount], [0n, 0n])
      assert.ok(paid.some(({ amount }) => amount > 0n))
    }
  })
  await t.test('and memory stays where it was', async () => {
    const grown = (await heapInUse()) - resident
    t.diagnostic(`${(grown / 2 ** 20).toFixed(1)} MiB more than before the attacks`)
    assert.ok(grown < MOST_GROWTH, `${grown} bytes`)
  })
  for (const member of members) member.close()
})
