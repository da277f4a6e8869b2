import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import { CHUNK, chunkCount } from '../../src/blob/blob-id.ts'
import { openBlobStore } from '../../src/blob/blob-store.ts'
import { sampleBytes } from '../../src/blob/sample-bytes.ts'
import { startChild } from './children.ts'
import { directoryFor, eventually, flipped, joinParty, lying, pause } from './party.ts'

test('a fetching process that is killed again and again fetches no chunk twice that it had verified', async (t) => {
  const slow = lying(async (_, chunk) => {
    await pause(4)
    return chunk
  })
  const a = await joinParty(t, { serving: slow })
  const id = unwrap(await a.store.put(sampleBytes(200 * CHUNK + 3)))
  const directory = directoryFor(t)
  const verified = new Set<number>()
  let kills = 0
  for (const more of [0, 5, 60, 130, 200, null]) {
    a.sent.length = 0
    const child = startChild(t, 'fetch', directory, id, a.peer.addresses()[0]!)
    if (more === null) {
      assert.equal(await child.line('done'), `done ${chunkCount(id) - verified.size}`)
      await child.ended
    } else {
      const before = verified.size
      await eventually('chunks are being sent', () => a.sent.length > 3)
      await pause(more)
      await child.kill()
      kills++
      // What was on its way to it is noted before the next one asks.
      await eventually('its stream has ended', () => a.service.stats().streams === 0)
      const store = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 31 }))
      const held = store.chunks(id)
      for (const chunk of verified) assert.ok(held.has(chunk), `chunk ${chunk} was lost`)
      for (const chunk of a.sent) assert.ok(!verified.has(chunk), `chunk ${chunk} was sent again`)
      for (let i = 0; i < chunkCount(id); i++) if (held.has(i)) verified.add(i)
      assert.ok(verified.size >= before)
      await store.close()
    }
  }
  for (const chunk of a.sent) assert.ok(!verified.has(chunk), `chunk ${chunk} was sent again`)
  assert.equal(a.sent.length, chunkCount(id) - verified.size)
  assert.equal(kills, 5)
  const store = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 31 }))
  assert.deepEqual(unwrap(await store.verify(id)), [])
  assert.ok(store.has(id))
  await store.close()
})

test('three sources: one serves garbage, one stalls, one is killed in the middle; a fourth completes it', async (t) => {
  const bytes = sampleBytes(160 * CHUNK + 100)
  const garbage = await joinParty(t, { serving: lying((i, chunk) => (i % 9 === 4 ? flipped(chunk) : chunk)) })
  const stalling = await joinParty(t, {
    serving: lying((i, chunk) => (i > 40 ? new Promise(() => {}) : chunk)),
  })
  const id = unwrap(await garbage.store.put(bytes))
  unwrap(await stalling.store.put(bytes))
  const directory = directoryFor(t)
  const dying = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 31 }))
  unwrap(await dying.put(bytes))
  await dying.close()
  const child = startChild(t, 'serve', directory)
  const address = await child.line('/ip4')

  const d = await joinParty(t, { chunkMs: 8000 })
  const sources = [garbage.peer.id, stalling.peer.id, unwrap(await d.peer.dial(address))]
  for (const { peer } of [garbage, stalling]) unwrap(await d.peer.dial(peer.addresses()[0]!))
  const fetching = d.service.fetch(id, sources)
  await eventually('the third has sent something', () => (d.store.stat(id)?.held ?? 0) > 20)
  await child.kill()
  const first = await fetching
  assert.ok(!first.ok && first.fault.code === 'blob-unavailable', JSON.stringify(first))
  assert.match(String(first.fault.value), /garbage.*stalled.*(ended|unreachable)/)
  const { held } = d.store.stat(id)!
  assert.ok(held > 20 && held < 161)

  const honest = await joinParty(t)
  unwrap(await honest.store.put(bytes))
  unwrap(await d.peer.dial(honest.peer.addresses()[0]!))
  const second = unwrap(await d.service.fetch(id, [...sources, honest.peer.id]))
  assert.equal(second.fetched, 161 - held)
  assert.deepEqual(Buffer.from(unwrap(await d.store.read(id))), bytes)
  assert.ok(d.blamed.every((b) => b.peer === garbage.peer.id || b.peer === stalling.peer.id))
})

test('a large transfer takes little memory on either side', async (t) => {
  const megabytes = process.env.LOCKSTEP_NIGHTLY ? 1024 : 256
  const from = directoryFor(t)
  const store = unwrap(await openBlobStore(from, { maxBytes: 2 ** 32 }))
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < megabytes; i++) yield sampleBytes(2 ** 20, i + 1)
  }
  const id = unwrap(await store.put(pieces()))
  await store.close()
  const server = startChild(t, 'serve', from)
  const address = await server.line('/ip4')
  const to = directoryFor(t)
  const client = startChild(t, 'fetch', to, id, address)
  await client.line('done')
  const memory = (line: string): number => Number(line.split(' ')[1])
  const fetching = memory(await client.line('memory'))
  const serving = Math.max(...server.lines.filter((l) => l.startsWith('memory')).map(memory))
  t.diagnostic(
    `fetching: ${(fetching / 2 ** 20).toFixed(0)} MiB, serving: ${(serving / 2 ** 20).toFixed(0)} MiB, each at its peak`,
  )
  assert.ok(fetching < 400 * 2 ** 20, `${fetching} bytes while fetching`)
  assert.ok(serving < 400 * 2 ** 20, `${serving} bytes while serving`)
  const digest = async (directory: string): Promise<string> => {
    const hash = createHash('sha256')
    for await (const piece of createReadStream(join(directory, 'blobs', id, 'data'))) hash.update(piece)
    return hash.digest('hex')
  }
  await client.ended
  assert.equal(await digest(to), await digest(from))
})
