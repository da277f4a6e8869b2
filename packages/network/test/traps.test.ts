import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Stream } from '@libp2p/interface'
import type { Peer, TopicDefinition } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { z } from 'zod'
import { addressOf, eventually, heapInUse, pause, start } from './company.ts'
import { startStranger } from './stranger.ts'

/*
 * What the libraries below do by default, and would not do for us. Those that are not here are where their subject is:
 * a writer that outruns `drain`, a receive window larger than the read buffer, handlers that close nothing, a kill that
 * looks like a clean end: channel.test.ts; no limit on requests: protocol.test.ts; gossip that is too long and silently
 * dropped, frames and signatures nobody answers for: gossip.test.ts; a relay's limit of 128 KiB: discovery.test.ts.
 */

const jobs: TopicDefinition<{ job: number; note: string }> = {
  name: 'jobs',
  version: 1,
  schema: z.strictObject({ job: z.int(), note: z.string() }),
  maxBytes: 20_000,
  authorRate: { perSecond: 1000, burst: 1000 },
}

test('IP colocation and the inbound rate: sixteen peers of one host dial one peer at once, and hear each other through it', async (t) => {
  const hub = await start(t, { limits: { fewPeers: 0 } })
  hub.topic(jobs).subscribe(() => {})
  const leaves = await Promise.all(
    Array.from({ length: 16 }, () => start(t, { listen: [], limits: { fewPeers: 0 } })),
  )
  const heard = leaves.map(() => 0)
  const topics = leaves.map((leaf) => leaf.topic(jobs))
  topics.forEach((topic, i) => topic.subscribe(() => void heard[i]!++))
  const dialled = await Promise.all(leaves.map((leaf) => leaf.dial(addressOf(hub))))
  assert.deepEqual(
    dialled.map(unwrap),
    leaves.map(() => hub.id),
  )
  await eventually('gossip runs', () => topics.every((topic) => topic.listeners().length === 1))
  // Scores are reckoned once a second; a penalty would be felt from the second message on.
  for (let job = 1; job <= 3; job++) {
    unwrap(await topics[0]!.publish({ job, note: '' }))
    await eventually(`all have heard message ${job}`, () => heard.every((n, i) => n === (i === 0 ? 0 : job)))
    await pause(1200)
  }
})

test('one ping that fails ends no connection; three do', async (t) => {
  const peer = await start(t, { limits: { pingMs: 500 } })
  const late = await startStranger(t)
  let pings = 0
  await late.node.handle('/ipfs/ping/1.0.0', async (stream: Stream) => {
    const fails = ++pings % 3 !== 0
    stream.addEventListener('message', ({ data }) => {
      if (!fails) stream.send(data)
    })
  })
  await late.meet(peer)
  await eventually('it was pinged often', () => pings >= 8)
  assert.deepEqual(
    peer.peers().map((p) => p.id),
    [late.id],
  )
  assert.ok(peer.peers()[0]!.roundTripMs !== null)
  const dead = await startStranger(t)
  await dead.node.handle('/ipfs/ping/1.0.0', () => {})
  await dead.meet(peer)
  await eventually('it is dropped', () =>
    peer.lines.some((l) => l.fields.peer === dead.id && l.fields.why === '3 pings failed'),
  )
  const unaware = await startStranger(t)
  await unaware.meet(peer)
  await pause(2500)
  assert.ok(
    peer.peers().some((p) => p.id === unaware.id),
    'who does not know pings has answered too',
  )
})

test('gossip has no back-pressure: a peer that does not read costs a bounded backlog, and is dropped', async (t) => {
  const peer = await start(t, { limits: { pingMs: 300, gossipBacklogBytes: 256 << 10 } })
  const topic = peer.topic(jobs)
  topic.subscribe(() => {})
  const lazy = await startStranger(t)
  const wire = `${lazy.prefix}/topic/jobs/1`
  lazy.node.services.gossip.subscribe(wire)
  const connection = await lazy.meet(peer)
  await eventually('gossip runs', () => topic.listeners().includes(lazy.id))
  await eventually('it has a stream', () =>
    connection.streams.some((s) => s.protocol.startsWith('/meshsub') && s.direction === 'inbound'),
  )
  for (const stream of connection.streams) if (stream.protocol.startsWith('/meshsub')) stream.pause()
  const before = await heapInUse()
  for (let job = 1; job <= 600; job++) {
    unwrap(await topic.publish({ job, note: 'x'.repeat(15_000) }))
    if (job % 20 === 0) await pause(10)
  }
  await eventually('it is dropped', () =>
    peer.lines.some((l) => l.fields.why === 'it did not read its gossip'),
  )
  await pause(6000)
  const grown = (await heapInUse()) - before
  assert.ok(grown < 12 << 20, `${grown} bytes more after 600 messages of 15 kB to a peer that does not read`)
})

test('connections above the limit are refused, and those that exist go on', async (t) => {
  const small = await start(t, { limits: { maxConnections: 3, fewPeers: 0 } })
  const guests: Peer[] = []
  for (let i = 0; i < 6; i++) guests.push(await start(t, { listen: [], limits: { fewPeers: 0 } }))
  const results = []
  for (const guest of guests) results.push(await guest.dial(addressOf(small)))
  await pause(300)
  assert.ok(small.stats().connections <= 3, `${small.stats().connections}`)
  assert.ok(small.peers().length > 0)
  assert.ok(results.filter((r) => r.ok).length >= 3)
})

test('@libp2p/webrtc, which brings a mobile framework, is not installed; neither is a DHT whose put reports success for what nobody took', () => {
  const lock = readFileSync(join(import.meta.dirname, '../../../package-lock.json'), 'utf8')
  for (const name of ['@libp2p/webrtc', 'react-native', '@libp2p/kad-dht', 'helia'])
    assert.ok(!lock.includes(`node_modules/${name}"`), name)
})
