import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseManifest, planJob } from '@lockstep/client'
import { hashBlob } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import { openStreet, type Street } from './street.ts'

/** Three minutes of waiting for the most part: by night, or when somebody asks for it. */
const isAsked = process.env.LOCKSTEP_NIGHTLY !== undefined || process.env.LOCKSTEP_STREET !== undefined
const skip = isAsked ? false : 'by night, or with LOCKSTEP_STREET=1'

let street: Street
before(async () => {
  if (!isAsked) return
  street = await openStreet()
  await street.add('relay', ['relay'])
  for (const name of ['ann', 'bob']) await street.add(name, ['provider'])
  for (const name of ['vic', 'val']) await street.add(name, ['verifier'])
})
after(() => street?.close())

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
            ...{ bidding: 5, inclusion: 1, receipt: 30, run: 120, audit: 15, answer: 4, window: 70 },
            ...{ clock: 60, segment: 15, step: 10, move: 8, deadline: 3600 },
          },
          ...market,
        },
      }),
    ),
  )

test('strangers train a job; the liar among them loses its stake, another takes over, and the model is fetched', {
  timeout: 400_000,
  skip,
}, async () => {
  const liar = await street.add('eve', ['provider'], {
    executor: { module: join(import.meta.dirname, '../../../examples/liar-executor.ts') },
    floor: '0.00001',
  })
  // Who has not measured its machine yet does not bid.
  while (liar.node.capability() === undefined) await new Promise((resolve) => setTimeout(resolve, 100))
  const client = await street.client()
  const plan = planJob(manifest({ workers: 3 }), TEXT, { blobId, throughput: 1e9 })
  const { job } = unwrap(await client.post(plan))
  const { slices } = unwrap(await client.settled(job, AbortSignal.timeout(380_000)))
  assert.deepEqual(
    slices.map(({ status }) => status),
    ['settled', 'settled', 'settled', 'settled'],
  )
  const models = unwrap(await client.fetch(job))
  assert.equal(models.length, 1)

  const { chain } = client
  const events = await chain.events(0, Number(await chain.connection.reader.getBlockNumber()))
  const losers = events.flatMap(({ name, args }) => (name === 'AttemptFailed' ? [args as Failed] : []))
  assert.deepEqual(
    losers.map(({ account }) => account.toLowerCase()),
    [liar.account.address.toLowerCase()],
  )
  assert.ok(losers[0]!.slashed > 0n)
  assert.ok(
    events.some(({ name, args }) => name === 'Decided' && (args as { outcome: number }).outcome === 3),
  )
  assert.ok(events.some(({ name }) => name === 'BountyPaid'))
  const lines = await client.explainJob(job)
  assert.deepEqual(
    lines.filter(({ differs }) => differs !== undefined),
    [],
    'every amount follows from the events',
  )
})

type Failed = { readonly account: string; readonly slashed: bigint }
