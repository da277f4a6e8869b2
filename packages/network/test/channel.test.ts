import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { test } from 'node:test'
import type { Channel, StreamDefinition } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { z } from 'zod'
import { addressOf, eventually, heapInUse, pause, start } from './company.ts'
import { startStranger } from './stranger.ts'

const bytes: StreamDefinition = {
  name: 'bytes',
  version: 1,
  streamsPerPeer: 8,
  rate: { perSecond: 1000, burst: 1000 },
  idleMs: 20_000,
}
const MB = 1 << 20

test('bytes arrive in order and whole, whatever sizes are written and read', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  const sizes = [0, 1, 3, 65_536, 65_537, 1_000_003, 7, 5 * MB]
  const total = sizes.reduce((x, y) => x + y)
  const all = new Uint8Array(total).map((_, i) => (i * 2654435761) >>> 24)
  const received = Promise.withResolvers<Uint8Array>()
  a.handleStream(bytes, async (channel) => {
    const parts: Uint8Array[] = []
    for (let left = total, n = 1; left > 0; n = n * 3 + 1) {
      const part = unwrap(await channel.read(Math.min(n, left)))
      parts.push(part)
      left -= part.length
    }
    assert.equal(unwrap(await channel.ended()), true)
    received.resolve(Buffer.concat(parts))
  })
  unwrap(await b.dial(addressOf(a)))
  const channel = unwrap(await b.openStream(a.id, bytes))
  let at = 0
  for (const size of sizes) {
    unwrap(await channel.write(all.subarray(at, at + size)))
    at += size
  }
  await channel.close()
  assert.ok(Buffer.from(await received.promise).equals(all))
  assert.equal(unwrap(await channel.ended()), true, 'the handler closed its end')
  await eventually(
    'nothing stays open',
    () => a.stats().streams.bytes!.open === 0 && b.stats().streams.bytes!.open === 0,
  )
})

test('what was written may be overwritten, also when many write on one connection and none reads fast', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  const writers = 6
  const rounds = 12
  const filled = (writer: number, round: number): number => (writer * 41 + round * 7 + 1) % 256
  let whole = 0
  a.handleStream(bytes, async (channel) => {
    const writer = unwrap(await channel.read(1))[0]!
    for (let round = 0; round < rounds; round++) {
      const got = unwrap(await channel.read(MB))
      assert.ok(
        got.every((byte) => byte === filled(writer, round)),
        `round ${round} of writer ${writer}`,
      )
      await pause(5)
    }
    whole++
  })
  unwrap(await b.dial(addressOf(a)))
  const write = async (writer: number): Promise<void> => {
    const channel = unwrap(await b.openStream(a.id, bytes))
    unwrap(await channel.write(Uint8Array.of(writer)))
    const buffer = new Uint8Array(MB)
    for (let round = 0; round < rounds; round++) {
      buffer.fill(filled(writer, round))
      unwrap(await channel.write(buffer))
    }
    buffer.fill(0)
    assert.equal(unwrap(await channel.ended()), true)
    await channel.close()
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  await eventually('every reader has it whole', () => whole === writers)
})

test('a read of what came while nobody read has it at once', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  const held = Promise.withResolvers<void>()
  const read = Promise.withResolvers<number>()
  a.handleStream({ ...bytes, holdBytes: 1 << 10 }, async (channel) => {
    unwrap(await channel.read(1))
    await held.promise
    // More than is held for a reader, and less than the connection has taken in for it.
    read.resolve(unwrap(await channel.read(32 << 10)).length)
    unwrap(await channel.write(Uint8Array.of(2)))
  })
  unwrap(await b.dial(addressOf(a)))
  const channel = unwrap(await b.openStream(a.id, bytes))
  unwrap(await channel.write(Uint8Array.of(1)))
  for (let i = 0; i < 8; i++) unwrap(await channel.write(new Uint8Array(16 << 10)))
  // Time for it to arrive: with less of it the read has to wait, which is well, too.
  await pause(300)
  held.resolve()
  assert.equal(await read.promise, 32 << 10)
  assert.deepEqual([...unwrap(await channel.read(1))], [2], 'the stream was not taken for idle')
  channel.abort('done')
})

test('a slow reader slows its writer, whose memory does not grow, and the stream survives it', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  const go = Promise.withResolvers<void>()
  const read = Promise.withResolvers<number>()
  a.handleStream(bytes, async (channel) => {
    unwrap(await channel.read(1))
    await go.promise
    let sum = 1
    for (let i = 0; i < 64 * 4; i++) sum += unwrap(await channel.read(MB / 4)).length
    read.resolve(sum)
  })
  unwrap(await b.dial(addressOf(a)))
  const channel = unwrap(await b.openStream(a.id, bytes))
  const before = await heapInUse()
  let written = 0
  const writing = (async () => {
    unwrap(await channel.write(new Uint8Array(1)))
    for (let i = 0; i < 64; i++) {
      unwrap(await channel.write(new Uint8Array(MB)))
      written++
    }
    await channel.close()
  })()
  await pause(1500)
  const grown = (await heapInUse()) - before
  assert.ok(written <= 4, `${written} MiB were written to a reader that does not read`)
  assert.ok(grown < 8 * MB, `${grown} bytes are held on both sides for a reader that does not read`)
  go.resolve()
  assert.equal(await read.promise, 64 * MB + 1)
  await writing
})

test('a reader that is always a little behind keeps its stream', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  a.handleStream(bytes, async (channel) => {
    unwrap(await channel.write(new Uint8Array(64 * MB)))
  })
  unwrap(await b.dial(addressOf(a)))
  const channel = unwrap(await b.openStream(a.id, bytes))
  for (let i = 0; i < 64 * 4; i++) {
    const part = await channel.read(MB / 4)
    assert.ok(part.ok, `after ${i / 4} MiB: ${JSON.stringify(part)}`)
    await pause(i % 3)
  }
  channel.abort('done')
})

test('a peer that is killed in the middle of a stream is noticed, and what it did not send is missed', async (t) => {
  const a = await start(t)
  const child = spawn(
    process.execPath,
    [new URL('sender-process.ts', import.meta.url).pathname, addressOf(a)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  t.after(() => child.kill('SIGKILL'))
  const outcome = Promise.withResolvers<string>()
  a.handleStream(bytes, async (channel) => {
    unwrap(await channel.read(100_000))
    child.kill('SIGKILL')
    const rest = await channel.read(10 * MB)
    outcome.resolve(rest.ok ? 'whole' : rest.fault.code)
  })
  const code = await outcome.promise
  assert.ok(code === 'stream-ended' || code === 'stream-aborted', code)
  await eventually('the peer is gone', () => a.peers().length === 0)
})

test('a stream on which nothing moves is ended, and costs standing', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  const outcome = Promise.withResolvers<string>()
  a.handleStream({ ...bytes, idleMs: 300 }, async (channel) => {
    const read = await channel.read(10)
    outcome.resolve(read.ok ? 'read' : read.fault.code)
  })
  unwrap(await b.dial(addressOf(a)))
  const channel = unwrap(await b.openStream(a.id, bytes))
  unwrap(await channel.write(new Uint8Array(9)))
  assert.equal(await outcome.promise, 'stream-idle')
  assert.equal(a.stats().misconduct.stalled, 1)
  const after = await channel.read(1)
  assert.ok(!after.ok && after.fault.code === 'stream-aborted')
})

test('a message that is too long, or is none, is a fault and costs standing', async (t) => {
  const a = await start(t)
  const faults: string[] = []
  a.handleStream(bytes, async (channel) => {
    const message = await channel.readMessage(z.strictObject({ n: z.int() }), 100)
    faults.push(message.ok ? 'fine' : message.fault.code)
  })
  const stranger = await startStranger(t)
  const connection = await stranger.meet(a)
  const send = async (...parts: Uint8Array[]): Promise<void> => {
    const stream = await stranger.open(connection, `${stranger.prefix}/bytes/1`)
    for (const part of parts) stream.send(part)
    await stream.close()
  }
  await send(new Uint8Array([0, 0, 0, 101]), new Uint8Array(101))
  await eventually('the first is read', () => faults.length === 1)
  await send(new Uint8Array([0, 0, 0, 3]), new Uint8Array([0x7b, 0xff, 0x7d]))
  await eventually('the second is read', () => faults.length === 2)
  await send(new Uint8Array([0, 0, 0, 50]), new Uint8Array(10))
  await eventually('the third is read', () => faults.length === 3)
  assert.deepEqual(faults, ['frame-oversize', 'message-malformed', 'stream-ended'])
  assert.equal(a.peers()[0]!.standing < -50, true)
})

test('a handler that throws, or returns without reading, leaves no stream behind', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  let calls = 0
  a.handleStream(bytes, async () => {
    if (calls++ % 2 === 0) throw new Error('a bug of ours')
  })
  unwrap(await b.dial(addressOf(a)))
  for (let i = 0; i < 40; i++) {
    const channel = unwrap(await b.openStream(a.id, bytes))
    await channel.write(new Uint8Array(100))
    await channel.finish()
  }
  await eventually(
    'nothing stays open',
    () => a.stats().streams.bytes!.open === 0 && b.stats().streams.bytes!.open === 0,
  )
  assert.equal(calls, 40)
  assert.ok(a.lines.some((l) => l.message === 'a stream handler failed'))
})

test('more streams than allowed wait for their turn', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  let most = 0
  let now = 0
  a.handleStream(bytes, async (channel) => {
    most = Math.max(most, ++now)
    await pause(20)
    await channel.write(new Uint8Array(1))
    now--
  })
  unwrap(await b.dial(addressOf(a)))
  const one = async (): Promise<void> => {
    const channel: Channel = unwrap(await b.openStream(a.id, bytes))
    unwrap(await channel.read(1))
    await channel.finish()
  }
  await Promise.all(Array.from({ length: 100 }, one))
  assert.ok(most > 1 && most <= 2 * bytes.streamsPerPeer, `${most}`)
})

test('a flood of streams is refused, costs standing, and the flooder is banned', async (t) => {
  const a = await start(t)
  let served = 0
  a.handleStream({ ...bytes, rate: { perSecond: 1, burst: 10 } }, async () => void served++)
  const stranger = await startStranger(t)
  const connection = await stranger.meet(a)
  for (let i = 0; i < 200 && connection.status === 'open'; i++) {
    try {
      const stream = await stranger.open(connection, `${stranger.prefix}/bytes/1`)
      stream.send(new Uint8Array(10))
      void stream.close().catch(() => {})
    } catch {
      // Refused: an honest peer would stop here.
    }
  }
  await eventually('the flooder is dropped', () => a.stats().banned === 1 && a.stats().connections === 0)
  assert.ok(served <= 12, `${served} were served`)
  assert.ok(a.lines.some((l) => l.level === 'warn' && l.fields.misconduct === 'flood'))
})

test('one peer cannot take more streams at a time than its share', async (t) => {
  const a = await start(t)
  let most = 0
  let now = 0
  const end = Promise.withResolvers<void>()
  a.handleStream(bytes, async () => {
    most = Math.max(most, ++now)
    await end.promise
    now--
  })
  const stranger = await startStranger(t)
  const connection = await stranger.meet(a)
  for (let i = 0; i < 40; i++)
    await stranger
      .open(connection, `${stranger.prefix}/bytes/1`)
      .then((stream) => stream.send(new Uint8Array(1)))
      .catch(() => {})
  await eventually(
    'the share is taken',
    () => a.stats().streams.bytes!.refused! >= 40 - 2 * bytes.streamsPerPeer,
  )
  assert.equal(most, 2 * bytes.streamsPerPeer)
  assert.ok(a.stats().misconduct.flood! > 0)
  end.resolve()
  await eventually('all are closed', () => a.stats().streams.bytes!.open === 0)
})

test('a cancelled stream is aborted on both sides', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  const outcome = Promise.withResolvers<string>()
  a.handleStream(bytes, async (channel) => {
    const read = await channel.read(10)
    outcome.resolve(read.ok ? 'read' : read.fault.code)
  })
  unwrap(await b.dial(addressOf(a)))
  const cancel = new AbortController()
  const channel = unwrap(await b.openStream(a.id, bytes, cancel.signal))
  unwrap(await channel.write(new Uint8Array(1)))
  cancel.abort()
  assert.equal(await outcome.promise, 'stream-aborted')
})
