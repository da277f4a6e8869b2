import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { capabilityOf } from './capability.ts'

test('a machine is measured once a month, and anew where the file or the machine is another', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'capability-'))
  t.after(() => rm(directory, { recursive: true }))
  const file = join(directory, 'deep', 'capability.json')
  let time = 1_800_000_000_000
  const look = () => capabilityOf({ threads: 1, file, now: () => time, leastSeconds: 0.01 })
  const first = await look()
  assert.equal(first.threads, 1)
  assert.match(first.executor, /^wasm 1 (fused|exact)(, native [a-z0-9]+)?$/)
  assert.ok(first.unitsPerSecond > 1 && first.unitsPerSecond < 1e7, `${first.unitsPerSecond}`)
  time += 86_400_000
  assert.deepEqual(await look(), first)

  const written = JSON.parse(await readFile(file, 'utf8'))
  for (const damaged of [
    '',
    'x'.repeat(10_000),
    JSON.stringify({ ...written, unitsPerSecond: -1 }),
    JSON.stringify({ ...written, machine: 'another' }),
    JSON.stringify({ ...written, measuredAt: time + 1 }),
    JSON.stringify({ ...written, measuredAt: time - 31 * 86_400_000 }),
  ]) {
    await writeFile(file, damaged)
    assert.equal((await look()).measuredAt, time)
  }
})
