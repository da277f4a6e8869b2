import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { claimRoot, runClaim, toHex } from '@lockstep/proof'
import { createWasmExecutor, type Result, referenceExecutor, unwrap } from '@lockstep/tensor'
import type { ExecutorId } from '../../src/executors/id.ts'
import { openExecutors } from '../../src/executors/node-executors.ts'
import { DEVICE_FAILED, onDevice } from '../../src/executors/open-by-id.ts'
import type { Probe } from '../../src/executors/probe.ts'
import { onExecutors } from '../../src/roles/on-executors.ts'
import { measureRun } from '../../src/run/measure-run.ts'
import type { RunSpec } from '../../src/run/run-spec.ts'
import { type RunResult, startRun } from '../../src/run/start-run.ts'
import { smallTask, specOf } from '../run/small-task.ts'

const limits = { memory: 2 ** 30, time: 120 }
const DYING = join(import.meta.dirname, 'dying-executor.ts')
/** No machine has so many cards. */
const NOT_HERE: ExecutorId = 'cuda:99'

/** A node on a machine that shows a card, which the given work takes for granted. */
const node = async (measured: number) => {
  const warned: string[] = []
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-on-'))
  const log = {
    info: () => {},
    debug: () => {},
    warn: (_: unknown, text: string) => warned.push(text),
  } as never
  const info = { id: NOT_HERE, name: 'a card', driver: 'a driver', memory: 2 ** 33, software: false }
  const probe: Probe = {
    list: async () => ({ found: [info], missing: [] }),
    prove: async () => ({ conforms: true, cases: 15, digest: 'ee', unitsPerSecond: measured }),
  }
  const stopping = new AbortController()
  const executors = unwrap(
    await openExecutors({
      ...{ choice: NOT_HERE, threads: 1, runs: 1, file: join(directory, 'executors.json'), probe, log },
      ...{ processor: () => ({ executor: 'wasm', unitsPerSecond: 1 }), changed: () => {} },
      signal: stopping.signal,
    }),
  )
  await executors.ready
  const close = async (): Promise<void> => {
    stopping.abort()
    await executors.close()
    await rm(directory, { recursive: true, force: true })
  }
  return { executors, log, stopped: stopping.signal, warned, close }
}

test('a device whose process dies in the middle of a slice loses nothing that was kept: the processor goes on', async () => {
  const task = smallTask()
  const spec = await specOf(task)
  const { warned, close, ...parts } = await node(1e6)
  const tried: (ExecutorId | undefined)[] = []
  let resumed = 0
  const carryOut = async (onto: RunSpec): Promise<Result<RunResult>> => {
    tried.push(onto.executor?.on)
    // What plays the card is the processor, in a process that dies in the third segment: the first is kept by then.
    const dying = { module: DYING, options: { at: 2 * task.segmentLength + 1 } }
    const handle = startRun(
      { ...onto, executor: onto.executor?.on === NOT_HERE ? dying : {} },
      {
        limits,
        tell: (event) => {
          if (event.kind === 'resumed') resumed = event.segments
        },
      },
    )
    return handle.result
  }
  try {
    const work = { spec, program: toHex(task.committed.id), limits, about: {} }
    const { root } = unwrap(await onExecutors(parts, work, carryOut))
    const executor = await createWasmExecutor()
    const runner = await executor.compile(task.committed.program, task.inputs)
    assert.equal(root, toHex(claimRoot(await runClaim(task, runner))))
    runner.close()
    await executor.close()
    assert.deepEqual(tried, [NOT_HERE, undefined])
    assert.ok(resumed >= 1, 'segments that were kept are not executed again')
    assert.match(warned.join('\n'), /cuda:99 is proven again before it is used again: signal is SIGKILL/)
    assert.match(warned.join('\n'), /cuda:99 failed: the work goes on elsewhere from what is kept of it/)
  } finally {
    await close()
    await rm(dirname(spec.directory), { recursive: true, force: true })
  }
})

test('a card that is gone when a slice begins is no reason not to carry it out, and a wrong task is', async () => {
  const task = smallTask(4, 2)
  const spec = await specOf(task)
  const { warned, close, ...parts } = await node(1e6)
  try {
    const carryOut = (onto: RunSpec): Promise<Result<RunResult>> => startRun(onto, { limits }).result
    const work = { spec, program: toHex(task.committed.id), limits, about: {} }
    const wrong = { ...work, spec: { ...spec, initial: spec.program } }
    const refused = await onExecutors(parts, wrong, carryOut)
    assert.ok(!refused.ok && refused.fault.code === 'run-invalid')
    assert.deepEqual(warned, [])
    const done = unwrap(await onExecutors(parts, work, carryOut))
    assert.equal(done.checkpoints.length, 2)
    assert.match(warned[0]!, /^cuda:99 is proven again.*executor cuda:99 is /)
  } finally {
    await close()
    await rm(dirname(spec.directory), { recursive: true, force: true })
  }
})

test('a program is measured in a process of its own, and a device that is not there has no speed', async () => {
  const spec = await specOf(smallTask(4, 2))
  try {
    assert.ok(unwrap(await measureRun({ ...spec, executor: { on: 'wasm' } }, limits)) > 0)
    const gone = await measureRun({ ...spec, executor: { on: NOT_HERE } }, limits)
    assert.ok(!gone.ok && gone.fault.code === DEVICE_FAILED)
  } finally {
    await rm(dirname(spec.directory), { recursive: true, force: true })
  }
})

test('whatever a device fails with is a fault of the device, in every call', async () => {
  const task = smallTask(4, 2)
  const lost = (): never => {
    throw new Error('the device was lost\nand a stack')
  }
  const calls = ['load', 'give', 'step', 'trace', 'state', 'outputs', 'roots', 'compile', 'open'] as const
  for (const call of calls) {
    const fault = async (): Promise<unknown> => {
      const executor = await onDevice('cuda:0', async () => {
        if (call === 'open') lost()
        return {
          ...referenceExecutor,
          compile: async (program, inputs) => {
            if (call === 'compile') lost()
            const runner = await referenceExecutor.compile(program, inputs)
            const whole = {
              load: runner.load.bind(runner),
              give: runner.give.bind(runner),
              step: runner.step.bind(runner),
              trace: runner.trace.bind(runner),
              state: runner.state.bind(runner),
              outputs: runner.outputs.bind(runner),
              roots: () => [],
              close: lost,
            }
            return { ...whole, [call]: lost }
          },
        }
      })
      const runner = await executor.compile(task.committed.program, task.inputs)
      runner.close() // what is lost is not given back
      runner.load(task.initial)
      runner.give(task.inputs)
      if (call === 'trace') await runner.trace()
      else if (call === 'step') await runner.step()
      return [runner.state(), runner.outputs(), runner.roots?.()]
    }
    await assert.rejects(fault, (error: { fault?: { code: string; field: string; value: string } }) => {
      assert.deepEqual(
        [error.fault?.code, error.fault?.field, error.fault?.value],
        [DEVICE_FAILED, 'executor cuda:0', 'the device was lost'],
        call,
      )
      return true
    })
  }
})
