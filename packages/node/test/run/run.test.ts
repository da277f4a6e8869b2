import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { createTally } from '@lockstep/market'
import {
  claimRoot,
  climb,
  digestFromHex,
  itemOf,
  rootOf,
  runClaim,
  stepItem,
  taskFields,
  tensorsTree,
  toHex,
} from '@lockstep/proof'
import { createWasmExecutor, type Fault, type Result } from '@lockstep/tensor'
import {
  type RunEvent,
  type RunHandle,
  type RunResult,
  type RunSpec,
  runLayout,
  startRun,
} from '../../src/run/index.ts'
import { smallTask, specOf } from './small-task.ts'

const limits = { memory: 2 ** 30 }
const task = smallTask()
let spec: RunSpec
/** The same task in another directory of its own. */
const elsewhere = (name: string): RunSpec => ({ ...spec, directory: join(dirname(spec.directory), name) })
const ending = async (handle: RunHandle): Promise<RunResult> => {
  const result = await handle.result
  assert.ok(result.ok, result.ok ? '' : JSON.stringify(result.fault))
  return result.value
}
const faultOf = async (handle: RunHandle): Promise<Fault> => {
  const result: Result<RunResult> = await handle.result
  assert.ok(!result.ok, 'the run should have failed')
  return result.fault
}
/** All files of a run but its lock, with their bytes. */
const bytesOf = async ({ directory }: RunSpec): Promise<Map<string, Buffer>> => {
  const names = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((f) => f.isFile())
  const paths = names.map((f) => join(f.parentPath, f.name)).sort()
  return new Map(
    await Promise.all(paths.map(async (p) => [p.slice(directory.length), await readFile(p)] as const)),
  )
}
/** Ends the process, unless it has just ended by itself. */
const kill = ({ pid }: RunHandle): void => {
  try {
    process.kill(pid!, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
let straight: RunResult
before(async () => {
  spec = await specOf(task)
  straight = await ending(startRun(spec, { limits }))
})
after(() => rm(dirname(spec.directory), { recursive: true, force: true }))

test('a run gives the claim, the roots and the tallies that the libraries give', async () => {
  const executor = await createWasmExecutor()
  const runner = await executor.compile(task.committed.program, task.inputs)
  const claim = await runClaim(task, runner)
  assert.deepEqual(straight.checkpoints, claim.checkpoints.map(toHex))
  assert.equal(straight.root, toHex(claimRoot(claim)))
  const [state, outputs] = [straight.stateRoot, straight.outputsRoot].map(digestFromHex)
  const last = stepItem(state!, outputs!)
  assert.equal(
    toHex(climb(last, claim.checkpoints.length - 1, straight.path.map(digestFromHex))),
    straight.root,
  )
  runner.load(task.initial)
  const tally = createTally()
  const tallies: string[] = []
  for (let step = 1; step <= task.steps; step++) {
    await runner.step()
    tally.step(rootOf(tensorsTree(runner.outputs())))
    if (step % task.segmentLength === 0) tallies.push(toHex(tally.end(itemOf(runner))))
  }
  assert.deepEqual(straight.tallies, tallies)
  assert.ok(straight.peakMemory > 2 ** 25 && straight.peakMemory < 2 ** 29)
  runner.close()
  await executor.close()
})

test('a run that is killed at any point goes on, and ends with the same bytes', async () => {
  const long = await specOf(smallTask(12, 2))
  const whole = await ending(startRun(long, { limits }))
  const wanted = await bytesOf(long)
  const killed = { ...long, directory: `${long.directory}-killed` }
  let kills = 0
  for (let attempt = 0; ; attempt++) {
    assert.ok(attempt < 40)
    // At whatever the run is at: loading, stepping, writing, having written.
    let left = attempt % 6
    const handle: RunHandle = startRun(killed, {
      limits,
      tell: () => {
        if (left-- === 0) kill(handle)
      },
    })
    const impatience = attempt % 3 === 0 ? setTimeout(() => kill(handle), 100 + 50 * attempt) : undefined
    const end = await handle.result
    clearTimeout(impatience)
    if (end.ok) {
      assert.deepEqual({ ...end.value, peakMemory: 0, state: '' }, { ...whole, peakMemory: 0, state: '' })
      break
    }
    kills++
    assert.deepEqual([end.fault.code, end.fault.value], ['run-crashed', 'SIGKILL'])
  }
  assert.ok(kills >= 5, `${kills}`)
  const found = await bytesOf(killed)
  for (const [name, bytes] of wanted)
    if (name !== '/segments.jsonl') assert.deepEqual(found.get(name), bytes, name)
  assert.deepEqual(
    [...found.keys()].filter((name) => !wanted.has(name)),
    [],
  )
  await rm(dirname(long.directory), { recursive: true })
})

test('a state that is rooted in a thread of its own gives the same claim, killed or not', async () => {
  const wide = smallTask(12, 2, 96)
  const bytes = wide.initial.reduce((sum, { data }) => sum + data.length, 0)
  assert.ok(bytes > 2 ** 20, `${bytes} bytes are rooted without a thread`)
  const wideSpec = await specOf(wide)
  const executor = await createWasmExecutor()
  const runner = await executor.compile(wide.committed.program, wide.inputs)
  const claim = (await runClaim(wide, runner)).checkpoints.map(toHex)
  await executor.close()
  let kept = 0
  const handle: RunHandle = startRun(wideSpec, {
    limits,
    tell: ({ kind }) => {
      if (kind === 'segment' && ++kept === 2) kill(handle)
    },
  })
  assert.equal((await faultOf(handle)).code, 'run-crashed')
  const events: RunEvent[] = []
  const end = await ending(startRun(wideSpec, { limits, tell: (event) => events.push(event) }))
  assert.deepEqual(end.checkpoints, claim)
  const [resumed] = events
  assert.ok(resumed?.kind === 'resumed' && resumed.segments >= 2, JSON.stringify(resumed))
  const told = events.flatMap((event) => (event.kind === 'segment' ? [event.segment] : []))
  assert.deepEqual(told, [0, 1, 2, 3, 4, 5].slice(resumed.segments))
  await rm(dirname(wideSpec.directory), { recursive: true })
})

test('a checkpoint that cannot be written ends the run with what is wrong', async () => {
  const full = await specOf(smallTask(12, 2))
  await mkdir(runLayout(full.directory).checkpoint(3), { recursive: true })
  const fault = await faultOf(startRun(full, { limits }))
  assert.deepEqual([fault.code, fault.value], ['run-invalid', 'a directory'])
  assert.match(fault.field, /segment-000003/)
  await rm(dirname(full.directory), { recursive: true })
})

test('a segment alone is run from the checkpoint that it begins with, as a task of its own', async () => {
  const part: RunSpec = {
    ...elsewhere('part'),
    initial: runLayout(spec.directory).checkpoint(1),
    atCheckpoint: true,
    steps: task.segmentLength,
    expect: { ...taskFields(task), initialItem: straight.checkpoints[1]!, steps: task.segmentLength },
  }
  const end = await ending(startRun(part, { limits }))
  assert.deepEqual([end.root, ...end.checkpoints], [straight.checkpoints[2], straight.checkpoints[2]])
  const directory = `${part.directory}-other`
  const other = { ...part, directory, initial: runLayout(spec.directory).checkpoint(0) }
  const fault = await faultOf(startRun(other, { limits }))
  assert.deepEqual([fault.code, fault.field], ['run-invalid', 'initialItem of the task'])
})

test('torn and damaged files of a run are made again; nothing that was kept is run twice', async () => {
  const damaged = elsewhere('damaged')
  await cp(spec.directory, damaged.directory, { recursive: true })
  const layout = runLayout(damaged.directory)
  const events: RunEvent[] = []
  const again = async (): Promise<RunResult> => {
    events.length = 0
    return ending(startRun(damaged, { limits, tell: (event) => events.push(event) }))
  }
  assert.equal((await again()).root, straight.root)
  assert.deepEqual(events, [{ kind: 'resumed', segments: 4 }])

  const last = await readFile(layout.checkpoint(3))
  last[last.length - 5]! ^= 1
  await writeFile(layout.checkpoint(3), last)
  await truncate(layout.checkpoint(2), 100)
  assert.deepEqual((await again()).tallies, straight.tallies)
  assert.deepEqual(events[0], { kind: 'resumed', segments: 2 })

  const journal = (await readFile(layout.journal, 'utf8')).trimEnd().split('\n')
  const line = journal.findIndex((text) => text.includes('"segment":1'))
  journal[line] = journal[line]!.replace(/"tally":"0x(.)/, (_, c) => `"tally":"0x${c === 'a' ? 'b' : 'a'}`)
  await writeFile(layout.journal, `${journal.join('\n')}\n{"segment":2,"item":"0x`)
  assert.deepEqual((await again()).tallies, straight.tallies)
  assert.deepEqual(events[0], { kind: 'resumed', segments: 1 })
})

test('limits end a run with what they are', async () => {
  const slow = elsewhere('slow')
  const over = await faultOf(startRun(slow, { limits: { memory: 2 ** 30, time: 0.15 } }))
  assert.equal(over.code, 'run-over-time')
  const executor = { module: join(import.meta.dirname, 'odd-executor.ts') }
  const greedy = { ...elsewhere('greedy'), executor: { ...executor, options: { hold: 700 } } }
  const memory = await faultOf(startRun(greedy, { limits: { memory: 300 * 2 ** 20 } }))
  assert.equal(memory.code, 'run-over-memory', JSON.stringify(memory))
  const objects = { ...elsewhere('objects'), executor: { ...executor, options: { objects: true } } }
  const heap = await faultOf(startRun(objects, { limits: { memory: 2 ** 30 } }))
  assert.equal(heap.code, 'run-over-memory', JSON.stringify(heap))
  const wasm = { ...elsewhere('wasm'), executor: { ...executor, options: { most: 65536 } } }
  assert.equal((await faultOf(startRun(wasm, { limits }))).code, 'run-over-memory')
  const thrower = {
    ...elsewhere('thrower'),
    executor: { ...executor, options: { fail: 'a bug of its own' } },
  }
  const crash = await faultOf(startRun(thrower, { limits }))
  assert.equal(crash.code, 'run-crashed')
  assert.match(String(crash.value), /a bug of its own/)
})

test('garbage is refused with the file that it is in', async () => {
  const refused = async (changed: Partial<RunSpec>): Promise<string> => {
    const { code, field, value } = await faultOf(
      startRun({ ...elsewhere('refused'), ...changed }, { limits }),
    )
    assert.equal(code, 'run-invalid')
    return `${field}: ${value}`
  }
  const home = dirname(spec.directory)
  await writeFile(
    join(home, 'noise'),
    Uint8Array.from({ length: 5000 }, (_, i) => (i * i) >> 3),
  )
  const noise = join(home, 'noise')
  assert.match(await refused({ program: noise }), /of .*noise/)
  assert.match(await refused({ initial: noise }), /of .*noise/)
  assert.match(await refused({ inputs: [{ path: noise }] }), /of .*noise/)
  assert.match(await refused({ program: join(home, 'none') }), /none: missing/)
  assert.match(await refused({ program: home }), /a directory/)
  assert.match(await refused({ inputs: [] }), /inputs/)
  assert.match(await refused({ initial: spec.inputs[0]!.path }), /tensors of .*inputs/)
  assert.match(await refused({ segmentLength: 0 }), /segmentLength/)
  assert.match(await refused({ steps: 2 ** 30, segmentLength: 2 }), /segmentLength/)
  const expect = taskFields(task)
  assert.equal((await ending(startRun({ ...spec, expect }, { limits }))).root, straight.root)
  assert.match(await refused({ expect: { ...expect, inputsRoot: expect.program } }), /inputsRoot of the task/)
  assert.match(await refused({ directory: spec.directory, segmentLength: 4 }), /segmentLength of .*task.json/)
  assert.match(await refused({ executor: { module: noise } }), /executor.module|noise/)
})

test('a run pauses between two steps, goes on, and stops when it is asked to', async () => {
  const paused = {
    ...elsewhere('paused'),
    executor: { module: join(import.meta.dirname, 'odd-executor.ts'), options: { wait: 150 } },
  }
  let steps = 0
  const started = Promise.withResolvers<void>()
  const handle = startRun(paused, {
    limits: { ...limits, time: 30 },
    tell: (event) => {
      if (event.kind === 'progress') steps = event.step
      started.resolve()
    },
  })
  await started.promise
  await handle.pause()
  const at = steps
  await new Promise((resolve) => setTimeout(resolve, 400))
  assert.equal(steps, at)
  await handle.resume()
  assert.equal((await ending(handle)).root, straight.root)
  assert.ok(steps > at)

  const begun = Promise.withResolvers<void>()
  const stopping = startRun(
    { ...paused, directory: `${paused.directory}-too` },
    { limits, tell: () => begun.resolve() },
  )
  await begun.promise
  await stopping.pause()
  await stopping.stop()
  assert.equal((await faultOf(stopping)).code, 'run-stopped')
})

test('one directory has one writer; a run whose parent is killed ends by itself', async () => {
  const slow = (wait: number): RunSpec => ({
    ...elsewhere('orphan'),
    executor: { module: join(import.meta.dirname, 'odd-executor.ts'), options: { wait } },
  })
  const orphan = slow(600_000) // it does not end by having done its work
  const parent = spawn(
    process.execPath,
    [join(import.meta.dirname, 'start-and-wait.ts'), JSON.stringify(orphan)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const pid = await new Promise<number>((resolve) =>
    parent.stdout!.once('data', (data) => resolve(Number(data))),
  )
  parent.kill('SIGKILL')
  const begun = performance.now()
  const alive = (): boolean => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  while (alive() && performance.now() - begun < 120_000)
    await new Promise((resolve) => setTimeout(resolve, 20))
  assert.ok(!alive(), 'the orphan still runs')
  // Whoever comes second waits for the first, some seconds at most: it is the machine that may be slow, not the steps.
  const held = Promise.withResolvers<void>()
  const first = startRun(slow(50), { limits, tell: () => held.resolve() })
  await held.promise
  const second = startRun(slow(50), { limits })
  assert.equal((await ending(first)).root, straight.root)
  assert.equal((await ending(second)).root, straight.root)
})

test('a flipped bit is found by the self-audit, repaired, and the run ends as if it had never been', async () => {
  const selfAudit = { share: 1, seed: `0x${'5a'.repeat(32)}` as const }
  const executor = { module: join(import.meta.dirname, 'odd-executor.ts'), options: { flip: 5 } }
  const told: RunEvent[] = []
  const faulty = { ...elsewhere('faulty'), executor }
  assert.notEqual((await ending(startRun(faulty, { limits }))).root, straight.root)
  const repaired = { ...elsewhere('repaired'), executor, selfAudit }
  const end = await ending(startRun(repaired, { limits, tell: (event) => told.push(event) }))
  assert.deepEqual([end.root, end.tallies, end.repaired], [straight.root, straight.tallies, [1]])
  assert.deepEqual(end.audited, [0, 1, 2, 3])
  assert.ok(
    told.some((event) => event.kind === 'audited' && event.segment === 1 && event.found === 'repaired'),
  )
  // The auditing machine may be the one that errs.
  const second = {
    ...elsewhere('outvoted'),
    executor: { ...executor, options: { flip: 5, machine: 1 } },
    selfAudit,
  }
  told.length = 0
  const outvoted = await ending(startRun(second, { limits, tell: (event) => told.push(event) }))
  assert.deepEqual([outvoted.root, outvoted.repaired], [straight.root, []])
  assert.ok(told.some((event) => event.kind === 'audited' && event.found === 'outvoted'))
  const unsound = {
    ...elsewhere('unsound'),
    executor: { ...executor, options: { flip: 5, machine: 'all' } },
    selfAudit,
  }
  assert.equal((await faultOf(startRun(unsound, { limits }))).code, 'run-unsound')
  // A share of the segments is drawn by the seed.
  const some = await ending(
    startRun({ ...elsewhere('some'), selfAudit: { ...selfAudit, share: 0.5 } }, { limits }),
  )
  assert.ok(some.audited.length > 0 && some.audited.length < 4, String(some.audited))
})
