import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fail, ok, unwrap } from '@lockstep/tensor'
import { CHUNK } from '../../src/blob/blob-id.ts'
import type { Offer } from '../../src/blob/pulls.ts'
import { sampleBytes } from '../../src/blob/sample-bytes.ts'
import { dial, eventually, flipped, joinParty, lying, network, pause } from './party.ts'

const reason = { chain: network.chainId, market: network.market, job: '7' }
const refusal = { code: 'job-unknown', field: 'job', value: '8', limit: 'open jobs', remedy: 'Post it.' }

test('a relay pulls what its policy accepts, pins it for the reason that the policy gave, and says when it has it', async (t) => {
  const offers: Offer[] = []
  const relay = await joinParty(t, {
    accept: async (offer) => {
      offers.push(offer)
      return offer.reason.job === '7' ? ok(`job ${offer.reason.job}`) : fail(refusal)
    },
  })
  const a = await joinParty(t)
  await dial(a.peer, relay.peer)
  const id = unwrap(await a.store.put(sampleBytes(9 * CHUNK + 1)))
  unwrap(await a.service.offer(relay.peer.id, id, reason))
  assert.deepEqual(offers, [{ id, reason, from: a.peer.id }])
  assert.deepEqual(relay.store.stat(id)?.pins, ['job 7'])
  assert.deepEqual(unwrap(await relay.store.verify(id)), [])
  assert.equal(a.sent.length, 10)
  unwrap(await a.service.offer(relay.peer.id, id, reason))
  assert.equal(a.sent.length, 10)

  const refused = await a.service.offer(relay.peer.id, id, { ...reason, job: '8' })
  assert.ok(!refused.ok && refused.fault.code === 'offer-refused')
  assert.match(String(refused.fault.value), /job: 8/)

  // Who offered can go: others get it from the relay.
  const b = await joinParty(t)
  await dial(b.peer, relay.peer)
  unwrap(await b.service.fetch(id, [relay.peer.id]))
})

test('offers without a policy, and of blobs that are too long, are refused', async (t) => {
  const [closed, small] = [
    await joinParty(t),
    await joinParty(t, { accept: async () => ok('any'), pulls: { maxBytes: 100 } }),
  ]
  const a = await joinParty(t)
  const id = unwrap(await a.store.put(sampleBytes(101)))
  for (const relay of [closed, small]) {
    await dial(a.peer, relay.peer)
    const refused = await a.service.offer(relay.peer.id, id, reason)
    assert.ok(!refused.ok && refused.fault.code === 'offer-refused', JSON.stringify(refused))
    assert.equal(relay.store.list().length, 0)
  }
  await assert.rejects(
    a.service.offer(small.peer.id, `${'0'.repeat(64)}-5` as typeof id, reason),
    /not in the store/,
  )
})

test('a relay pulls so many at a time, and tells the others that it is busy', async (t) => {
  const relay = await joinParty(t, { accept: async () => ok('any'), pulls: { atOnce: 1 } })
  const answered = Promise.withResolvers<void>()
  const waiting = lying(async (i, chunk) => {
    if (i >= 10) await answered.promise
    return chunk
  })
  const a = await joinParty(t, { serving: waiting })
  await dial(a.peer, relay.peer)
  const [one, two] = [
    unwrap(await a.store.put(sampleBytes(20 * CHUNK))),
    unwrap(await a.store.put(sampleBytes(CHUNK))),
  ]
  const first = a.service.offer(relay.peer.id, one, reason)
  await eventually('the first is being pulled', () => relay.service.stats().fetching === 1)
  const second = await a.service.offer(relay.peer.id, two, reason)
  assert.ok(!second.ok && second.fault.code === 'offer-busy')
  answered.resolve()
  unwrap(await first)
  unwrap(await a.service.offer(relay.peer.id, two, reason))
})

test('an offer whose bytes are garbage fails, and nothing stays pinned', async (t) => {
  const relay = await joinParty(t, { accept: async () => ok('any') })
  const a = await joinParty(t, { serving: lying((_, chunk) => flipped(chunk)) })
  await dial(a.peer, relay.peer)
  const id = unwrap(await a.store.put(sampleBytes(3 * CHUNK)))
  const failed = await a.service.offer(relay.peer.id, id, reason)
  assert.ok(!failed.ok && failed.fault.code === 'offer-failed')
  assert.deepEqual(relay.store.stat(id)?.pins, [])
  assert.deepEqual(relay.blamed, [{ peer: a.peer.id, misconduct: 'garbage' }])
})

test('offers for which there is no pin left fail, and take no turn from others', async (t) => {
  const relay = await joinParty(t, {
    accept: async ({ reason }) => ok(reason.job),
    pulls: { atOnce: 1 },
    store: { maxPins: 1 },
  })
  const a = await joinParty(t)
  await dial(a.peer, relay.peer)
  const id = unwrap(await a.store.put(sampleBytes(5)))
  unwrap(await a.service.offer(relay.peer.id, id, reason))
  for (const job of ['8', '9']) {
    const failed = await a.service.offer(relay.peer.id, id, { ...reason, job })
    assert.ok(!failed.ok && failed.fault.code === 'offer-failed', JSON.stringify(failed))
    assert.match(String(failed.fault.value), /pins-full/)
  }
  unwrap(await a.service.offer(relay.peer.id, id, reason))
})

test('an offer that is cancelled ends the pull', async (t) => {
  const relay = await joinParty(t, { accept: async () => ok('any') })
  const slow = lying(async (_, chunk) => {
    await pause(50)
    return chunk
  })
  const a = await joinParty(t, { serving: slow })
  await dial(a.peer, relay.peer)
  const id = unwrap(await a.store.put(sampleBytes(200 * CHUNK)))
  const stop = new AbortController()
  const offered = a.service.offer(relay.peer.id, id, reason, { signal: stop.signal })
  await eventually('it is being pulled', () => (relay.store.stat(id)?.held ?? 0) > 2)
  stop.abort()
  assert.ok(!(await offered).ok)
  await eventually('the pull ends', () => relay.service.stats().fetching === 0)
  assert.deepEqual(relay.store.stat(id)?.pins, [])
})
