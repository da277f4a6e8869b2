import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Channel, Peer } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { hashBlob } from '../../src/blob/blob-hash.ts'
import { CHUNK } from '../../src/blob/blob-id.ts'
import { sampleBytes } from '../../src/blob/sample-bytes.ts'
import {
  BLOBS,
  digestsSchema,
  haveSchema,
  MAX_RESPONSE_BYTES,
  requestSchema,
  runSchema,
} from '../../src/blob/transfer-message.ts'
import { dial, eventually, joinParty, startPeer } from './party.ts'

const bytes = sampleBytes(5 * CHUNK + 7)
const { id, digests } = hashBlob(bytes)

const stranger = async (t: TestContext): Promise<Peer> => {
  const peer = await startPeer()
  t.after(() => peer.stop())
  return peer
}

const frame = (text: string): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, Buffer.from(text)])
}

test('questions that are malformed, too long or of no sense end the stream and cost standing, nothing else', async (t) => {
  const a = await joinParty(t)
  unwrap(await a.store.put(bytes))
  const bad: [string, Buffer][] = [
    ['no JSON', frame('{{{')],
    ['no question', frame('{"ask":"everything"}')],
    ['no id', frame('{"ask":"have","id":"../../etc/passwd"}')],
    ['more than asked for', frame(`{"ask":"have","id":"${id}","extra":1}`)],
    ['no chunks', frame(`{"ask":"chunks","id":"${id}","chunks":[]}`)],
    ['too many chunks', frame(`{"ask":"chunks","id":"${id}","chunks":[${Array(33).fill(0)}]}`)],
    ['a negative chunk', frame(`{"ask":"chunks","id":"${id}","chunks":[-1]}`)],
    ['half a chunk', frame(`{"ask":"chunks","id":"${id}","chunks":[0.5]}`)],
    ['a reason that is none', frame(`{"ask":"offer","id":"${id}","reason":{"chain":1}}`)],
    ['a frame of 4 GiB', Buffer.from([255, 255, 255, 255, 1, 2])],
    ['a frame that is too long', frame(`{"ask":"have","id":"${'f'.repeat(3000)}"}`)],
    ['noise', Buffer.from(bytes.subarray(0, 5000))],
  ]
  for (const [what, message] of bad) {
    const peer = await stranger(t)
    await dial(peer, a.peer)
    const channel = unwrap(await peer.openStream(a.peer.id, BLOBS))
    await channel.write(message)
    const answer = await channel.read(1)
    assert.ok(!answer.ok, what)
    await eventually(`${what} costs standing`, () => {
      const seen = a.peer.peers().find((p) => p.id === peer.id)
      return seen === undefined || seen.standing < 0
    })
  }
  await eventually('no stream is left', () => a.service.stats().streams === 0)
})

test('chunks past the end and blobs that are not here are answered as lacking', async (t) => {
  const a = await joinParty(t)
  unwrap(await a.store.put(bytes))
  const peer = await stranger(t)
  await dial(peer, a.peer)
  const channel = unwrap(await peer.openStream(a.peer.id, BLOBS))
  await channel.writeMessage({ ask: 'chunks', id, chunks: [6, 5, 262_143] }, 2048)
  assert.deepEqual(unwrap(await channel.readMessage(runSchema, 2048)), { chunk: 6, count: 1, bytes: null })
  assert.deepEqual(unwrap(await channel.readMessage(runSchema, 2048)), { chunk: 5, count: 1, bytes: 7 })
  assert.deepEqual(Buffer.from(unwrap(await channel.read(7))), bytes.subarray(5 * CHUNK))
  assert.deepEqual(unwrap(await channel.readMessage(runSchema, 2048)), {
    chunk: 262_143,
    count: 1,
    bytes: null,
  })
  const other = `${'0'.repeat(64)}-99`
  await channel.writeMessage({ ask: 'have', id: other }, 2048)
  assert.deepEqual(unwrap(await channel.readMessage(haveSchema, 2048)), { held: 'none' })
  await channel.writeMessage({ ask: 'digests', id: other }, 2048)
  assert.deepEqual(unwrap(await channel.readMessage(digestsSchema, 2048)), { bytes: null })
  channel.abort('done')
})

test('a peer has as many streams as it is allowed, and one that does not read is cut off', async (t) => {
  const a = await joinParty(t, { serve: { streamsPerPeer: 3, chunkMs: 2000 } })
  const long = sampleBytes(64 * CHUNK)
  const big = unwrap(await a.store.put(long))
  const peer = await stranger(t)
  await dial(peer, a.peer)
  const channels: Channel[] = []
  for (let i = 0; i < 5; i++) channels.push(unwrap(await peer.openStream(a.peer.id, BLOBS)))
  for (const channel of channels) await channel.writeMessage({ ask: 'have', id: big }, 2048)
  await eventually('two are refused', () => a.service.stats().refused === 2)
  assert.equal(a.service.stats().streams, 3)
  // Their time runs from here on.
  for (const channel of channels)
    for (let from = 0; from < 64; from += 32)
      await channel.writeMessage(
        { ask: 'chunks', id: big, chunks: Array.from({ length: 32 }, (_, i) => from + i) },
        2048,
      )
  await eventually('all are cut off', () => a.service.stats().streams === 0)
  const sent = a.service.stats().chunks
  assert.ok(sent < 64, `${sent} chunks went to a peer that reads nothing`)
})

/** A source that answers what a test says. */
const source = async (
  t: TestContext,
  answer: (channel: Channel, ask: 'have' | 'digests' | 'chunks', chunks: readonly number[]) => Promise<void>,
): Promise<Peer> => {
  const peer = await stranger(t)
  peer.handleStream(BLOBS, async (channel) => {
    for (;;) {
      const request = await channel.readMessage(requestSchema, 4096)
      if (!request.ok || request.value.ask === 'offer') return channel.abort('over')
      await answer(channel, request.value.ask, request.value.ask === 'chunks' ? request.value.chunks : [])
    }
  })
  return peer
}

const honest = async (
  channel: Channel,
  ask: 'have' | 'digests' | 'chunks',
  chunks: readonly number[],
): Promise<void> => {
  if (ask === 'have') await channel.writeMessage({ held: 'all' }, MAX_RESPONSE_BYTES)
  if (ask === 'digests') {
    await channel.writeMessage({ bytes: digests.length }, MAX_RESPONSE_BYTES)
    await channel.write(digests)
  }
  for (const chunk of chunks) {
    const piece = bytes.subarray(chunk * CHUNK, (chunk + 1) * CHUNK)
    await channel.writeMessage({ chunk, count: 1, bytes: piece.length }, MAX_RESPONSE_BYTES)
    await channel.write(piece)
  }
}

test('the protocol is what its messages say: a source of twenty lines is enough', async (t) => {
  const d = await joinParty(t)
  const peer = await source(t, honest)
  await dial(d.peer, peer)
  assert.equal(unwrap(await d.service.fetch(id, [peer.id])).fetched, 6)
})

test('answers that are malformed, too long, out of order or cut off end with that source only', async (t) => {
  const say = (channel: Channel, message: unknown): Promise<unknown> =>
    channel.writeMessage(message, MAX_RESPONSE_BYTES)
  const cases: [string, RegExp, Parameters<typeof source>[1]][] = [
    [
      'a bitmap of another length',
      /malformed/,
      (c, ask) => (ask === 'have' ? say(c, { held: 'some', bits: 'AAAA' }).then() : honest(c, ask, [])),
    ],
    ['no bitmap', /malformed/, (c) => say(c, { held: 'some' }).then()],
    [
      'digests of another length',
      /malformed/,
      (c, ask, chunks) => (ask === 'digests' ? say(c, { bytes: 64 }).then() : honest(c, ask, chunks)),
    ],
    [
      'endless digests',
      /malformed/,
      (c, ask, chunks) => (ask === 'digests' ? say(c, { bytes: 2 ** 40 }).then() : honest(c, ask, chunks)),
    ],
    ['another chunk', /malformed/, (c, ask, chunks) => honest(c, ask, [...chunks].reverse())],
    [
      'a chunk of another length',
      /malformed/,
      (c, ask, chunks) =>
        ask === 'chunks' ? say(c, { chunk: chunks[0], count: 1, bytes: 5 }).then() : honest(c, ask, chunks),
    ],
    ['a frame of 4 GiB', /malformed/, async (c) => void (await c.write(Buffer.alloc(4, 255)))],
    ['noise', /malformed/, async (c) => void (await c.write(frame('}'.repeat(70))))],
    [
      'a clean end in the middle of a chunk',
      /ended/,
      async (c, ask, chunks) => {
        if (ask !== 'chunks') return honest(c, ask, chunks)
        await say(c, { chunk: chunks[0], count: 1, bytes: CHUNK })
        await c.write(bytes.subarray(0, 1000))
        await c.close()
      },
    ],
    ['a clean end at once', /ended/, (c) => c.close()],
    ['silence', /stalled/, () => new Promise(() => {})],
    [
      'a byte now and then',
      /stalled/,
      async (c, ask, chunks) => {
        if (ask !== 'chunks') return honest(c, ask, chunks)
        await say(c, { chunk: chunks[0], count: 1, bytes: CHUNK })
        for (let i = 0; i < 100; i++) {
          await c.write(bytes.subarray(i, i + 1))
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      },
    ],
  ]
  const d = await joinParty(t)
  const hasty = await joinParty(t, { chunkMs: 400 })
  for (const [what, end, answer] of cases) {
    const peer = await source(t, answer)
    const asker = end.test('stalled') ? hasty : d
    await dial(asker.peer, peer)
    const result = await asker.service.fetch(id, [peer.id])
    assert.ok(!result.ok && result.fault.code === 'blob-unavailable', what)
    assert.match(String(result.fault.value), end, `${what}: ${result.fault.value}`)
  }
  assert.ok((d.store.stat(id)?.held ?? 0) < 6)
  const good = await source(t, honest)
  await dial(d.peer, good)
  unwrap(await d.service.fetch(id, [good.id]))
  assert.deepEqual(Buffer.from(unwrap(await d.store.read(id))), bytes)
})
