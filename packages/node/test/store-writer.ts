/**
 * A node that stores one thing after another and says so, until somebody kills it:
 *   node store-writer.ts PLACE
 * Each line on stdout is the number of a change that has been reported as stored.
 */
import { writeSync } from 'node:fs'
import { openStore } from '../src/store/open-store.ts'
import { openRun, recordCheckpoint, sealClaim } from '../src/store/runs.ts'

const store = await openStore(process.argv[2]!)
const root = `0x${'ab'.repeat(32)}` as const
const stored = await store.query
  .selectFrom('runs')
  .select((e) => e.fn.countAll<number>().as('count'))
  .executeTakeFirstOrThrow()
for (let job = stored.count; ; job++) {
  const key = { job, slice: 0, attempt: 0 }
  await store.change(async (q) => {
    await openRun(q, key, { status: 'running', detail: { large: 2n ** 200n + BigInt(job) } })
    await recordCheckpoint(q, key, {
      segment: 0,
      stateRoot: root,
      outputsRoot: root,
      item: root,
      tally: root,
    })
    await sealClaim(q, key, {
      claim: { job },
      salt: `0x${job.toString(16).padStart(64, '0')}`,
      tallies: [root],
    })
  })
  writeSync(1, `${job}\n`)
}
