import assert from 'node:assert/strict'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import { hashBlob } from '../../src/blob/blob-hash.ts'
import { CHUNK } from '../../src/blob/blob-id.ts'
import type { FetchProgress } from '../../src/blob/fetch-blob.ts'
import { sampleBytes } from '../../src/blob/sample-bytes.ts'
import { dial, directoryFor, eventually, flipped, joinParty, lying, pause } from './party.ts'

test('blobs of every size come over, one stream after the other', async (t) => {
  const [a, b] = [await joinParty(t), await joinParty(t)]
  await dial(b.peer, a.peer)
  for (const size of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK, 7 * CHUNK + 17]) {
    const bytes = sampleBytes(size, size)
    const id = unwrap(await a.store.put(bytes))
    const seen: FetchProgress[] = []
    const report = unwrap(await b.service.fetch(id, [a.peer.id], { progress: (p) => seen.push(p) }))
    assert.equal(report.fetched, Math.ceil(size / CHUNK))
    assert.equal(report.repeated, 0)
    assert.deepEqual(Buffer.from(unwrap(await b.store.read(id))), bytes)
    const last = seen.at(-1)!
    assert.deepEqual([last.held, last.length, last.fetched], [size, size, size])
    assert.equal(unwrap(await b.service.fetch(id, [a.peer.id])).fetched, 0)
  }
  assert.equal(b.peer.stats().streams.blob?.opened, 1)
  assert.deepEqual([a.blamed, b.blamed], [[], []])
})

test('two fetches of one blob are one transfer', async (t) => {
  const [a, b] = [await joinParty(t), await joinParty(t)]
  await dial(b.peer, a.peer)
  const id = unwrap(await a.store.put(sampleBytes(20 * CHUNK)))
  const reports = await Promise.all([1, 2, 3].map(() => b.service.fetch(id, [a.peer.id])))
  assert.deepEqual(
    reports.map((r) => unwrap(r).fetched).sort((x, y) => x - y),
    [0, 0, 20],
  )
  assert.equal(a.sent.length, 20)
})

test('a blob that nobody has is a fault that says who was asked', async (t) => {
  const [a, b] = [await joinParty(t), await joinParty(t)]
  await dial(b.peer, a.peer)
  const { id } = hashBlob(sampleBytes(5))
  const result = await b.service.fetch(id, [a.peer.id, '12D3KooWnobody'])
  assert.ok(!result.ok && result.fault.code === 'blob-unavailable')
  assert.match(String(result.fault.value), new RegExp(`${a.peer.id}: lacking`))
  assert.match(String(result.fault.value), /nobody: unreachable/)
  assert.equal(b.store.stat(id), undefined)
})

test('several sources share the work, and one that is slow does little of it', async (t) => {
  const bytes = sampleBytes(96 * CHUNK)
  const { id } = hashBlob(bytes)
  // However slow the machine is: the others bring a dozen meanwhile.
  const held = (): number => d.store.stat(id)?.held ?? 0
  const slow = lying(async (_, chunk) => {
    const before = held()
    await pause(150)
    await eventually('the others bring a dozen', () => held() >= Math.min(before + 12, 96))
    return chunk
  })
  const parties = [await joinParty(t), await joinParty(t), await joinParty(t, { serving: slow })]
  const d = await joinParty(t)
  for (const party of parties) {
    unwrap(await party.store.put(bytes))
    await dial(d.peer, party.peer)
  }
  const report = unwrap(
    await d.service.fetch(
      id,
      parties.map((p) => p.peer.id),
    ),
  )
  const chunks = report.sources.map((s) => s.chunks)
  assert.equal(chunks[0]! + chunks[1]! + chunks[2]!, 96)
  assert.ok(chunks[0]! > 20 && chunks[1]! > 20, `${chunks}`)
  assert.ok(chunks[2]! < 20, `${chunks}`)
  assert.ok(report.repeated <= 8, `${report.repeated} repeated`)
  assert.deepEqual(unwrap(await d.store.verify(id)), [])
})

test('of three sources one serves garbage and one stalls: both are dropped, and the blob is whole', async (t) => {
  const bytes = sampleBytes(64 * CHUNK + 1)
  const garbage = await joinParty(t, { serving: lying((i, chunk) => (i % 5 === 3 ? flipped(chunk) : chunk)) })
  const stalling = await joinParty(t, {
    serving: lying((i, chunk) => (i % 4 === 1 ? new Promise(() => {}) : chunk)),
  })
  // Too slow to have the blob whole before the stall shows, and far from stalling itself.
  const shown = (): boolean => d.blamed.some(({ misconduct }) => misconduct === 'stalled')
  const honest = await joinParty(t, {
    serving: lying(async (_, chunk) => {
      for (let i = 0; i < 5 && !shown(); i++) await pause(100)
      return chunk
    }),
  })
  const d = await joinParty(t, { chunkMs: 5000 })
  for (const party of [garbage, stalling, honest]) {
    unwrap(await party.store.put(bytes))
    await dial(d.peer, party.peer)
  }
  const { id } = hashBlob(bytes)
  const ids = [garbage, stalling, honest].map((p) => p.peer.id)
  const report = unwrap(await d.service.fetch(id, ids))
  assert.deepEqual(
    report.sources.map((s) => s.end),
    ['garbage', 'stalled', 'served'],
  )
  assert.deepEqual(d.blamed.map((b) => `${b.misconduct} ${ids.indexOf(b.peer)}`).sort(), [
    'garbage 0',
    'stalled 1',
  ])
  assert.deepEqual(unwrap(await d.store.verify(id)), [])
  assert.ok(d.store.has(id))
})

test('a list of chunk digests that is not the right one is garbage, and another source is asked', async (t) => {
  const bytes = sampleBytes(6 * CHUNK)
  const { id, digests } = hashBlob(bytes)
  const a = await joinParty(t, {
    serving: (store) =>
      new Proxy(store, {
        get(target, name) {
          if (name === 'digests') return async () => ({ ok: true, value: flipped(digests) })
          const value: unknown = Reflect.get(target, name, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      }),
  })
  const [b, c] = [await joinParty(t), await joinParty(t)]
  unwrap(await a.store.put(bytes))
  await dial(c.peer, a.peer)
  const alone = await c.service.fetch(id, [a.peer.id])
  assert.ok(!alone.ok && /garbage/.test(String(alone.fault.value)))
  unwrap(await b.store.put(bytes))
  await dial(c.peer, b.peer)
  const report = unwrap(await c.service.fetch(id, [a.peer.id, b.peer.id]))
  assert.equal(report.fetched, 6)
  assert.ok(c.blamed.every(({ peer, misconduct }) => peer === a.peer.id && misconduct === 'garbage'))
})

test('sources that have parts of a blob are enough together, also while they are still getting theirs', async (t) => {
  const bytes = sampleBytes(30 * CHUNK + 9)
  const { id, digests } = hashBlob(bytes)
  const [a, b, c] = [await joinParty(t), await joinParty(t), await joinParty(t)]
  for (const [party, keep] of [
    [a, (i: number) => i % 2 === 0],
    [b, (i: number) => i % 2 === 1 && i < 20],
  ] as const) {
    const partial = unwrap(await party.store.openPartial(id, digests))
    for (let i = 0; i < 31; i++)
      if (keep(i)) unwrap(await partial.write(i, bytes.subarray(i * CHUNK, (i + 1) * CHUNK)))
    await partial.close()
    await dial(c.peer, party.peer)
  }
  const fetching = c.service.fetch(id, [a.peer.id, b.peer.id])
  await eventually('what is there is fetched', () => c.store.stat(id)?.held === 26)
  unwrap(await b.store.put(bytes))
  assert.equal(unwrap(await fetching).fetched, 31)
  assert.deepEqual(Buffer.from(unwrap(await c.store.read(id))), bytes)
})

test('a damaged chunk is fetched again, and only it', async (t) => {
  const [a, b] = [await joinParty(t), await joinParty(t)]
  await dial(b.peer, a.peer)
  const bytes = sampleBytes(12 * CHUNK)
  const id = unwrap(await a.store.put(bytes))
  unwrap(await b.service.fetch(id, [a.peer.id]))
  const file = await open(join(b.store.directory, 'blobs', id, 'data'), 'r+')
  await file.write(Buffer.from('damage'), 0, 6, 5 * CHUNK + 100)
  await file.close()
  const read = await b.store.read(id)
  assert.ok(!read.ok && read.fault.code === 'chunk-damaged')
  a.sent.length = 0
  assert.equal(unwrap(await b.service.fetch(id, [a.peer.id])).fetched, 1)
  assert.deepEqual(a.sent, [5])
  assert.deepEqual(Buffer.from(unwrap(await b.store.read(id))), bytes)
})

test('a source with a damaged disk says that it lacks the chunk instead of sending it', async (t) => {
  const [a, b] = [await joinParty(t), await joinParty(t, { patienceMs: 500 })]
  await dial(b.peer, a.peer)
  const id = unwrap(await a.store.put(sampleBytes(6 * CHUNK)))
  const file = await open(join(a.store.directory, 'blobs', id, 'data'), 'r+')
  await file.write(Buffer.from('damage'), 0, 6, 2 * CHUNK)
  await file.close()
  const result = await b.service.fetch(id, [a.peer.id])
  assert.ok(
    !result.ok && /5 of 6 chunks; .*: lacking/.test(String(result.fault.value)),
    JSON.stringify(result),
  )
  assert.deepEqual(b.blamed, [])
})

test('a cancelled transfer ends at once, keeps what it has and goes on later', async (t) => {
  const bytes = sampleBytes(40 * CHUNK)
  const more = Promise.withResolvers<void>()
  const waiting = lying(async (i, chunk) => {
    if (i >= 20) await more.promise
    return chunk
  })
  const [a, b] = [await joinParty(t, { serving: waiting }), await joinParty(t)]
  await dial(b.peer, a.peer)
  const id = unwrap(await a.store.put(bytes))
  const stop = new AbortController()
  const fetching = b.service.fetch(id, [a.peer.id], { signal: stop.signal })
  await eventually('some chunks are here', () => (b.store.stat(id)?.held ?? 0) > 5)
  stop.abort()
  const result = await fetching
  assert.ok(!result.ok && result.fault.code === 'cancelled')
  const held = b.store.stat(id)!.held
  assert.ok(held <= 20)
  more.resolve()
  assert.equal(unwrap(await b.service.fetch(id, [a.peer.id])).fetched, 40 - held)
  const early = await b.service.fetch(hashBlob(sampleBytes(3)).id, [a.peer.id], { signal: stop.signal })
  assert.ok(!early.ok && early.fault.code === 'cancelled')
})

test('a transfer into a store that is full is refused at once', async (t) => {
  const [a, b] = [await joinParty(t), await joinParty(t, { store: { maxBytes: 3 * CHUNK } })]
  await dial(b.peer, a.peer)
  const id = unwrap(await a.store.put(sampleBytes(4 * CHUNK)))
  const result = await b.service.fetch(id, [a.peer.id])
  assert.ok(!result.ok && result.fault.code === 'blob-store-full')
  assert.equal(a.sent.length, 0)
})

test('uploads stay below the rate that was set', async (t) => {
  const [a, b] = [
    await joinParty(t, { serve: { bytesPerSecond: 4 * 2 ** 20 } }),
    await joinParty(t, { directory: directoryFor(t) }),
  ]
  await dial(b.peer, a.peer)
  const id = unwrap(await a.store.put(sampleBytes(2 ** 23)))
  const start = performance.now()
  unwrap(await b.service.fetch(id, [a.peer.id]))
  const ms = performance.now() - start
  assert.ok(ms > 1600, `8 MiB at 4 MiB/s took ${ms} ms`)
})
