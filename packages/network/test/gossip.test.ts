import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Peer, TopicDefinition, TopicMessage } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { z } from 'zod'
import { addressOf, attack, eventually, heapInUse, pause, start } from './company.ts'
import { startStranger } from './stranger.ts'

type Job = { job: number; note: string }
const jobs: TopicDefinition<Job> = {
  name: 'jobs',
  version: 1,
  schema: z.strictObject({ job: z.int().min(1), note: z.string() }),
  maxBytes: 20_000,
  authorRate: { perSecond: 10, burst: 20 },
}

const heard = (peer: Peer, definition = jobs): TopicMessage<Job>[] => {
  const messages: TopicMessage<Job>[] = []
  peer.topic(definition).subscribe((message) => void messages.push(message))
  return messages
}

test('twenty peers that each know one address hear every message once, signed by its author', async (t) => {
  const first = await start(t, { limits: { fewPeers: 6 } })
  const rest: Peer[] = []
  for (let i = 1; i < 20; i++)
    rest.push(await start(t, { bootstrap: [addressOf(first)], limits: { fewPeers: 6 } }))
  const all = [first, ...rest]
  const topics = all.map((peer) => peer.topic(jobs))
  const got = all.map((): TopicMessage<Job>[] => [])
  topics.forEach((topic, i) => topic.subscribe((m) => void got[i]!.push(m)))
  await eventually('all are in company', () => all.every((peer) => peer.peers().length >= 5))
  await eventually('all know listeners', () => topics.every((topic) => topic.listeners().length >= 4))
  for (let job = 1; job <= 5; job++) unwrap(await topics[job]!.publish({ job, note: 'hear' }))
  await eventually('all have heard all', () =>
    got.every((messages, i) => messages.length === (i >= 1 && i <= 5 ? 4 : 5)),
  )
  await pause(1500)
  for (const [i, messages] of got.entries()) {
    assert.equal(new Set(messages.map((m) => m.body.job)).size, messages.length, 'none twice')
    for (const m of messages) {
      assert.equal(m.author, all[m.body.job]!.id)
      assert.notEqual(m.source, all[i]!.id)
    }
  }
  assert.deepEqual(
    all.flatMap((p) => Object.values(p.stats().misconduct)).filter((n) => n > 0),
    [],
  )
  const crossed = (what: string): number => all.reduce((sum, peer) => sum + peer.stats().gossip[what]!, 0)
  for (const what of ['frames', 'messages', 'bytes'])
    await eventually(
      `all ${what} that went out came in`,
      () => crossed(`${what}Out`) === crossed(`${what}In`),
    )
  assert.ok(crossed('messagesIn') >= 5 * 19 && crossed('bytesIn') > crossed('messagesIn'))
})

test('what a validator ignores or rejects goes no further, and who passes on what is rejected loses standing', async (t) => {
  const [a, b, c] = [await start(t), await start(t), await start(t)]
  unwrap(await a.dial(addressOf(b)))
  unwrap(await b.dial(addressOf(c)))
  const verdicts = { 1: 'accept', 2: 'ignore', 3: 'reject' } as const
  const picky = { ...jobs, validate: (m: TopicMessage<Job>) => verdicts[m.body.job as 1 | 2 | 3] }
  const topic = a.topic(jobs)
  topic.subscribe(() => {})
  const atB = heard(b, picky)
  const atC = heard(c)
  await c.hangUp(a.id)
  await eventually('a hears of b', () => topic.listeners().length > 0)
  for (const job of [3, 2, 1]) unwrap(await topic.publish({ job, note: '' }))
  await eventually('b has heard', () => atB.length === 1)
  await pause(300)
  assert.deepEqual(
    atB.map((m) => m.body.job),
    [1],
  )
  // c may have met a by itself, so that only what came from b is judged.
  assert.deepEqual(
    atC.filter((m) => m.source === b.id && m.body.job !== 1),
    [],
  )
  assert.equal(b.stats().misconduct.rejected, 1)
  assert.deepEqual(
    { ...b.stats().topics.jobs },
    { published: 0, delivered: 1, ignored: 1, rejected: 1, dropped: 0 },
  )
})

test('what a banned author has signed is neither heard nor carried on, whoever hands it over', async (t) => {
  const [a, b, c] = [await start(t), await start(t), await start(t)]
  unwrap(await a.dial(addressOf(b)))
  unwrap(await b.dial(addressOf(c)))
  const topic = a.topic(jobs)
  topic.subscribe(() => {})
  const atB = heard(b)
  const atC = heard(c)
  await eventually('a knows a listener', () => topic.listeners().length === 1)
  await eventually('c is heard of at b', () => b.peers().length === 2)
  const say = async (job: number): Promise<void> => {
    unwrap(await topic.publish({ job, note: 'through b' }))
    await eventually('b hears', () => atB.some(({ body }) => body.job === job))
  }
  await eventuallySaid(say, () => atC.length > 0)
  c.penalise(a.id, 'wrong-network', 'of a test')
  const before = atC.length
  await say(1_000)
  await eventually('c has had it', () => c.stats().topics.jobs!.ignored! > 0)
  assert.equal(atC.length, before)
})

/** Says one after the other until it is heard: a mesh takes a moment to form. */
const eventuallySaid = async (say: (job: number) => Promise<void>, holds: () => boolean): Promise<void> => {
  for (let job = 1; !holds(); job++) {
    await say(job)
    await pause(200)
    assert.ok(job < 300, 'never heard')
  }
}

test('what does not fit is not published: too long, not of the schema, too often', async (t) => {
  const a = await start(t)
  const topic = a.topic(jobs)
  assert.equal(unwrap(await topic.publish({ job: 1, note: '' })), 0, 'nobody listens, which is no fault')
  const long = await topic.publish({ job: 1, note: 'x'.repeat(20_000) })
  assert.ok(!long.ok && long.fault.code === 'message-oversize')
  const wrong = await topic.publish({ job: 0, note: '' })
  assert.ok(!wrong.ok && wrong.fault.code === 'message-malformed')
  const results = await Promise.all(
    Array.from({ length: 30 }, (_, i) => topic.publish({ job: i + 1, note: '' })),
  )
  assert.ok(results.some((r) => !r.ok && r.fault.code === 'rate-limited'))
  assert.throws(() => a.topic({ ...jobs, name: 'large', maxBytes: 4 << 20 }), /gossip carries at most/)
})

const attacked = async (t: TestContext, limits = {}) => {
  const victim = await start(t, { limits })
  const messages = heard(victim)
  const stranger = await startStranger(t)
  const wire = `${stranger.prefix}/topic/jobs/1`
  await stranger.meet(victim)
  await eventually('gossip runs', () => stranger.node.services.gossip.getSubscribers(wire).length > 0)
  const say = (message: unknown): Promise<unknown> =>
    stranger.node.services.gossip.publish(
      wire,
      typeof message === 'string' ? Buffer.from(message) : Buffer.from(JSON.stringify(message)),
    )
  return { victim, messages, stranger, wire, say }
}

test('malformed messages on a topic are dropped, cost standing and are logged, and the sender is banned', async (t) => {
  const { victim, messages, stranger, say } = await attacked(t)
  await say({ sentAt: Date.now(), body: { job: 1, note: 'fine' } })
  await say('no json')
  await say({ sentAt: Date.now(), body: { job: 'x', note: '' } })
  await say({ body: { job: 1, note: '' } })
  await say({ sentAt: Date.now(), body: { job: 1, note: '', more: 1 } })
  await eventually('it is dropped', () => victim.stats().banned === 1 && victim.stats().connections === 0)
  assert.deepEqual(
    messages.map((m) => m.body.note),
    ['fine'],
  )
  assert.equal(victim.stats().misconduct.malformed, 4)
  const line = victim.lines.find((l) => l.level === 'warn')!
  assert.equal(line.fields.peer, stranger.id)
  assert.match(String(line.fields.detail), /topic jobs: message/)
})

test('oversize messages are dropped and cost standing, above the frame limit too', async (t) => {
  const { victim, messages, say, stranger } = await attacked(t)
  await say({ sentAt: Date.now(), body: { job: 1, note: 'x'.repeat(20_000) } })
  await eventually('it costs standing', () => victim.stats().misconduct.oversize === 1)
  await say({ sentAt: Date.now(), body: { job: 1, note: 'x'.repeat(2 << 20) } })
  await eventually('it costs standing', () => victim.stats().misconduct.oversize === 2)
  assert.equal(messages.length, 0)
  assert.ok(
    victim.lines.filter((l) => l.fields.misconduct === 'oversize' && l.fields.peer === stranger.id).length ===
      2,
  )
})

test('frames that are no gossip, and messages with a forged signature, cost standing', async (t) => {
  const { victim, messages, stranger, wire } = await attacked(t)
  const connection = stranger.node.getConnections()[0]!
  const stream = await stranger.open(connection, '/meshsub/1.2.0')
  stream.send(new Uint8Array([5, 0xff, 0xff, 0xff, 0xff, 0xff]))
  await eventually('it costs standing', () => victim.stats().misconduct.malformed === 1)
  // A message in the wire format whose signature is 64 zero bytes: fields from, data, seqno, topic, signature.
  const field = (n: number, bytes: Uint8Array): Uint8Array =>
    Buffer.concat([Buffer.from([(n << 3) | 2, bytes.length]), bytes])
  const body = Buffer.concat([
    field(1, stranger.node.peerId.toMultihash().bytes),
    field(2, Buffer.from(JSON.stringify({ sentAt: Date.now(), body: { job: 1, note: '' } }))),
    field(3, new Uint8Array(8)),
    field(4, Buffer.from(wire)),
    field(5, new Uint8Array(64)),
  ])
  const varint = (n: number): Uint8Array =>
    n < 128 ? Uint8Array.of(n) : Uint8Array.of((n & 127) | 128, n >> 7)
  const message = Buffer.concat([Uint8Array.of((2 << 3) | 2), varint(body.length), body])
  stream.send(Buffer.concat([varint(message.length), message]))
  await eventually('it costs standing', () => victim.stats().misconduct.malformed === 2)
  assert.ok(victim.lines.some((l) => /a bad signature/.test(String(l.fields.detail))))
  assert.equal(messages.length, 0)
})

test('a message of yesterday is ignored and costs standing; one a little late is only ignored', async (t) => {
  const { victim, messages, say } = await attacked(t)
  await say({ sentAt: Date.now() - 90_000, body: { job: 1, note: 'late' } })
  await eventually('it is ignored', () => victim.stats().topics.jobs!.ignored === 1)
  assert.equal(victim.stats().misconduct.replay, 0)
  for (const off of [-86_400_000, 86_400_000])
    await say({ sentAt: Date.now() + off, body: { job: 1, note: 'replayed' } })
  await eventually('it costs standing', () => victim.stats().misconduct.replay === 2)
  assert.equal(messages.length, 0)
})

test('the same content is heard once, whoever signs it', async (t) => {
  const { victim, messages, say } = await attacked(t)
  const second = await startStranger(t)
  await second.meet(victim)
  const wire = `${second.prefix}/topic/jobs/1`
  await eventually('gossip runs', () => second.node.services.gossip.getSubscribers(wire).length > 0)
  const message = { sentAt: Date.now(), body: { job: 1, note: 'once' } }
  await say(message)
  await second.node.services.gossip.publish(wire, Buffer.from(JSON.stringify(message)))
  await pause(500)
  assert.equal(messages.length, 1)
})

test('a flood on a topic is cut to the rate, costs standing and is logged; memory does not grow; the honest are heard', async (t) => {
  const victim = await start(t)
  const messages = heard(victim)
  const honest = await start(t)
  unwrap(await honest.dial(addressOf(victim)))
  const topic = honest.topic(jobs)
  topic.subscribe(() => {})
  await eventually('gossip runs', () => topic.listeners().length > 0)
  const before = await heapInUse()
  const { sent, ids } = await attack(victim, 'topic', 6)
  assert.ok(sent > 300, `${sent}`)
  unwrap(await topic.publish({ job: 1, note: 'honest' }))
  await eventually('the honest is heard', () => messages.some((m) => m.body.note === 'honest'))
  const through = messages.filter((m) => m.author === ids[0]).length
  assert.ok(through < 60, `${through} of ${sent} by ${ids.length} names`)
  assert.ok(victim.stats().misconduct.flood! > 20)
  assert.ok(
    victim.lines.some(
      (l) => l.message === 'a peer was dropped and banned' && l.fields.misconduct === 'flood',
    ),
  )
  messages.length = 0
  victim.lines.length = 0
  // Gossip remembers a few heartbeats of messages; then they must be gone.
  await pause(6000)
  const grown = (await heapInUse()) - before
  assert.ok(grown < 16 << 20, `${grown} bytes more after ${sent} messages of 15 kB`)
})

test('a slow subscriber gets what fits its queue; the rest is dropped and counted', async (t) => {
  const [a, b] = [await start(t), await start(t, { limits: { topicQueue: 4 } })]
  unwrap(await a.dial(addressOf(b)))
  const topic = a.topic(jobs)
  topic.subscribe(() => {})
  const go = Promise.withResolvers<void>()
  const got: number[] = []
  b.topic(jobs).subscribe(async (m) => {
    await go.promise
    got.push(m.body.job)
  })
  await eventually('gossip runs', () => topic.listeners().length > 0)
  for (let job = 1; job <= 10; job++) unwrap(await topic.publish({ job, note: '' }))
  await eventually('all arrived', () => b.stats().topics.jobs!.delivered === 10)
  go.resolve()
  await eventually('the queue is empty', () => got.length === 5)
  assert.deepEqual(got, [1, 2, 3, 4, 5])
  assert.equal(b.stats().topics.jobs!.dropped, 5)
})

test('topics of other networks and unknown names are not kept', async (t) => {
  const { victim, stranger } = await attacked(t)
  for (let i = 0; i < 200; i++) stranger.node.services.gossip.subscribe(`/elsewhere/${i}`)
  await stranger.node.services.gossip.publish('/elsewhere/1', Buffer.alloc(1000))
  await pause(500)
  assert.equal(victim.peers().length, 1)
  assert.deepEqual(Object.keys(victim.stats().topics), ['jobs'])
})
