import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  bidsProtocol,
  bidsTopic,
  historiesTopic,
  historyProtocol,
  jobProtocol,
  jobsTopic,
  mailboxChecks,
  openMailbox,
  progressTopic,
  swarmsTopic,
} from '@lockstep/client'
import { createPeer, type Misconduct, newPeerKey, type PeerId, silent } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { startStranger } from '../../network/test/stranger.ts'
import { dripFromPeers } from '../src/daemon/prepare-account.ts'
import { type Attacker, attackerOf, frame, pause, stopAttackers, unframed } from './hostile/attacker.ts'
import { type AnyTopic, PROTOCOLS, TOPICS } from './hostile/definitions.ts'
import {
  FLOODS,
  floodProtocol,
  floodTopic,
  REQUESTS,
  residentBytes,
  SWARM_ANSWERS,
  watchMemory,
} from './hostile/floods.ts'
import { FORGED } from './hostile/forged.ts'
import { spoil } from './hostile/spoiled.ts'
import { openStage, type Stage } from './hostile/stage.ts'

/** A relay in a process of its own, and strangers that speak its real protocols and keep to none of its limits. */

const isNight = process.env.LOCKSTEP_NIGHTLY !== undefined
/** Of each flood. */
const FLOOD = isNight ? { milliseconds: 20_000, names: 40 } : { milliseconds: 1_000, names: 3 }
/** What the relay may grow by, over what it had before the first attack. */
const MOST_GROWTH = 320 * 2 ** 20
/** Spoiled messages of a topic or protocol: all by night. */
const MOST_SPOILED = isNight ? 1_000 : 12

let stage: Stage
const heard: { topic: string; body: unknown; author: PeerId }[] = []
const figures = { attacks: 0, names: 0, sent: 0, resident: 0 }
before(async () => {
  stage = await openStage()
  figures.resident = await residentBytes(stage.town.member('relay').pid()!)
  for (const topic of TOPICS)
    stage.ear
      .topic(topic)
      .subscribe(({ body, author }) => void heard.push({ topic: topic.name, body, author }))
})
after(async () => {
  await stopAttackers()
  await stage?.ear.stop()
  await stage?.town.close()
})

const good = (topic: AnyTopic): unknown =>
  ({
    [jobsTopic.name]: stage.announcement,
    [bidsTopic.name]: stage.bid,
    [historiesTopic.name]: stage.history,
    [progressTopic.name]: { job: stage.job, slice: 0, attempt: 1, step: 1, steps: 4, loss: 3.5 },
    [swarmsTopic.name]: SWARM_ANSWERS,
  })[topic.name]

/** What a peer was held to have done wrong, as the relay has logged it. */
const misconductOf = (id: PeerId): readonly Misconduct[] =>
  stage
    .linesOf(id)
    .filter(({ msg }) => msg === 'a peer lost standing' || msg === 'a peer was dropped and banned')
    .map(({ misconduct }) => misconduct as Misconduct)

const eventually = async (what: string, holds: () => boolean, milliseconds = 120_000): Promise<void> => {
  const end = Date.now() + milliseconds
  while (!holds()) {
    assert.ok(Date.now() < end, `not within ${milliseconds} ms: ${what}`)
    await pause(20)
  }
}

/** Lets strangers do these things, each as many as it takes to be banned, and holds each to have cost what it has to. */
const attackWith = async <T>(
  attacks: readonly T[],
  misconduct: Misconduct,
  perName: number,
  act: (attacker: Attacker, attack: T) => Promise<void>,
): Promise<void> => {
  for (let at = 0; at < attacks.length; at += perName) {
    const attacker = await attackerOf(stage)
    const own = attacks.slice(at, at + perName)
    for (const [i, attack] of own.entries()) {
      await act(attacker, attack)
      await eventually(
        `${JSON.stringify(attack).slice(0, 200)} costs standing`,
        () => misconductOf(attacker.id).length > i,
      )
    }
    assert.deepEqual(
      misconductOf(attacker.id),
      Array(own.length).fill(misconduct),
      JSON.stringify(own).slice(0, 400),
    )
    if (own.length === perName && perName * COSTS[misconduct]! >= 100)
      await eventually('it is dropped', () => !attacker.isConnected())
    await attacker.stop()
    figures.names++
    figures.attacks += own.length
  }
}
const COSTS: { readonly [kind in Misconduct]?: number } = {
  malformed: 25,
  oversize: 25,
  rejected: 20,
  replay: 10,
}

const some = <T>(all: readonly T[]): readonly T[] => {
  const every = Math.max(1, all.length / MOST_SPOILED)
  return Array.from({ length: Math.min(all.length, MOST_SPOILED) }, (_, i) => all[Math.floor(i * every)]!)
}

test('whatever a node speaks and listens to is attacked here, or named with where it is', async () => {
  const elsewhere = { 'blob/1': '../../network/test/blob/strangers.test.ts' }
  for (const file of Object.values(elsewhere)) assert.ok(existsSync(join(import.meta.dirname, file)), file)
  const attacker = await attackerOf(stage)
  const spoken = await attacker.spoken()
  await attacker.stop()
  const wire = ({ name, version }: { name: string; version: number }): string => `${name}/${version}`
  assert.deepEqual(spoken.topics.sort(), TOPICS.map(wire).sort())
  assert.deepEqual(spoken.protocols.sort(), [...PROTOCOLS.map(wire), ...Object.keys(elsewhere)].sort())
  const names = (list: readonly { name: string }[]): string[] => list.map(({ name }) => name).sort()
  assert.deepEqual(Object.keys(FORGED).sort(), names(TOPICS))
  assert.deepEqual(Object.keys(FLOODS).sort(), names(TOPICS))
  assert.deepEqual(Object.keys(REQUESTS).sort(), names(PROTOCOLS))
})

test('what is good is passed on, once', async () => {
  const attacker = await attackerOf(stage)
  for (const topic of TOPICS) {
    const sentAt = Date.now()
    for (let i = 0; i < 3; i++) await attacker.say(topic, good(topic), sentAt).catch(() => {})
  }
  const from = () => heard.filter(({ author }) => author === attacker.id)
  await eventually('all is heard', () => from().length >= TOPICS.length)
  await pause(300)
  assert.deepEqual(
    from()
      .map(({ topic }) => topic)
      .sort(),
    TOPICS.map(({ name }) => name).sort(),
  )
  assert.deepEqual(misconductOf(attacker.id), [])
  await attacker.stop()
})

for (const topic of TOPICS) {
  const bytes = (text: string): Uint8Array => Buffer.from(text)

  test(`topic ${topic.name}: what does not fit is dropped, costs standing and is logged, and its sender is banned`, async () => {
    const message = { sentAt: Date.now(), body: good(topic) }
    const garbage: readonly Uint8Array[] = [
      bytes(''),
      bytes('no json'),
      bytes('[]'),
      bytes('null'),
      bytes('{"__proto__":{"sentAt":1}}'),
      bytes(JSON.stringify(message).slice(0, -1)),
      bytes('['.repeat(Math.min(topic.maxBytes, 400))),
      Uint8Array.of(0xff, 0xfe, 0x00),
      bytes(JSON.stringify({ ...message, sentAt: -1 })),
      bytes(JSON.stringify({ ...message, sentAt: 'now' })),
      bytes(JSON.stringify({ body: message.body })),
      bytes(JSON.stringify({ ...message, more: 1 })),
    ]
    await attackWith(garbage, 'malformed', 4, (attacker, it) => attacker.sayBytes(topic, it))
    const spoiled = spoil(topic.schema, good(topic)).filter(
      ({ value }) => JSON.stringify(value).length < topic.maxBytes - 100,
    )
    for (const field of Object.keys(good(topic) as object))
      assert.ok(
        spoiled.some(({ what }) => what.startsWith(field)),
        `${topic.name}.${field} takes anything`,
      )
    await attackWith(some(spoiled), 'malformed', 4, (attacker, { value }) => attacker.say(topic, value))
    await attackWith([1, 2, 3, 4], 'oversize', 4, (attacker, more) =>
      attacker.sayBytes(topic, bytes(JSON.stringify(message).padEnd(topic.maxBytes + more, ' '))),
    )
  })

  test(`topic ${topic.name}: what was said long ago, or is to be said one day, is dropped and costs standing`, async () => {
    const times = [-86_400_000, -121_000, 121_000, 86_400_000, 2 ** 52]
    await attackWith(times, 'replay', times.length, (attacker, off) =>
      attacker.say(topic, good(topic), Date.now() + off),
    )
  })

  test(`topic ${topic.name}: what is forged is passed on to nobody, and kept by nobody`, async () => {
    const all = await FORGED[topic.name]!(stage)
    const before = heard.length
    await attackWith(
      all.filter(({ costs }) => costs === 'rejected'),
      'rejected',
      5,
      (attacker, { body }) => attacker.say(topic, body),
    )
    const doubtful = all.filter(({ costs }) => costs === 'nothing')
    const attacker = await attackerOf(stage)
    for (const { body } of doubtful) await attacker.say(topic, body)
    figures.attacks += doubtful.length
    await pause(500)
    assert.deepEqual(misconductOf(attacker.id), [], 'an honest peer may not know better')
    await attacker.stop()
    assert.deepEqual(
      heard.slice(before).filter(({ topic: name }) => name === topic.name),
      [],
      'nothing was passed on',
    )
  })
}

test('after all that the relay has what it had: the announcement, one bid, one history', async () => {
  const { ear, relay, job, announcement, bid, history } = stage
  const { manifest } = unwrap(await ear.protocol(jobProtocol).request(relay.id, { job }))
  assert.equal(manifest, announcement.manifest)
  assert.deepEqual(unwrap(await ear.protocol(bidsProtocol).request(relay.id, { job })).bids, [bid])
  const told = unwrap(await ear.protocol(historyProtocol).request(relay.id, { claim: history.claim }))
  assert.deepEqual({ ...told, holders: [] }, { ...history, holders: [] })
  for (const unknown of [4711, job + 1]) {
    const answer = await ear.protocol(jobProtocol).request(relay.id, { job: unknown })
    assert.ok(!answer.ok && answer.fault.code === 'unknown')
    assert.deepEqual(unwrap(await ear.protocol(bidsProtocol).request(relay.id, { job: unknown })).bids, [])
  }
})

for (const protocol of PROTOCOLS) {
  const { name, version, maxRequestBytes } = protocol
  const path = `${name}/${version}`

  test(`protocol ${name}: questions that do not fit are not answered, cost standing and are logged`, async () => {
    const request = REQUESTS[name]!(stage)
    const garbage: readonly Uint8Array[] = [
      frame(''),
      frame('no json'),
      frame('[]'),
      frame('null'),
      frame(Uint8Array.of(0xff, 0xfe)),
      frame('{"__proto__":1}'),
      ...some(spoil(protocol.request, request))
        .map(({ value }) => frame(value as object))
        .filter(({ length }) => length <= maxRequestBytes),
    ].slice(0, name === 'faucet' ? 16 : MOST_SPOILED)
    await attackWith(garbage, 'malformed', 4, async (attacker, it) => {
      const answer = unframed(await attacker.ask(path, it)) as { fault?: { code: string } } | undefined
      assert.ok(answer === undefined || answer.fault?.code === 'message-malformed', JSON.stringify(answer))
    })
    const long = [
      Uint8Array.of(0xff, 0xff, 0xff, 0xff, 1),
      Uint8Array.of(0, 0x80, 0, 0),
      frame(JSON.stringify(request).padEnd(maxRequestBytes + 1, ' ')),
    ]
    await attackWith(long, 'oversize', 4, async (attacker, it) => {
      assert.equal((await attacker.ask(path, it))?.length ?? 0, 0, 'no answer')
    })
    await attackWith(
      [Uint8Array.of(0, 0), Uint8Array.of(0, 0, 0, 9, 1, 2)],
      'stalled',
      2,
      async (attacker, it) => {
        await attacker.ask(path, it)
      },
    )
  })

  test(`protocol ${name}: a question that is asked again is answered again, and more behind it is not read`, async () => {
    const attacker = await attackerOf(stage)
    const request = frame(REQUESTS[name]!(stage) as object)
    const answers: unknown[] = []
    // A question that is in order is answered on a busy machine, too: the faucet's takes a transaction.
    for (const bytes of [request, request, Buffer.concat([request, Buffer.alloc(1000, 0xff)])])
      answers.push(unframed(await attacker.ask(path, bytes, 60_000)))
    for (const answer of answers) assert.ok(Object.hasOwn(answer as object, 'value'), JSON.stringify(answer))
    // Which peers are told of is drawn.
    if (name !== 'peers') assert.deepEqual(answers[1], answers[0])
    assert.deepEqual(misconductOf(attacker.id), [])
    figures.attacks += answers.length
    await attacker.stop()
  })
}

test('what asks for another chain or market, says no hello, or says it wrongly, is not talked to', async () => {
  const { relay, network } = stage
  for (const other of [
    { ...network, chainId: network.chainId + 1 },
    { ...network, market: `0x${'66'.repeat(20)}` as const },
    { ...network, version: network.version + 1 },
  ]) {
    const stranger = await startStranger({ after: () => {} }, other)
    await stranger.meet(relay.address).catch(() => {})
    await eventually('it is banned', () => misconductOf(stranger.id).includes('wrong-network'))
    await eventually('it is dropped', () => stranger.node.getConnections().length === 0)
    await stranger.node.stop()
    figures.attacks++
  }
})

/** What a peer may answer that should not be believed: for each protocol, of which the asker knows what it wanted. */
const LIES: {
  readonly [protocol: string]: (asked: Asked) => readonly (readonly [what: string, value: unknown])[]
} = {
  job: ({ job }) => [
    ['another manifest', { ...stage.announcement, job, manifest: '{}' }],
    ["another job's", { ...stage.announcement, job: job + 1 }],
  ],
  bids: ({ job }) => {
    const { bid, signature } = stage.bid
    return [
      ["another job's bid", { bids: [stage.bid] }],
      ['a bid with the signature of another', { bids: [{ bid: { ...bid, job }, signature }] }],
    ]
  },
  history: () => [
    ['another claim', { ...stage.history, claim: `0x${'77'.repeat(32)}` }],
    ['another item', { ...stage.history, items: stage.history.items.toReversed() }],
    ["another job's", { ...stage.history, job: 2 }],
  ],
  faucet: () => [],
  // A record that its peer has not signed: packages/network/test/discovery.test.ts.
  peers: () => [],
}
type Asked = { readonly job: number }

/** A price in words: what has to be a number is read as one only where it is one. */
const wordyBid = (): object => ({ ...stage.bid, bid: { ...stage.bid.bid, pricePerUnit: 'x' } })

/** A peer with the mailbox of every node and client, that has heard nothing. */
const openAsker = async (fewPeers: number) => {
  const { town, network } = stage
  const { market, deployment } = town
  const peer = unwrap(
    await createPeer({
      ...{ key: await newPeerKey(), network, clock: Date.now, log: silent, bootstrap: [] },
      listen: ['/ip4/127.0.0.1/tcp/0'],
      limits: { fewPeers },
    }),
  )
  const { addresses, chainId } = deployment
  const { read, disputes } = market
  const now = (): number => Math.floor(Date.now() / 1000)
  const mailbox = await openMailbox({
    peer,
    checks: mailboxChecks({ chainId, addresses, read, disputes, now }),
  })
  return {
    ...{ peer, mailbox },
    stop: async () => {
      mailbox.close()
      await peer.stop()
    },
  }
}
type Asker = Awaited<ReturnType<typeof openAsker>>

const ASKS: { readonly [protocol: string]: (asker: Asker, job: number) => Promise<void> } = {
  job: ({ mailbox }, job) => mailbox.ask(job),
  bids: ({ mailbox }, job) => mailbox.ask(job),
  history: ({ mailbox }) => mailbox.askHistory(stage.history.claim),
  faucet: async ({ peer }) => assert.ok(!(await dripFromPeers(peer)([`0x${'11'.repeat(20)}`])).ok),
  peers: async () => {}, // whoever has few peers asks by itself
}

test('answers that do not fit, or are forged, are not kept, cost standing, and end nobody who asked', async () => {
  assert.deepEqual(Object.keys(LIES).sort(), PROTOCOLS.map(({ name }) => name).sort())
  const job = await stage.postInSilence()
  for (const { name, version, maxResponseBytes } of PROTOCOLS) {
    const broken = [
      frame('no json'),
      frame({ value: 'x', fault: 'y' }),
      Uint8Array.of(0xff, 0xff, 0xff, 0xff),
      frame(JSON.stringify({ value: 'x'.repeat(maxResponseBytes) }).padEnd(maxResponseBytes + 2000, ' ')),
      ...(name === 'bids' ? [frame({ value: { bids: [wordyBid()] } })] : []),
    ]
    for (const bytes of [
      ...broken,
      ...LIES[name]!({ job }).map(([, value]) => frame({ value: value as object })),
    ]) {
      const victim = await openAsker(name === 'peers' ? 12 : 0)
      const liar = await startStranger({ after: () => {} }, stage.network)
      try {
        await liar.node.handle(`${liar.prefix}/${name}/${version}`, async (stream) => {
          stream.send(bytes)
          await stream.close()
        })
        unwrap(await victim.peer.dial(String(liar.node.getMultiaddrs()[0])))
        await ASKS[name]!(victim, job)
        const held = (): number => {
          const { malformed, oversize, rejected } = victim.peer.stats().misconduct
          return malformed! + oversize! + rejected!
        }
        await eventually(
          `${name}: ${Buffer.from(bytes).toString().slice(0, 200)} costs standing`,
          () => held() > 0,
        )
        assert.equal(victim.mailbox.announcement(job), undefined)
        assert.deepEqual(victim.mailbox.bids(job), [])
        assert.equal(victim.mailbox.history(stage.history.claim), undefined)
        figures.attacks++
      } finally {
        await victim.stop()
        await liar.node.stop()
      }
    }
  }
  // The relay asks whoever it has for a job of which it has heard nothing.
  const liar = await attackerOf(stage)
  await liar.answer(`${bidsProtocol.name}/${bidsProtocol.version}`, frame({ value: { bids: [wordyBid()] } }))
  const other = await stage.postInSilence()
  await eventually(`it asks for job ${other}`, () => misconductOf(liar.id).includes('malformed'))
  assert.ok(stage.town.member('relay').isUp())
  await liar.stop()
})

test('floods on everything: cut to the rates, held against who floods, and memory stays bounded', async (t) => {
  const { town, ear, relay, job } = stage
  const pid = town.member('relay').pid()!
  const before = await residentBytes(pid)
  const most = watchMemory(pid)
  t.after(most)
  const kinds = [
    ...TOPICS.map((topic) => [topic.name, () => floodTopic(stage, topic, FLOOD)] as const),
    ...PROTOCOLS.map((protocol) => [protocol.name, () => floodProtocol(stage, protocol, FLOOD)] as const),
  ]
  const attack = async ([name, flood]: (typeof kinds)[number]): Promise<void> => {
    const { sent, ids } = await flood()
    figures.sent += sent
    figures.names += ids.length
    await eventually(`${name}: ${sent} sent, and held against it`, () =>
      ids.flatMap(misconductOf).includes('flood'),
    )
    t.diagnostic(`${name}: ${sent} under ${ids.length} names`)
  }
  for (const kind of kinds) await attack(kind)
  const peak = await most()
  // Who keeps to the rates is served all the same.
  unwrap(await ear.protocol(jobProtocol).request(relay.id, { job }))
  assert.ok(town.member('relay').isUp())
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  t.diagnostic(
    `${figures.attacks} attacks, ${figures.sent} messages of floods under ${figures.names} names; the relay had ${mib(figures.resident)} before all of them, ${mib(before)} before the floods, at most ${mib(peak)}`,
  )
  assert.ok(peak - figures.resident < MOST_GROWTH, `${mib(figures.resident)} grew to ${mib(peak)}`)
})
