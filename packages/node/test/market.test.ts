import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseManifest, planJob } from '@lockstep/client'
import { hashBlob } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { openStreet, type Street } from './street.ts'

let street: Street
before(async () => {
  street = await openStreet()
  await street.add('relay', ['relay'])
  for (const name of ['ann', 'bob']) await street.add(name, ['provider'])
  for (const name of ['vic', 'val']) await street.add(name, ['verifier'])
})
after(() => street.close())

const TEXT = new TextEncoder().encode('the quick brown fox jumps over the lazy dog. '.repeat(60))

const blobId = (bytes: Uint8Array): string => hashBlob(bytes).id

const manifest = (market: object) =>
  parseManifest(
    new TextEncoder().encode(
      JSON.stringify({
        name: 'small',
        data: { text: 'text.txt' },
        model: { layers: 1, width: 16, heads: 2, context: 16 },
        training: { batch: 2, steps: 16, warmup: 2 },
        segments: { every: 4 },
        market: {
          workers: 2,
          rounds: 1,
          auditRate: 10_000,
          auditors: 1,
          ceiling: '0.01',
          auditPrice: '0.01',
          times: {
            ...{ bidding: 2, inclusion: 1, receipt: 30, run: 120, audit: 20, answer: 5, window: 80 },
            ...{ clock: 60, segment: 20, step: 15, move: 10, deadline: 3600 },
          },
          ...market,
        },
      }),
    ),
  )

test('a job is posted, bid for, run by strangers, audited and settled, and its model fetched', {
  timeout: 240_000,
}, async () => {
  const client = await street.client()
  const plan = planJob(manifest({}), TEXT, { blobId, throughput: 1e9 })
  const { job } = unwrap(await client.post(plan))
  const { slices } = unwrap(await client.settled(job, AbortSignal.timeout(220_000)))
  assert.deepEqual(
    slices.map(({ status }) => status),
    ['settled', 'settled', 'settled'],
  )
  const models = unwrap(await client.fetch(job))
  assert.equal(models.length, 1)
})

test('a liar is found, loses its stake before the referee, and an honest provider takes over', {
  timeout: 280_000,
}, async () => {
  const liar = await street.add('eve', ['provider'], {
    executor: { module: join(import.meta.dirname, '../../../examples/liar-executor.ts') },
    floor: '0.00001',
  })
  const client = await street.client()
  const plan = planJob(manifest({ workers: 3 }), TEXT, { blobId, throughput: 1e9 })
  const { job } = unwrap(await client.post(plan))
  const { slices } = unwrap(await client.settled(job, AbortSignal.timeout(260_000)))
  assert.ok(slices.every(({ status }) => status === 'settled'))
  const events = await client.chain.events(0, Number(await client.chain.connection.reader.getBlockNumber()))
  const failed = events.find(({ name }) => name === 'AttemptFailed')
  assert.equal(
    String((failed!.args as { account?: string }).account).toLowerCase(),
    liar.account.address.toLowerCase(),
  )
})
