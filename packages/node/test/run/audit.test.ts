import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { toHex } from '@lockstep/proof'
import {
  type AuditResult,
  auditSegments,
  type RunResult,
  type RunSpec,
  readRunDirectory,
  startRun,
} from '../../src/run/index.ts'
import { smallTask, specOf } from './small-task.ts'

const limits = { memory: 2 ** 30 }
const task = smallTask(15, 3)
let spec: RunSpec
let honest: RunResult
/** A machine that has turned over a bit in step 7, which is in segment 2. */
let lying: RunSpec
let lie: RunResult
const ending = async (directory: RunSpec): Promise<RunResult> => {
  const result = await startRun(directory, { limits }).result
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}
const audit = async (
  ...[segments, options]: [number[], Omit<Parameters<typeof auditSegments>[2], 'limits'>?]
): Promise<AuditResult> => {
  const result = await auditSegments(spec, segments, { limits, ...options }).result
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}
before(async () => {
  spec = await specOf(task)
  const module = join(import.meta.dirname, 'odd-executor.ts')
  lying = { ...spec, directory: `${spec.directory}-lying`, executor: { module, options: { flip: 8 } } }
  honest = await ending(spec)
  lie = await ending(lying)
  assert.deepEqual(
    honest.checkpoints.map((item, i) => item === lie.checkpoints[i]),
    [true, true, false, false, false],
  )
})
after(() => rm(dirname(spec.directory), { recursive: true, force: true }))

test('an audit of an honest run gives its tallies, from its checkpoints or from the start', async () => {
  const checkpoints = (await readRunDirectory(spec.directory))!.checkpoints
  const wanted = [1, 4].map((segment) => ({
    segment,
    item: honest.checkpoints[segment],
    tally: honest.tallies[segment],
  }))
  const claimed = honest.checkpoints
  assert.deepEqual(await audit([4, 1, 4], { claimed, checkpoints }), { segments: wanted, withheld: [] })
  assert.deepEqual(await audit([4, 1]), { segments: wanted, withheld: [0, 2, 3] })
  // From the only checkpoint that is good; what has been reached is gone on from.
  const torn = `${checkpoints.get(3)!}.torn`
  const bytes = await readFile(checkpoints.get(3)!)
  bytes[bytes.length - 1]! ^= 1
  await writeFile(torn, bytes)
  const some = new Map([
    [0, checkpoints.get(0)!],
    [2, '/nowhere'],
    [3, torn],
  ])
  assert.deepEqual(await audit([1, 4], { claimed, checkpoints: some }), {
    segments: wanted,
    withheld: [2, 3],
  })
})

test('an audit finds a planted lie in the segment that it is in, and no other', async () => {
  const checkpoints = (await readRunDirectory(lying.directory))!.checkpoints
  const claimed = lie.checkpoints
  const all = await audit([0, 1, 2, 3, 4], { claimed, checkpoints })
  const found = honest.checkpoints[2]
  assert.deepEqual(all.differs, { segment: 2, claimed: claimed[2], found })
  // A segment that follows from a lie as it should is as claimed: the lie is where it was told.
  assert.deepEqual(
    all.segments.map(({ item, tally }, i) => item === claimed[i] && tally === lie.tallies[i]),
    [true, true, false, true, true],
  )
  assert.equal((await audit([0, 3], { claimed, checkpoints })).differs, undefined)
  // Without its checkpoints an audit runs through the lie on the way.
  const through = await audit([4], { claimed })
  assert.deepEqual(through.differs, { segment: 2, claimed: claimed[2], found })
  assert.deepEqual(through.withheld, [0, 1, 2, 3])
})

test('an audit of segments that are not there, or of a claim that is too short, is refused', async () => {
  for (const [segments, claimed] of [
    [[5], undefined],
    [[], undefined],
    [[0], [toHex(new Uint8Array(32))]],
  ] as const) {
    const result = await auditSegments(spec, segments, { limits, ...(claimed && { claimed }) }).result
    assert.ok(!result.ok)
    assert.equal(result.fault.code, 'run-invalid', JSON.stringify(result.fault))
  }
})
