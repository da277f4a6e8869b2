import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { run } from '../src/cli.ts'

const has = (name: string, ...args: string[]): boolean => spawnSync(name, args).status === 0
const canType = process.platform === 'linux' && has('script', '--version') && has('bash', '--version')

const lockstep = async (home: string, ...args: string[]) => {
  const out: string[] = []
  const write = (list: string[]) => ({ write: (text: string) => list.push(text) > 0 }) as never
  const code = await run(['assist', 'shell', ...args, '--home', home, '--json'], {
    stdout: write(out),
    stderr: write([]),
  })
  return { code, result: JSON.parse(out.join('')) }
}

/** A bash that somebody types into, at a terminal of its own. */
const openBash = (home: string, script: string) => {
  const rc = join(home, 'rc')
  writeFileSync(rc, `PS1='ready> '\nHISTFILE=/dev/null HISTCONTROL=ignorespace\n${script}`)
  const child: ChildProcess = spawn('script', ['-qec', `bash --noprofile --rcfile ${rc} -i`, '/dev/null'], {
    env: { PATH: process.env.PATH, HOME: home, TERM: 'dumb', LOCKSTEP_SHELL_WAIT: '120', LC_ALL: 'C.UTF-8' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let seen = ''
  let waiting: (() => void) | undefined
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    seen += text
    waiting?.()
  })
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  return {
    ended,
    /** Types, and waits until this is seen after it; gives what was seen until then. */
    type: async (keys: string, until: string | RegExp): Promise<string> => {
      seen = ''
      child.stdin!.write(keys)
      const pattern =
        typeof until === 'string'
          ? (text: string) => text.includes(until)
          : (text: string) => until.test(text)
      while (!pattern(seen)) await new Promise<void>((resolve) => (waiting = resolve))
      return seen
    },
    kill: () => child.kill(),
  }
}

test('in a real bash a key completes what was run before, runs nothing, learns, and keeps no secret', {
  skip: !canType && 'no bash, or no script(1)',
  timeout: 300_000,
}, async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'lockstep-shell-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const { result } = await lockstep(home, 'install', '--bash')
  const bash = openBash(home, result.script)
  t.after(bash.kill)
  await bash.type('', 'ready> ')
  // Prompts come back when a command has ended; what was told to the process beside is read in its order.
  await bash.type('echo one-$((40 + 2))\r', /one-42\s+ready> /)
  await bash.type('echo two && true\r', /two\s+ready> /)
  await bash.type('export API_TOKEN=sk-abcdefghijklmnop1234\r', /ready> $/)
  await bash.type(' : kept out of the history\r', /ready> $/)

  await bash.type('echo o\x1bo', 'echo one-$((40 + 2))')
  await bash.type('\r', /one-42\s+ready> /)
  // What followed the same command before comes first, then what was run most.
  await bash.type('ech\x1bo', 'echo two && true')
  await bash.type('\x1bo', 'echo one-$((40 + 2))')
  await bash.type('\x15', /./) // takes the line away: nothing has been run
  await bash.type('printf %s unknown\x1bo # end\r', /unknown\s*ready> /)
  await bash.type('(exit 7)\r', /ready> $/)
  await bash.type('echo status $?\r', /status 7\s+ready> /)
  await bash.type('exit\r', /exit/)
  await bash.ended

  const directory = join(home, 'assist', 'shell')
  await until(() => (readText(directory).match(/signal/g)?.length ?? 0) >= 1 && hasStatus(directory))
  const [file] = readdirSync(directory)
  assert.equal(statSync(directory).mode & 0o777, 0o700)
  assert.equal(statSync(join(directory, file!)).mode & 0o777, 0o600)
  const { result: list } = await lockstep(home, 'list')
  assert.equal(list.episodes.length, 1)
  const { result: shown } = await lockstep(home, 'list', '--episode', list.episodes[0].episode)
  assert.deepEqual(shown.commands.slice(0, 3), [
    'echo one-$((40 + 2))',
    'echo two && true',
    'echo one-$((40 + 2))',
  ])
  assert.ok(shown.commands.includes('echo status $?'))
  assert.ok(!shown.commands.some((command: string) => command.includes('kept out')))
  assert.ok(!JSON.stringify(shown).includes('abcdefgh'), 'a secret is not kept')
  assert.ok(!codesIn(directory).includes(codesOf('sk-abcdefgh')))
  assert.ok(codesIn(directory).includes(codesOf('echo two')))
  assert.match(readText(directory), /"signal":"accepted"/)

  const forgotten = await lockstep(home, 'forget', 'echo one')
  assert.equal(forgotten.result.forgotten, 2)
  assert.ok(!codesIn(directory).includes(codesOf('echo one')))
  assert.equal((await lockstep(home, 'forget')).code, 2)
  assert.equal((await lockstep(home, 'forget', '--all')).code, 0)
  assert.deepEqual(readdirSync(directory), [])
})

test('a history file is taken in without its secrets, and a file that is none is refused', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'lockstep-shell-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const history = join(home, 'history')
  const lines = Array.from({ length: 1000 }, (_, i) => `#17000000${i % 10}\nmake target-${i}`)
  writeFileSync(history, `${lines.join('\n')}\nmysql --password=hunter2hunter2 db\nls ä\n`)
  assert.equal((await lockstep(home, 'learn', history)).result.commands, 1002)
  const { episodes } = (await lockstep(home, 'list')).result
  assert.deepEqual(
    episodes.map(({ commands }: { commands: number }) => commands),
    [512, 489],
  )
  assert.ok(!codesIn(join(home, 'assist', 'shell')).includes(codesOf('hunter2')))
  assert.equal((await lockstep(home, 'learn', home)).code, 2)
  assert.equal((await lockstep(home, 'list', '--episode', 'none')).code, 2)
  assert.equal((await lockstep(home, 'install', '--key', "o'")).code, 2)
})

const readText = (directory: string): string => {
  try {
    return readdirSync(directory)
      .map((name) => readFileSync(join(directory, name), 'utf8'))
      .join('\n')
  } catch {
    return ''
  }
}
/** Episodes hold symbols as numbers. */
const codesOf = (text: string): string => [...Buffer.from(text)].join(',')
const codesIn = readText
const hasStatus = (directory: string): boolean => readText(directory).includes(codesOf('echo status'))

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10))
}
