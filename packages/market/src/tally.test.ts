import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { checkpointCount, itemOf, rootOf, tensorsTree, toHex } from '@lockstep/proof'
import { referenceExecutor, type Tensor } from '@lockstep/tensor'
import { tinyTask } from '../../proof/test/tiny-task.ts'
import { createTally, runSegment } from './tally.ts'

test('a provider that adds up a whole run and an auditor that runs one segment get the same tallies', async () => {
  const task = tinyTask()
  const runner = await referenceExecutor.compile(task.committed.program, task.inputs)
  const tally = createTally()
  const along: { tally: string; item: string; state: Tensor[] }[] = []
  runner.load(task.initial)
  for (let step = 1; step <= task.steps; step++) {
    await runner.step()
    tally.step(rootOf(tensorsTree(runner.outputs())))
    if (step % task.segmentLength > 0 && step < task.steps) continue
    const item = itemOf(runner)
    along.push({ tally: toHex(tally.end(item)), item: toHex(item), state: runner.state() })
  }
  assert.equal(along.length, checkpointCount(task))
  assert.equal(new Set(along.map((one) => one.tally)).size, along.length)
  for (const [segment, expected] of along.entries()) {
    const start = segment === 0 ? task.initial : along[segment - 1]!.state
    const seen: number[] = []
    const found = await runSegment(runner, task, segment, start, (done) => {
      seen.push(done)
    })
    assert.equal(toHex(found.tally), expected.tally)
    assert.equal(toHex(found.item), expected.item)
    assert.deepEqual(found.state, expected.state)
    assert.equal(seen.at(-1), seen.length)
  }
})

test("a tally is SHA-256 over its domain, each step's outputs and the end: whatever differs, it differs", () => {
  const digest = (n: number): Uint8Array => new Uint8Array(32).fill(n)
  const of = (steps: number[], end: number): string => {
    const tally = createTally()
    for (const n of steps) tally.step(digest(n))
    return toHex(tally.end(digest(end)))
  }
  const hash = createHash('sha256').update('lockstep tally 1')
  for (const n of [1, 2, 9]) hash.update(digest(n))
  assert.equal(of([1, 2], 9), `0x${hash.digest('hex')}`)
  const all = [of([1, 2], 9), of([2, 1], 9), of([1, 2], 8), of([1], 9), of([1, 2, 3], 9)]
  assert.equal(new Set(all).size, all.length)
})
