import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import { takeLock } from '../src/supervisor/lock-file.ts'
import { servicePart } from '../src/supervisor/part.ts'
import { identityOf, isRunning } from '../src/supervisor/process-identity.ts'
import { processPart } from '../src/supervisor/process-part.ts'
import { supervise } from '../src/supervisor/supervise.ts'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const FAST = { first: 20, longest: 100, steady: 60_000, loop: { ends: 3, within: 60_000 } }
const program = join(import.meta.dirname, 'part-program.ts')

const directoryOf = async (t: TestContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'supervisor-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}
const part = (name: string, behaviour: string, more: object = {}) =>
  processPart({
    name,
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', program, behaviour],
    ...more,
  })
const until = async (what: string, is: () => boolean | Promise<boolean>, within = 120_000): Promise<void> => {
  const end = performance.now() + within
  while (!(await is())) {
    if (performance.now() > end) assert.fail(`not within ${within} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
const isAlive = (pid: number): boolean => identityOf(pid) !== undefined

test('parts start in order, each when the one before is up, and stop the other way round', async () => {
  const events: string[] = []
  const service = (name: string) =>
    servicePart(name, async () => {
      events.push(`${name} starts`)
      await new Promise((resolve) => setTimeout(resolve, 20))
      events.push(`${name} up`)
      return async () => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        events.push(`${name} stops`)
      }
    })
  const supervisor = supervise([service('a'), service('b'), service('c')], { log: silent })
  assert.equal(supervisor.troubles().length, 3)
  await supervisor.up
  assert.deepEqual(supervisor.troubles(), [])
  assert.deepEqual(await supervisor.stop(), [])
  assert.deepEqual(events, [
    'a starts',
    'a up',
    'b starts',
    'b up',
    'c starts',
    'c up',
    'c stops',
    'b stops',
    'a stops',
  ])
  assert.deepEqual(
    supervisor.status().map(({ state }) => state),
    ['stopped', 'stopped', 'stopped'],
  )
})

test('a process that was killed is started again; its lines are heard, long ones in part', async () => {
  const lines: string[] = []
  const supervisor = supervise([part('one', 'polite', { line: (text: string) => lines.push(text) })], {
    log: silent,
    backOff: FAST,
  })
  await supervisor.up
  const [before] = supervisor.status()
  process.kill(before!.pid!, 'SIGKILL')
  await until('a new process', () => {
    const [now] = supervisor.status()
    return now!.state === 'running' && now!.pid !== before!.pid
  })
  const [after] = supervisor.status()
  assert.equal(after!.restarts, 1)
  assert.equal(after!.reason, 'killed by SIGKILL')
  assert.deepEqual(supervisor.troubles(), [])
  assert.deepEqual(await supervisor.stop(), [])
  assert.ok(!isAlive(after!.pid!))
  await until('its last words', () => lines.includes('bye'))
  assert.ok(lines.includes('hello'))
  assert.ok(lines.every((line) => line.length <= 8192))
})

test('a part that ends again and again is reported as failing, also while it is up for a moment, and is tried on', async () => {
  const supervisor = supervise([part('one', 'ends')], { log: silent, backOff: FAST })
  const codes = new Set<string>()
  await until('a crash loop', () => {
    const [trouble] = supervisor.troubles()
    return trouble?.code === 'crash-loop'
  })
  const { restarts } = supervisor.status()[0]!
  await until('two more starts', () => {
    codes.add(supervisor.troubles()[0]?.code ?? 'none')
    return supervisor.status()[0]!.restarts >= restarts + 2
  })
  assert.deepEqual([...codes], ['crash-loop'])
  assert.match(supervisor.troubles()[0]!.message, /ended 3 times within 60 s; last: ended with 3/)
  await supervisor.stop()
})

test('a command that does not exist, a start that fails and one that takes too long are tried again', async () => {
  let attempts = 0
  const parts = [
    processPart({ name: 'absent', command: '/no/such/command', args: [] }),
    servicePart('never', async () => assert.fail('not reached')),
  ]
  const supervisor = supervise(parts, { log: silent, backOff: FAST })
  await until('a crash loop', () => supervisor.troubles()[0]?.code === 'crash-loop')
  assert.match(supervisor.troubles()[0]!.message, /ENOENT/)
  assert.equal(supervisor.status()[1]!.state, 'waiting')
  await supervisor.stop()

  const flaky = servicePart('flaky', async () => {
    if (++attempts < 3) throw new Error('not yet')
    return () => {}
  })
  const slow = part('slow', 'silent', { startWithin: 300 })
  const second = supervise([flaky, slow], { log: silent, backOff: FAST })
  await until('a start that was given up', () => /not up within 0.3 s/.test(second.status()[1]!.reason ?? ''))
  assert.equal(attempts, 3)
  await second.stop()
})

test('who does not stop is killed within its bound, and the others still stop in order', async () => {
  const events: string[] = []
  const polite = servicePart('polite', async () => () => void events.push('polite stops'))
  const stuck = servicePart('stuck', async () => () => new Promise<void>(() => {}), { stopWithin: 200 })
  const throws = servicePart(
    'throws',
    async () => () => {
      throw new Error('a bug in a stop')
    },
    { stopWithin: 200 },
  )
  const stubborn = part('stubborn', 'stubborn', { stopWithin: 300 })
  const supervisor = supervise([polite, stuck, throws, stubborn], { log: silent })
  await supervisor.up
  const { pid } = supervisor.status()[3]!
  const start = performance.now()
  assert.deepEqual(await supervisor.stop(), ['stubborn', 'stuck'])
  assert.ok(performance.now() - start < 60_000)
  assert.ok(!isAlive(pid!))
  assert.deepEqual(events, ['polite stops'])
})

test('stopping while a part starts leaves nothing running', async (t) => {
  const note = join(await directoryOf(t), 'pid')
  const silentPart = processPart({
    name: 'silent',
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', program, 'silent', note],
  })
  const supervisor = supervise([silentPart], { log: silent })
  await until('the process', () =>
    readFile(note, 'utf8').then(
      (text) => text !== '',
      () => false,
    ),
  )
  const pid = Number(await readFile(note, 'utf8'))
  assert.ok(isAlive(pid))
  await supervisor.stop()
  await supervisor.up
  await until('its end', () => !isAlive(pid), 5_000)
})

test('what a process has started ends with it', async (t) => {
  const note = join(await directoryOf(t), 'pid')
  const parent = processPart({
    name: 'parent',
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', program, 'parent', note],
  })
  const supervisor = supervise([parent], { log: silent })
  await supervisor.up
  const pid = Number(await readFile(note, 'utf8'))
  assert.ok(isAlive(pid))
  await supervisor.stop()
  await until('the end of the grandchild', () => !isAlive(pid), 5_000)
})

test('one process has a lock; who is killed loses it to one of many that come at the same moment', async (t) => {
  const path = join(await directoryOf(t), 'node.lock')
  const lock = unwrap(await takeLock(path))
  assert.equal((await stat(path)).mode & 0o777, 0o600)
  const again = await takeLock(path)
  assert.ok(!again.ok)
  assert.equal(again.fault.code, 'node-locked')
  assert.equal(again.fault.value, `held by process ${process.pid}`)
  await lock.release()
  await assert.rejects(stat(path), { code: 'ENOENT' })

  const gone = spawn(process.execPath, ['-e', ''])
  const identity = { pid: gone.pid!, began: 'another time' }
  await new Promise((resolve) => gone.once('exit', resolve))
  const living = identityOf(process.pid)!
  const stale = [
    JSON.stringify({ ...identity, children: [] }),
    // A number that now belongs to somebody else: this very process.
    JSON.stringify({ ...living, began: `${living.began}0`, children: [] }),
    '{"pid":',
    '',
    JSON.stringify({ pid: -1, began: '', children: [] }),
  ]
  for (const content of stale) {
    await writeFile(path, content)
    const all = await Promise.all(Array.from({ length: 8 }, () => takeLock(path)))
    const taken = all.filter((one) => one.ok)
    assert.equal(taken.length, 1, content)
    await unwrap(taken[0]!).release()
  }
  assert.deepEqual(await readdir(join(path, '..')), [])
})

/** A whole node as a process, with what it prints. */
const nodeOf = (t: TestContext, ...args: string[]) => {
  const node = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'node-program.ts'), ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let out = ''
  node.stdout.on('data', (chunk) => {
    out += chunk
  })
  t.after(() => node.kill('SIGKILL'))
  const lines = () =>
    out
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  const line = (msg: string) => lines().find((one) => one.msg === msg)
  return { node, lines, line, up: () => until('the node', () => line('node up') !== undefined) }
}
const exit = (node: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => {
    if (node.exitCode !== null || node.signalCode !== null) resolve(node.exitCode)
    else node.once('exit', (code) => resolve(code))
  })

test('a node stops in order at SIGTERM and at SIGINT, and gives its directory back', async (t) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const lockFile = join(await directoryOf(t), 'node.lock')
    const { node, line, lines, up } = nodeOf(t, lockFile)
    await up()
    const pids: number[] = line('node up').parts.map(({ pid }: { pid: number }) => pid)
    node.kill(signal)
    assert.equal(await exit(node), 0)
    assert.deepEqual(line('stopped').killed, [])
    const byes = lines().filter(({ text }) => text === 'bye')
    assert.deepEqual(
      byes.map(({ part }) => part),
      ['second', 'first'],
    )
    for (const pid of pids) assert.ok(!isAlive(pid))
    await assert.rejects(stat(lockFile), { code: 'ENOENT' })
  }
})

test('a node that was killed leaves nothing running that ends with it, and the next one stops what is left', async (t) => {
  const lockFile = join(await directoryOf(t), 'node.lock')
  const first = nodeOf(t, lockFile, 'orphan')
  await first.up()
  const second = nodeOf(t, lockFile)
  assert.equal(await exit(second.node), 2)
  assert.equal(second.line('refused').code, 'node-locked')

  const [polite, orphan]: number[] = first.line('node up').parts.map(({ pid }: { pid: number }) => pid)
  await until(
    'both in the lock file',
    async () => (JSON.parse(await readFile(lockFile, 'utf8')).children as unknown[]).length === 2,
  )
  first.node.kill('SIGKILL')
  await exit(first.node)
  await until('the end of the one that watches its parent', () => !isAlive(polite!))
  assert.ok(isAlive(orphan!))
  const third = nodeOf(t, lockFile)
  await third.up()
  assert.ok(!isAlive(orphan!))
  third.node.kill('SIGTERM')
  assert.equal(await exit(third.node), 0)
})

test('a second signal does not wait', async (t) => {
  const lockFile = join(await directoryOf(t), 'node.lock')
  const { node, line, up } = nodeOf(t, lockFile, 'stubborn', '60000')
  await up()
  const { pid } = line('node up').parts[1]
  // Signals that come before it has looked at the first one are one signal.
  const again = setInterval(() => node.kill('SIGTERM'), 200)
  node.kill('SIGTERM')
  assert.equal(await exit(node), 1)
  clearInterval(again)
  process.kill(pid, 'SIGKILL')
})

test('an identity is of one process, and ends with it', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  const identity = identityOf(child.pid!)
  assert.ok(identity && isRunning(identity))
  assert.ok(!isRunning({ ...identity, began: 'another time' }))
  child.kill('SIGKILL')
  await new Promise((resolve) => child.once('exit', resolve))
  assert.ok(!isRunning(identity))
  for (const pid of [0, -1, 1.5, Number.NaN]) assert.equal(identityOf(pid), undefined)
})
