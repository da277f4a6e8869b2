import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProtocolDefinition } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { z } from 'zod'
import { addressOf, attack, eventually, heapInUse, pause, start } from './company.ts'

type Ask = { n: number; text: string }
const double: ProtocolDefinition<Ask, number> = {
  name: 'double',
  version: 1,
  request: z.strictObject({ n: z.int(), text: z.string() }),
  response: z.int(),
  maxRequestBytes: 10_000,
  maxResponseBytes: 100,
  timeoutMs: 10_000,
  rate: { perSecond: 1000, burst: 1000 },
  concurrency: 100,
}
const ask = (n: number): Ask => ({ n, text: '' })

test('hundreds of requests, one after the other and all at once, exhaust no streams', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  a.protocol(double).serve(({ n }) => ({ ok: true, value: 2 * n }))
  const protocol = b.protocol(double)
  unwrap(await b.dial(addressOf(a)))
  for (let n = 0; n < 200; n++) assert.equal(unwrap(await protocol.request(a.id, ask(n))), 2 * n)
  const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => protocol.request(a.id, ask(n))))
  assert.deepEqual(
    answers.map(unwrap),
    answers.map((_, n) => 2 * n),
  )
  await eventually(
    'nothing stays open',
    () => a.stats().streams.double!.open === 0 && b.stats().streams.double!.open === 0,
  )
  assert.deepEqual(
    Object.values(a.stats().misconduct).filter((n) => n > 0),
    [],
    'an honest asker loses no standing',
  )
})

test('both sides may ask each other at once, and a handler may ask back', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  const [pa, pb] = [a.protocol(double), b.protocol(double)]
  pa.serve(({ n }) => ({ ok: true, value: 2 * n }))
  pb.serve(async ({ n }, from) => {
    const half = await pb.request(from, ask(n))
    return half.ok ? { ok: true, value: 2 * half.value } : half
  })
  unwrap(await b.dial(addressOf(a)))
  const results = await Promise.all(
    Array.from({ length: 50 }, (_, n) => (n % 2 ? pa.request(b.id, ask(n)) : pb.request(a.id, ask(n)))),
  )
  assert.deepEqual(
    results.map(unwrap),
    results.map((_, n) => (n % 2 ? 4 * n : 2 * n)),
  )
})

test("a handler's fault reaches the asker; its bug does not, and is logged", async (t) => {
  const [a, b] = [await start(t), await start(t)]
  const fault = { code: 'job-unknown', field: 'job', value: 7, limit: 'known jobs', remedy: 'Ask later.' }
  a.protocol(double).serve(({ n }) => {
    if (n === 0) throw new Error('secret path')
    return n === 1 ? { ok: false, fault } : { ok: true, value: 10 ** 300 }
  })
  const protocol = b.protocol(double)
  unwrap(await b.dial(addressOf(a)))
  const failed = await protocol.request(a.id, ask(0))
  assert.ok(!failed.ok && failed.fault.code === 'handler-failed')
  assert.ok(!JSON.stringify(failed).includes('secret'))
  assert.ok(a.lines.some((l) => l.message === 'a request handler failed'))
  assert.deepEqual(await protocol.request(a.id, ask(1)), { ok: false, fault })
  const notInt = await protocol.request(a.id, ask(2))
  assert.ok(
    !notInt.ok && notInt.fault.code === 'message-malformed',
    'an answer that does not fit the schema is none',
  )
  assert.equal(b.stats().misconduct.malformed, 1)
})

test('an unknown protocol, a late answer, a cancelled and an oversize request are faults that say so', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  unwrap(await b.dial(addressOf(a)))
  const unknown = await b.protocol({ ...double, name: 'unknown' }).request(a.id, ask(1))
  assert.ok(!unknown.ok && unknown.fault.code === 'protocol-unsupported', JSON.stringify(unknown))
  const slow = { ...double, name: 'slow', timeoutMs: 400 }
  a.protocol(slow).serve(async () => {
    await pause(1000)
    return { ok: true, value: 1 }
  })
  const protocol = b.protocol(slow)
  const late = await protocol.request(a.id, ask(1))
  assert.ok(!late.ok && late.fault.code === 'timeout', JSON.stringify(late))
  assert.ok(b.stats().misconduct.stalled! > 0)
  const cancelled = await protocol.request(a.id, ask(1), AbortSignal.timeout(50))
  assert.ok(!cancelled.ok && cancelled.fault.code === 'cancelled', JSON.stringify(cancelled))
  const large = await protocol.request(a.id, { n: 1, text: 'x'.repeat(10_000) })
  assert.ok(!large.ok && large.fault.code === 'message-oversize')
  await eventually(
    'nothing stays open',
    () => a.stats().streams.slow!.open === 0 && b.stats().streams.slow!.open === 0,
  )
})

test('who is busy says so, and an asker that keeps the rate is served', async (t) => {
  const [a, b] = [await start(t), await start(t)]
  const narrow = { ...double, concurrency: 2 }
  a.protocol(narrow).serve(async ({ n }) => {
    await pause(100)
    return { ok: true, value: n }
  })
  unwrap(await b.dial(addressOf(a)))
  const protocol = b.protocol(narrow)
  const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => protocol.request(a.id, ask(n))))
  const busy = answers.filter((r) => !r.ok && r.fault.code === 'busy')
  assert.ok(busy.length > 0 && answers.some((r) => r.ok))
  const paced = { ...double, name: 'paced', rate: { perSecond: 50, burst: 5 } }
  a.protocol(paced).serve(({ n }) => ({ ok: true, value: n }))
  const paceful = b.protocol(paced)
  const all = await Promise.all(Array.from({ length: 60 }, (_, n) => paceful.request(a.id, ask(n))))
  assert.ok(
    all.every((r) => r.ok),
    JSON.stringify(all.find((r) => !r.ok)),
  )
  assert.equal(a.stats().misconduct.flood, 0)
})

test('malformed, oversize and flooding requests are refused, cost standing and are logged, and memory does not grow', async (t) => {
  const a = await start(t)
  const limited = { ...double, rate: { perSecond: 20, burst: 20 } }
  a.protocol(limited).serve(({ n }) => ({ ok: true, value: n }))
  const honest = await start(t)
  unwrap(await honest.dial(addressOf(a)))
  const before = await heapInUse()
  const { sent, ids } = await attack(a, 'requests', 6)
  assert.ok(sent > 100, `${sent}`)
  assert.equal(unwrap(await honest.protocol(limited).request(a.id, ask(3))), 3, 'the honest are still served')
  const { misconduct } = a.stats()
  for (const kind of ['malformed', 'oversize', 'flood'] as const) assert.ok(misconduct[kind]! > 0, kind)
  assert.ok(a.lines.some((l) => l.message === 'a peer was dropped and banned' && l.fields.peer === ids[0]))
  a.lines.length = 0
  await pause(500)
  const grown = (await heapInUse()) - before
  assert.ok(grown < 16 << 20, `${grown} bytes more after ${sent} bad requests`)
})
