import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Hex, taskFields } from '@lockstep/proof'
import { type Result, unwrap } from '@lockstep/tensor'
import { BEGINS_ELSEWHERE, executePart, type WholeTask } from '../src/roles/segment-part.ts'
import { type RunResult, type RunSpec, runLayout, startRun } from '../src/run/index.ts'
import { smallTask, specOf } from './run/small-task.ts'

const task = smallTask(7, 2)
let spec: RunSpec
let truth: RunResult
/** Directories of the runs that a part took. */
let runs: string[]
const execute = (part: RunSpec): Promise<Result<RunResult>> => {
  runs.push(part.directory.slice(spec.directory.length))
  return startRun(part, { limits: { memory: 2 ** 30 } }).result
}
const wholeIn = (name: string, checkpoints: readonly (readonly [number, string])[]): WholeTask => {
  runs = []
  return {
    files: {
      ...{ program: spec.program, initial: spec.initial, inputs: [...spec.inputs] },
      expect: taskFields(task),
    },
    items: truth.checkpoints,
    checkpoints: new Map(checkpoints),
    directory: join(`${spec.directory}-${name}`),
    executor: undefined,
  }
}
const checkpoint = (segment: number): string => runLayout(spec.directory).checkpoint(segment)

before(async () => {
  spec = await specOf(task)
  truth = unwrap(await startRun(spec, { limits: { memory: 2 ** 30 } }).result)
})
after(() => rm(dirname(spec.directory), { recursive: true, force: true }))

test('a segment is executed from the checkpoint before it, and never twice', async () => {
  const whole = wholeIn('near', [[2, checkpoint(2)]])
  const part = unwrap(await executePart(whole, 3, truth.checkpoints[2]!, execute))
  assert.deepEqual([part.item, part.spec.steps], [truth.checkpoints[3], 1])
  assert.deepEqual(runs, ['-near/part-3'])
  assert.equal(unwrap(await executePart(whole, 3, truth.checkpoints[2]!, execute)).item, part.item)
})

test('what is withheld, or not what the claim says, is executed to', async () => {
  const whole = wholeIn('far', [
    [1, checkpoint(0)],
    [0, checkpoint(0)],
  ])
  const part = unwrap(await executePart(whole, 2, truth.checkpoints[1]!, execute))
  assert.equal(part.item, truth.checkpoints[2])
  assert.deepEqual(runs, ['-far/part-2', '-far/lead-1-2', '-far/part-2'])
  const bare = wholeIn('bare', [])
  assert.equal(unwrap(await executePart(bare, 1, truth.checkpoints[0]!, execute)).item, truth.checkpoints[1])
  assert.deepEqual(runs, ['-bare/lead-0-1', '-bare/part-1'])
})

test('where the claim begins elsewhere than an execution does, its segment is not executed', async () => {
  const start: Hex = `0x${'5a'.repeat(32)}`
  const part = await executePart(wholeIn('elsewhere', []), 1, start, execute)
  assert.ok(!part.ok)
  assert.deepEqual(
    [part.fault.code, part.fault.value, part.fault.limit],
    [BEGINS_ELSEWHERE, truth.checkpoints[0], start],
  )
})
