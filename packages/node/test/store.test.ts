import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { sql } from 'kysely'
import {
  auditsWith,
  blobsFor,
  bytesKept,
  changeRun,
  checkpointsOf,
  endAudits,
  endedBlobs,
  endRuns,
  forgetBids,
  forgetPeers,
  keepBlob,
  knownPeers,
  META,
  openAudit,
  openRun,
  openStore,
  readMeta,
  readRun,
  recordBid,
  recordCheckpoint,
  rememberPeer,
  runsWith,
  STORE_VERSION,
  type Store,
  sealAnswer,
  sealClaim,
  standingBids,
  writeMeta,
} from '../src/index.ts'
import { postgresPlace, type StorePlace, sqlitePlace } from './store-places.ts'

/** The same laws on every database. A test that opens stores closes them, whatever happens in it. */
const laws = async (t: TestContext, { fresh }: StorePlace): Promise<void> => {
  const law = (name: string, body: (open: (where?: string) => Promise<Store>) => Promise<void>) =>
    t.test(name, { timeout: 600_000 }, async () => {
      const stores: Store[] = []
      try {
        await body(async (where = fresh()) => {
          const store = await openStore(where, { patience: 1_000 })
          stores.push(store)
          return store
        })
      } finally {
        for (const store of stores) await store.close()
      }
    })

  await law('what was stored is there after closing and opening', async (open) => {
    const where = fresh()
    const first = await open(where)
    await openRun(first.query, key, { detail: { amount: 10n ** 30n } })
    await first.close()
    const again = await open(where)
    assert.deepEqual(await readRun(again.query, key), {
      ...key,
      status: 'assigned',
      stepsDone: 0,
      detail: { amount: 10n ** 30n },
    })
  })

  await law('a change is stored as a whole or not at all', async (open) => {
    const { query, change } = await open()
    await assert.rejects(
      change(async (q) => {
        await openRun(q, key)
        throw new Error('thrown in between')
      }),
      /thrown in between/,
    )
    assert.equal(await readRun(query, key), undefined)
    // A query that the database refuses undoes the change too, also where its error is swallowed on PostgreSQL.
    await assert.rejects(
      change(async (q) => {
        await openRun(q, key)
        await sql`select nonsense from nowhere`.execute(q)
      }),
    )
    assert.equal(await readRun(query, key), undefined)
  })

  await law('changes take turns, so that none reads what another is about to write', async (open) => {
    const { query, change } = await open()
    const add = () =>
      change(async (q) => {
        const count = Number((await readMeta(q, 'count')) ?? 0)
        await new Promise((resolve) => setImmediate(resolve))
        await writeMeta(q, 'count', `${count + 1}`)
      })
    await Promise.all(Array.from({ length: 50 }, add))
    assert.equal(await readMeta(query, 'count'), '50')
  })

  await law(
    'asking the store within a change is refused, and what was started in it may go on later',
    async (open) => {
      const store = await open()
      let later: Promise<string | undefined> | undefined
      await assert.rejects(
        store.change(() => readMeta(store.query, 'count')),
        { code: 'store-misused' },
      )
      await store.change(async () => {
        later = new Promise((resolve) => setTimeout(resolve, 20)).then(() =>
          readMeta(store.query, META.version),
        )
      })
      assert.equal(await later, `${STORE_VERSION}`)
    },
  )

  await law('a store is open in one place at a time', async (open) => {
    const where = fresh()
    const first = await open(where)
    await assert.rejects(open(where), { code: 'store-locked' })
    await first.close()
    await open(where)
  })

  await law('a store of a newer program is refused and left alone', async (open) => {
    const where = fresh()
    const first = await open(where)
    await writeMeta(first.query, META.version, '99')
    await first.close()
    await assert.rejects(open(where), { code: 'store-newer' })
  })

  await law('a sealed claim and a sealed answer keep their first salt', async (open) => {
    const { query } = await open()
    await openRun(query, key)
    const sealed = { claim: { root: word(1) }, salt: word(2), tallies: [word(3)] }
    assert.deepEqual(await sealClaim(query, key, sealed), sealed)
    assert.deepEqual(await sealClaim(query, key, { ...sealed, salt: word(9) }), sealed)
    const seat = { audit: word(5), seat: 1 }
    await openAudit(query, seat, key, [0, 3])
    await sealAnswer(query, seat, { answer: word(6), salt: word(7) })
    const held = await sealAnswer(query, seat, { answer: word(6), salt: word(8) })
    assert.deepEqual(held, { answer: word(6), salt: word(7) })
    assert.deepEqual(await auditsWith(query, ['drawn']), [
      { ...seat, ...key, status: 'drawn', segments: [0, 3], sealed: held },
    ])
  })

  await law('runs are found by status, checkpoints in order', async (open) => {
    const { query } = await open()
    for (const slice of [2, 1, 10]) await openRun(query, { ...key, slice }, { deadline: 50 })
    await changeRun(query, { ...key, slice: 1 }, { status: 'running', stepsDone: 7 })
    assert.deepEqual(
      (await runsWith(query, ['assigned'])).map(({ slice }) => slice),
      [2, 10],
    )
    await assert.rejects(changeRun(query, { ...key, slice: 4 }, { stepsDone: 1 }), /no run/)
    const at = { stateRoot: word(1), outputsRoot: word(2), item: word(3), tally: word(4) }
    for (const segment of [10, 9, 0]) await recordCheckpoint(query, { ...key, slice: 1 }, { segment, ...at })
    await recordCheckpoint(query, { ...key, slice: 1 }, { segment: 9, ...at, blob: 'b9' })
    const found = await checkpointsOf(query, { ...key, slice: 1 })
    assert.deepEqual(
      found.map(({ segment, blob }) => [segment, blob]),
      [
        [0, undefined],
        [9, 'b9'],
        [10, undefined],
      ],
    )
  })

  await law('bids bind until they expire', async (open) => {
    const { query } = await open()
    const bid = {
      job: 4,
      account: `0x${'11'.repeat(20)}`,
      key: `0x${'22'.repeat(20)}`,
      pricePerUnit: 2n ** 127n,
      time: 60,
      slices: 2,
      expiry: 100,
      salt: 2n ** 255n,
    } as const
    const signed = { digest: word(1), bid, signature: word(2) }
    await recordBid(query, signed)
    await recordBid(query, signed)
    await recordBid(query, { ...signed, digest: word(3), bid: { ...bid, job: 5, expiry: 50 } })
    assert.deepEqual(await standingBids(query, 60), [signed])
    assert.equal((await standingBids(query, 10, { job: 5 })).length, 1)
    await forgetBids(query, 60)
    assert.deepEqual(await standingBids(query, 0), [signed])
  })

  await law('a blob is deleted when its last reason has ended', async (open) => {
    const { query } = await open()
    await keepBlob(query, { id: 'a', length: 10, held: 'whole', reason: 'job:1', keepUntil: 5 })
    await keepBlob(query, { id: 'a', length: 10, held: 'whole', reason: 'job:2' })
    await keepBlob(query, { id: 'b', length: 32, held: 'part', reason: 'job:1', keepUntil: 5 })
    assert.equal(await bytesKept(query), 42)
    assert.deepEqual(await endedBlobs(query, 6), ['b'])
    assert.deepEqual(await blobsFor(query, 'job:2'), [
      { id: 'a', length: 10, held: 'whole', reason: 'job:2' },
    ])
  })

  await law(
    'what is asked for after a restart are the runs and audits of jobs that are open',
    async (open) => {
      const { query } = await open()
      for (let job = 0; job < 1_100; job++) await openRun(query, { ...key, job }, {})
      await changeRun(query, { ...key, job: 3 }, { status: 'failed' })
      await changeRun(query, { ...key, job: 1_099 }, { status: 'claimed' })
      await endRuns(query, (job) => job > 1_097)
      const under = await runsWith(query, ['assigned', 'running', 'executed', 'claimed', 'opened'])
      assert.deepEqual(
        under.map(({ job, status }) => [job, status]),
        [
          [1_098, 'assigned'],
          [1_099, 'claimed'],
        ],
      )
      assert.equal((await readRun(query, { ...key, job: 3 }))?.status, 'failed')
      assert.equal((await readRun(query, { ...key, job: 4 }))?.status, 'settled')

      for (let audit = 1; audit <= 4; audit++)
        await openAudit(query, { audit: word(audit), seat: 0 }, key, [0])
      await sealAnswer(query, { audit: word(2), seat: 0 }, { answer: word(7), salt: word(8) })
      await endAudits(query, (audit) => audit === word(2))
      const audits = await auditsWith(query, ['drawn', 'running', 'answered', 'committed', 'revealed'])
      assert.deepEqual(
        audits.map(({ audit, sealed }) => [audit, sealed?.salt]),
        [[word(2), word(8)]],
      )
    },
  )

  await law('peers are kept by score, the banned are not forgotten', async (open) => {
    const { query } = await open()
    for (const [id, score, bannedUntil] of [
      ['a', 5],
      ['b', 9],
      ['c', -900, 70],
      ['B', 9],
    ] as const)
      await rememberPeer(query, {
        id,
        addresses: [],
        score,
        seenAt: 1,
        ...(bannedUntil ? { bannedUntil } : {}),
      })
    await forgetPeers(query, 2, 60)
    // Text is ordered by its bytes on every database.
    assert.deepEqual(
      (await knownPeers(query)).map(({ id }) => id),
      ['B', 'b', 'c'],
    )
  })

  await law('a node that is killed at any time has everything that it reported as stored', async (open) => {
    const where = fresh()
    let reported = -1
    for (const patience of [150, 20, 90, 5, 60]) {
      const before = reported
      reported = Math.max(reported, await writeAndKill(where, patience))
      assert.ok(reported > before, 'the writer went on')
      const store = await open(where)
      const runs = await runsWith(store.query, ['running'], 1_000_000)
      assert.ok(runs.length > reported, `${runs.length} runs are stored, ${reported + 1} were reported`)
      for (const [job, run] of runs.entries()) {
        assert.deepEqual(
          run,
          {
            job,
            slice: 0,
            attempt: 0,
            status: 'running',
            stepsDone: 0,
            sealed: { claim: { job }, salt: word(job), tallies: [`0x${'ab'.repeat(32)}`] },
            detail: { large: 2n ** 200n + BigInt(job) },
          },
          'a run is stored as a whole',
        )
      }
      assert.equal((await checkpointsOf(store.query, { job: reported, slice: 0, attempt: 0 })).length, 1)
      await store.close()
    }
  })
}

const key = { job: 3, slice: 1, attempt: 0 }
const word = (n: number): `0x${string}` => `0x${n.toString(16).padStart(64, '0')}`

/** Runs a writer until some milliseconds after its first report, kills it, and gives the last number it reported. */
const writeAndKill = async (where: string, patience: number): Promise<number> => {
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'store-writer.ts'), where], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  writer.stdout.on('data', (chunk) => {
    if (text === '') setTimeout(() => writer.kill('SIGKILL'), patience)
    text += chunk
  })
  await closed(writer)
  const lines = text.split('\n')
  assert.ok(lines.length > 1, 'the writer has reported something')
  return Number(lines.at(-2))
}
const closed = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => child.once('close', () => resolve()))

test('a store on SQLite', async (t) => {
  const place = sqlitePlace()
  t.after(place.stop)
  await laws(t, place)

  await t.test('a file that is no store, or a torn one, is refused with a remedy', async () => {
    const where = place.fresh()
    const store = await openStore(where)
    for (let id = 0; id < 300; id++)
      await rememberPeer(store.query, { id: `peer ${id}`, addresses: ['x'.repeat(200)], score: 0, seenAt: 0 })
    await store.close()
    const whole = readFileSync(where)
    writeFileSync(
      where,
      Buffer.concat([whole.subarray(0, 8192), Buffer.alloc(16384, 7), whole.subarray(24576)]),
    )
    await assert.rejects(openStore(where), { code: 'store-damaged' })
    writeFileSync(where, 'this is a letter, not a database'.repeat(100))
    await assert.rejects(openStore(where), { code: 'store-damaged' })
  })
})

test('a store on PostgreSQL', async (t) => {
  const place = await postgresPlace()
  if (typeof place === 'string') {
    t.skip(place)
    return
  }
  t.after(place.stop)
  await laws(t, place)

  await t.test('a broken session undoes what was under way, and the next query has a new one', async () => {
    const where = place.fresh()
    const store = await openStore(where)
    const other = await openStore(place.fresh())
    const cutOff = async (q: Store['query']) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(q)
      await sql`select pg_terminate_backend(${rows[0]!.pid}, 5000)`.execute(other.query)
    }
    await assert.rejects(
      store.change(async (q) => {
        await writeMeta(q, 'count', '1')
        // The other store is a stranger here; it only lends its session.
        await new Promise<void>((resolve, reject) => setImmediate(() => cutOffBy(q).then(resolve, reject)))
        await writeMeta(q, 'count', '2')
      }),
    )
    assert.equal(await readMeta(store.query, 'count'), undefined)

    await cutOff(store.query)
    const thief = await openStore(where)
    await thief.close()
    await assert.rejects(readMeta(store.query, 'count'), { code: 'store-lost' })
    await store.close()
    await other.close()

    async function cutOffBy(q: Store['query']): Promise<void> {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(q)
      await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(q).catch(() => undefined)
    }
  })

  await t.test('a schema that is no name is refused', async () => {
    const where = new URL(place.fresh())
    where.searchParams.set('schema', 'a"; drop schema public; --')
    await assert.rejects(openStore(where.href), { code: 'store-unreachable' })
  })
})
