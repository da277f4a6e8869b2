import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFile, chmod, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { onBattery } from './battery.ts'
import { freeDisk, freeMemory } from './free-space.ts'
import { createLoadProbe } from './others-load.ts'
import { createInputProbe } from './owner-input.ts'
import { createSurroundings } from './surroundings.ts'

/** A root of real files, in the shape in which Linux shows them. */
const rootOf = async (t: TestContext, files: Record<string, string> = {}) => {
  const root = await mkdtemp(join(tmpdir(), 'root-'))
  t.after(() => rm(root, { recursive: true }))
  const write = async (path: string, content: string): Promise<string> => {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
    return join(root, path)
  }
  for (const [path, content] of Object.entries(files)) await write(path, content)
  return { root, write }
}
const supply = (name: string, fields: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(fields).map(([k, v]) => [`sys/class/power_supply/${name}/${k}`, `${v}\n`]),
  )

test('a discharging battery is seen, a charger that is online settles it, a mouse’s does not count', async (t) => {
  const battery = (status: string) => supply('BAT0', { type: 'Battery', status })
  const mains = (online: string) => supply('AC', { type: 'Mains', online })
  const mouse = supply('hid', { type: 'Battery', scope: 'Device', status: 'Discharging' })
  const cases: [files: Record<string, string>, expected: boolean | undefined][] = [
    [{}, undefined],
    [mouse, undefined],
    [mains('1'), false],
    [mains('0'), undefined],
    [battery('Discharging'), true],
    [battery('Charging'), false],
    [battery('Full'), false],
    [battery('Unknown'), false],
    [{ ...battery('Discharging'), ...mains('0') }, true],
    [{ ...battery('Discharging'), ...mains('1') }, false],
    [{ ...battery('Charging'), ...supply('BAT1', { type: 'Battery', status: 'Discharging' }) }, true],
  ]
  for (const [files, expected] of cases) {
    const { root } = await rootOf(t, files)
    assert.equal(await onBattery(root), expected, JSON.stringify(files))
  }
})

test('typing into a terminal is seen by its access time', async (t) => {
  const { root, write } = await rootOf(t)
  const probe = createInputProbe({ root, loginctl: false })
  const now = 1_800_000_000_000
  assert.equal(await probe.idle(now), undefined)
  const typed = async (path: string, secondsAgo: number) =>
    utimes(await write(path, ''), (now - secondsAgo * 1000) / 1000, now / 1000)
  await typed('dev/tty1', 900)
  assert.equal(await probe.idle(now), 900)
  await typed('dev/pts/3', 40)
  await typed('dev/pts/ptmx', 1)
  await typed('dev/ttyS0', 1)
  assert.equal(await probe.idle(now), 40)
  await probe.close()
})

test('events of keyboards and mice are seen from the second look on, those of other devices never', async (t) => {
  const { root, write } = await rootOf(t)
  const keyboard = await write('dev/input/by-path/platform-i8042-event-kbd', '')
  const sensor = await write('dev/input/by-path/platform-accelerometer-event', '')
  const probe = createInputProbe({ root, loginctl: false })
  assert.equal(await probe.idle(1000), undefined)
  await appendFile(sensor, 'x'.repeat(24))
  assert.equal(await probe.idle(2000), undefined)
  await appendFile(keyboard, 'x'.repeat(24))
  assert.equal(await probe.idle(60_000), 0)
  assert.equal(await probe.idle(90_000), 30)
  await probe.close()
})

test('a pipe that nobody writes to is a device without events, and is not waited for', async (t) => {
  const { root } = await rootOf(t)
  const directory = join(root, 'dev/input/by-path')
  await mkdir(directory, { recursive: true })
  execFileSync('mkfifo', [join(directory, 'usb-event-mouse')])
  const probe = createInputProbe({ root, loginctl: false })
  assert.equal(await probe.idle(1000), undefined)
  await probe.close()
})

test('logind is asked about desktops in front, and may be missing, slow or mad', async (t) => {
  const { root, write } = await rootOf(t)
  const script = async (body: string): Promise<string> => {
    const path = await write('bin/loginctl', `#!/bin/sh\n${body}\n`)
    await chmod(path, 0o755)
    return path
  }
  const now = 1_800_000_000_000
  const idle = async (loginctl: string) => createInputProbe({ root, loginctl }).idle(now)
  const sessions = (fields: string) =>
    `if [ "$1" = list-sessions ]; then echo "  2 1000 me seat0"; else printf '${fields}'; fi`
  const desktop = 'Type=wayland\\nState=active\\n'
  // A busy machine may not start a script in the time that it has.
  const sooner = async (loginctl: string, wanted: number): Promise<void> => {
    for (let i = 0; i < 20 && (await idle(loginctl)) !== wanted; i++);
    assert.equal(await idle(loginctl), wanted)
  }
  await sooner(await script(sessions(`${desktop}IdleHint=no\\nIdleSinceHint=0\\n`)), 0)
  const since = (now - 700_000) * 1000
  await sooner(await script(sessions(`${desktop}IdleHint=yes\\nIdleSinceHint=${since}\\n`)), 700)
  assert.equal(await idle(await script(sessions('Type=tty\\nState=active\\nIdleHint=no\\n'))), undefined)
  assert.equal(await idle(await script(sessions('Type=x11\\nState=online\\nIdleHint=no\\n'))), undefined)
  assert.equal(await idle(await script('echo "; rm -rf x"; exit 0')), undefined)
  assert.equal(await idle(await script('exit 1')), undefined)
  assert.equal(await idle(join(root, 'bin/none')), undefined)
  const start = performance.now()
  assert.equal(await idle(await script('exec sleep 300')), undefined)
  assert.ok(performance.now() - start < 200_000)
})

test('cores that others keep busy are all that is busy less our own family', async (t) => {
  const stat = (pid: number, parent: number, ticks: number, name = 'node') =>
    [
      `proc/${pid}/stat`,
      `${pid} (${name}) S ${parent} 1 1 0 -1 0 0 0 0 0 ${ticks} 0 0 0 20 0 1 0 5 0 0`,
    ] as const
  const system = (busy: number, idle: number) =>
    ['proc/stat', `cpu  ${busy} 0 0 ${idle} 0 0 0 0 0 0\ncpu0 1 0 0 1\ncpu1 1 0 0 1\nintr 1\n`] as const
  const { root, write } = await rootOf(t)
  const probe = createLoadProbe(root, 10)
  const set = async (...files: (readonly [string, string])[]) => {
    for (const [path, content] of files) await write(path, content)
  }
  assert.equal(await probe.sample(), undefined)
  await set(
    system(1000, 1000),
    stat(1, 0, 50),
    stat(10, 1, 100),
    stat(11, 10, 100, 'a) b (c'),
    stat(12, 11, 0),
  )
  assert.equal(await probe.sample(), undefined)
  // Over 100 ticks of two cores: 150 were busy, of which our family did 120.
  await set(
    system(1150, 1050),
    stat(1, 0, 80),
    stat(10, 1, 130),
    stat(11, 10, 150, 'a) b (c'),
    stat(12, 11, 40),
  )
  assert.equal(await probe.sample(), 0.3)
  await set(system(1250, 1150), stat(10, 1, 230))
  assert.equal(await probe.sample(), 0)
  assert.equal(await probe.sample(), undefined)
})

test('free memory is what the system has and the control groups leave', async (t) => {
  const meminfo = { 'proc/meminfo': 'MemTotal: 16000 kB\nMemAvailable:    8000 kB\n' }
  const group = (path: string, max: string, current: number) => ({
    [`sys/fs/cgroup${path}/memory.max`]: `${max}\n`,
    [`sys/fs/cgroup${path}/memory.current`]: `${current}\n`,
  })
  const cgroup = { 'proc/self/cgroup': '0::/user.slice/app\n' }
  assert.equal(await freeMemory((await rootOf(t, meminfo)).root), 8_192_000)
  const loose = { ...meminfo, ...cgroup, ...group('/user.slice/app', 'max', 5) }
  assert.equal(await freeMemory((await rootOf(t, loose)).root), 8_192_000)
  const tight = { ...loose, ...group('/user.slice', '3000', 1000) }
  assert.equal(await freeMemory((await rootOf(t, tight)).root), 2000)
  assert.ok((await freeMemory((await rootOf(t)).root)) > 0)
})

test('all of it together, on this machine', async () => {
  const directory = tmpdir()
  let now = Date.now()
  const probe = createSurroundings({ directory, now: () => now })
  const first = probe.look()
  assert.equal(await probe.look(), await first, 'a look holds for a while')
  now += 2_000
  const seen = await probe.look()
  assert.notEqual(seen, await first)
  assert.ok(seen.freeMemory > 0 && seen.freeDisk > 0)
  assert.ok(seen.wall.weekday >= 0 && seen.wall.weekday < 7 && seen.wall.minute < 1440)
  assert.ok(seen.othersLoad === undefined || seen.othersLoad >= 0)
  assert.equal(await freeDisk(directory).then(Number.isFinite), true)
  await probe.close()
})
