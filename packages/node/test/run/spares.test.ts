import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, symlinkSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  auditSegments,
  openSpares,
  type RunHandle,
  type RunResult,
  type RunSpec,
  startRun,
} from '../../src/run/index.ts'
import { limitedCommand } from '../../src/run/limits.ts'
import { smallTask, specOf } from './small-task.ts'

const limits = { memory: 2 ** 30 }
const home = mkdtempSync(join(tmpdir(), 'lockstep-spares-'))
const cells = join(home, 'spares')
/** Two tasks, and what each gives in a process that has run nothing else. */
let specs: RunSpec[]
let alone: RunResult[]
let made = 0
const elsewhere = (spec: RunSpec): RunSpec => ({ ...spec, directory: join(home, `run-${made++}`) })
const ending = async (handle: RunHandle): Promise<RunResult> => {
  const result = await handle.result
  assert.ok(result.ok, JSON.stringify(result))
  return result.value
}
const sameAs = ({ state, ...found }: RunResult, { state: _, ...wanted }: RunResult): void => {
  assert.ok(existsSync(state), state)
  assert.deepEqual({ ...found, peakMemory: 0 }, { ...wanted, peakMemory: 0 })
}
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
const gone = async (pid: number): Promise<void> => {
  const until = performance.now() + 120_000
  while (isAlive(pid)) {
    assert.ok(performance.now() < until, `process ${pid} is still there`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
before(async () => {
  specs = [await specOf(smallTask(4, 2)), await specOf(smallTask(9, 3))]
  alone = []
  for (const spec of specs) alone.push(await ending(startRun(spec, { limits })))
})
after(async () => {
  for (const { directory } of specs) await rm(dirname(directory), { recursive: true, force: true })
  await rm(home, { recursive: true, force: true })
})

test('a process runs one task after another, each with the bytes that a process of its own gives', async () => {
  const spares = openSpares({ directory: cells, most: 2 })
  const pids = new Set<number>()
  for (let i = 0; i < 6; i++) {
    const handle = startRun(elsewhere(specs[i % 2]!), { limits, spares })
    pids.add(handle.pid!)
    sameAs(await ending(handle), alone[i % 2]!)
    // Between two tasks there is nothing that it could write to.
    assert.deepEqual(
      readdirSync(cells).map((cell) => readdirSync(join(cells, cell))),
      [[]],
    )
  }
  assert.equal(pids.size, 1)
  const audited = await auditSegments(specs[0]!, [0, 1], { limits, spares }).result
  assert.ok(audited.ok)
  assert.deepEqual(
    audited.value.segments.map(({ tally }) => tally),
    alone[0]!.tallies,
  )
  // An audit is not done where runs are: its process may write nowhere.
  assert.deepEqual([spares.waiting(), readdirSync(cells).length], [2, 1])
  await spares.close()
  for (const pid of pids) assert.ok(!isAlive(pid))
  assert.ok(!existsSync(cells))
})

test('a process writes to the directory of its task and nowhere else', async () => {
  const [cell, task, other] = ['cell', 'task', 'other'].map((name) => join(realpathSync(home), name))
  for (const directory of [cell!, task!, other!]) mkdirSync(directory)
  symlinkSync(task!, join(cell!, 'run'), 'junction')
  const [command, args] = limitedCommand(
    join(import.meta.dirname, 'write-probe.ts'),
    cell!,
    { memory: 2 ** 30 },
    1,
  )
  const through = join(cell!, 'run', 'file')
  const paths = [through, join(task!, 'direct'), join(other!, 'file'), join(cell!, 'run', 'out.link')]
  const written = execFileSync(command, [...args, ...paths], { encoding: 'utf8' })
  assert.deepEqual(written.trim().split('\n'), [through])
  assert.deepEqual([readdirSync(task!), readdirSync(other!)], [['file'], []])
})

test('a process that failed, was stopped or paused, or ran a module of its own is not used again', async () => {
  const spares = openSpares({ directory: cells, most: 2 })
  const [spec] = specs as [RunSpec]
  const first = startRun(elsewhere(spec), { limits, spares })
  await ending(first)

  const invalid = startRun({ ...elsewhere(spec), steps: 5, initial: spec.program }, { limits, spares })
  assert.equal(invalid.pid, first.pid)
  const refused = await invalid.result
  assert.ok(!refused.ok && refused.fault.code === 'run-invalid')
  await gone(first.pid!)

  const paused = startRun(elsewhere(spec), { limits, spares })
  assert.notEqual(paused.pid, first.pid)
  await paused.pause()
  await paused.resume()
  sameAs(await ending(paused), alone[0]!)
  await gone(paused.pid!)

  const module = join(import.meta.dirname, 'odd-executor.ts')
  const odd = startRun({ ...elsewhere(spec), executor: { module } }, { limits, spares })
  sameAs(await ending(odd), alone[0]!)
  assert.ok(!isAlive(odd.pid!))

  const slow = startRun(elsewhere(smallerSteps(spec)), { limits: { ...limits, time: 0.05 }, spares })
  const late = await slow.result
  assert.ok(!late.ok && late.fault.code === 'run-over-time')
  await gone(slow.pid!)
  assert.equal(spares.waiting(), 0)
  await spares.close()
})

/** Many steps: it does not end before somebody ends it. */
const smallerSteps = (spec: RunSpec): RunSpec => ({ ...spec, steps: 100_000, segmentLength: 100_000 })

test('limits hold for each task anew; one with other limits has another process', async () => {
  const spares = openSpares({ directory: cells, most: 2 })
  const [spec] = specs as [RunSpec]
  const first = startRun(elsewhere(spec), { limits: { ...limits, time: 60 }, spares })
  await ending(first)
  const second = startRun(elsewhere(smallerSteps(spec)), { limits: { ...limits, time: 0.3 }, spares })
  assert.equal(second.pid, first.pid)
  const over = await second.result
  assert.ok(!over.ok)
  assert.equal(over.fault.code, 'run-over-time')
  const third = startRun(elsewhere(spec), { limits, spares })
  await ending(third)
  const narrow = startRun(elsewhere(spec), { limits: { memory: 2 ** 29 }, spares })
  await ending(narrow)
  const gentle = startRun(elsewhere(spec), { limits: { ...limits, nice: 5 }, spares })
  await ending(gentle)
  assert.equal(new Set([first.pid, third.pid, narrow.pid, gentle.pid]).size, 4)
  assert.equal(spares.waiting(), 2)
  await spares.close()
})

test('a task whose used process dies is run in a new one; a new one that dies is a crash', async () => {
  const spares = openSpares({ directory: cells, most: 2 })
  const [spec] = specs as [RunSpec]
  const first = startRun(elsewhere(spec), { limits, spares })
  await ending(first)
  let killed = false
  const second = startRun(elsewhere(specs[1]!), {
    ...{ limits, spares },
    tell: () => {
      if (!killed) process.kill(first.pid!, 'SIGKILL')
      killed = true
    },
  })
  sameAs(await ending(second), alone[1]!)
  assert.ok(killed)
  await spares.close()

  const fresh = openSpares({ directory: cells, most: 2 })
  const handle: RunHandle = startRun(elsewhere(spec), {
    ...{ limits, spares: fresh },
    tell: () => void process.kill(handle.pid!, 'SIGKILL'),
  })
  const crash = await handle.result
  assert.ok(!crash.ok)
  assert.equal(crash.fault.code, 'run-crashed')
  await fresh.close()
})

test('a process that waits ends when it is killed, idle for long, or told something about its directory', async () => {
  const spares = openSpares({ directory: cells, most: 1, idle: 2_000 })
  const [spec] = specs as [RunSpec]
  const first = startRun(elsewhere(spec), { limits, spares })
  await ending(first)
  assert.equal(spares.waiting(), 1)
  await gone(first.pid!)
  assert.equal(spares.waiting(), 0)

  const second = startRun(elsewhere(spec), { limits, spares })
  await ending(second)
  process.kill(second.pid!, 'SIGKILL')
  await gone(second.pid!)
  const third = startRun(elsewhere(spec), { limits, spares })
  sameAs(await ending(third), alone[0]!)

  // A leftover of a node that was killed is in nobody's way.
  await spares.close()
  mkdirSync(join(cells, 'cell-old'), { recursive: true })
  await writeFile(join(home, 'precious'), 'x')
  symlinkSync(home, join(cells, 'cell-old', 'run'), 'junction')
  const again = openSpares({ directory: cells, most: 1 })
  assert.deepEqual([readdirSync(cells), existsSync(join(home, 'precious'))], [[], true])
  await again.close()
})
