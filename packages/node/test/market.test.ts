import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseManifest, planJob } from '@lockstep/client'
import { hashBlob } from '@lockstep/network'
import { unwrap } from '@lockstep/tensor'
import type { Hex } from 'viem'
import { passTime } from './kill/pass-time.ts'
import { openStreet, type Street } from './street.ts'

let street: Street
before(async () => {
  street = await openStreet()
  await street.add('relay', ['relay'])
  await street.add('vic', ['verifier'])
})
after(() => street?.close())

const TEXT = new TextEncoder().encode('the quick brown fox jumps over the lazy dog. '.repeat(60))

const blobId = (bytes: Uint8Array): string => hashBlob(bytes).id

const MANIFEST = parseManifest(
  new TextEncoder().encode(
    JSON.stringify({
      name: 'small',
      data: { text: 'text.txt' },
      model: { layers: 1, width: 16, heads: 2, context: 16 },
      training: { batch: 2, steps: 16, warmup: 2 },
      segments: { every: 4 },
      market: {
        ...{ workers: 2, rounds: 1, auditRate: 10_000, auditors: 1, ceiling: '0.01', auditPrice: '0.01' },
        times: {
          ...{ bidding: 5, inclusion: 1, receipt: 60, run: 120, audit: 60, answer: 20, window: 200 },
          ...{ clock: 120, segment: 60, step: 60, move: 60, deadline: 3600 },
        },
      },
    }),
  ),
)

/** What is there sooner or later. */
const eventually = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    await sleep(100)
  }
}

test('strangers train a job; the liar among them loses its stake, another takes over, and the model is fetched', {
  timeout: 900_000,
}, async () => {
  const liar = await street.add('eve', ['provider'], {
    executor: { module: join(import.meta.dirname, '../../../examples/liar-executor.ts') },
  })
  const client = await street.client()
  const { read } = client.chain
  const { job } = unwrap(await client.post(planJob(MANIFEST, TEXT, { blobId, throughput: 1e9 })))
  // Nobody else is there to bid: one slice is the liar's for certain, and only one, since it runs one at a time.
  const lied = await eventually(async () => {
    const all = await Promise.all([0, 1].map((slice) => read.progress(job, slice)))
    const slice = all.findIndex(({ status }) => status === 'running')
    return slice < 0 ? undefined : slice
  })
  const honest = await street.add('ann', ['provider'])

  let lie: Hex | undefined
  const { pass } = passTime({
    ...{ market: client.chain, rpc: street.chain.url, mayPass: () => true },
    verifiers: () => [...street.accounts('verifier')],
    isDisputed: (claim) => claim === lie,
  })
  const settled = client.settled(job, AbortSignal.timeout(880_000))
  let isOver = false
  void settled.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const { attempt, claim, status } = await read.progress(job, lied)
    if (attempt === 1 && status === 'claimed') lie = claim
    await pass(job)
    await sleep(250)
  }
  const { slices } = unwrap(await settled)
  assert.deepEqual(
    slices.map(({ status }) => status),
    ['settled', 'settled', 'settled'],
  )
  const again = await read.progress(job, lied)
  assert.deepEqual([again.attempt, again.account.toLowerCase()], [2, honest.account.address.toLowerCase()])
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
