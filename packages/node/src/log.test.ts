import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Secret } from './keys/secret.ts'
import { createLog, type LogOptions } from './log.ts'
import { RotatingFile } from './rotating-file.ts'

const terminalLog = (options: Partial<LogOptions> = {}) => {
  const lines: string[] = []
  const terminal = { write: (text: string) => lines.push(text) }
  return { lines, log: createLog({ level: 'debug', format: 'json', terminal, ...options }) }
}
const directoryOf = async (t: TestContext): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), 'log-'))
  t.after(() => rm(directory, { recursive: true }))
  return directory
}

test('a line has its time, level, part and fields; amounts are texts', () => {
  const { log, lines } = terminalLog({ fields: { node: 'attic' } })
  log.child({ part: 'provider' }).info({ job: 3, price: 10n ** 21n }, 'bid')
  const line = JSON.parse(lines[0]!)
  assert.match(line.time, /^\d{4}-\d\d-\d\dT/)
  const { time: _, pid: __, ...rest } = line
  assert.deepEqual(rest, {
    level: 'info',
    node: 'attic',
    part: 'provider',
    job: 3,
    price: '1000000000000000000000',
    msg: 'bid',
  })
})

test('secrets are left out by their names, by their type, by their place in a URL, and where they were concealed', () => {
  const { log, lines } = terminalLog()
  const secret = Secret.generate()
  const hex = secret.use((bytes) => Buffer.from(bytes).toString('hex'))
  log.conceal('a "quoted" passphrase')
  log.info({ passphrase: 'swordfish', deep: { more: [{ privateKey: hex, Authorization: 'Bearer x' }] } }, 'a')
  log.info({ secret, also: { secret }, inList: [secret] }, `about ${secret}`)
  log.info({ url: 'postgres://me:swordfish@db/x' }, 'from postgres://me:swordfish@db/x')
  log.warn(
    { err: new Error('it was a "quoted" passphrase', { cause: new Error('at http://a:swordfish@b') }) },
    'x',
  )
  log.info('the words: a "quoted" passphrase')
  log.info({ mnemonic: 'test junk', token: 'swordfish', salt: 'swordfish' }, 'b')
  const all = lines.join('')
  assert.doesNotMatch(all, /swordfish|quoted|test junk|Bearer x/)
  assert.ok(!all.includes(hex))
  assert.ok(all.includes(secret.address))
  assert.match(all, /postgres:\/\/\[secret\]@db/)
})

test('a stranger’s value makes no line long, deep or two', () => {
  const { log, lines } = terminalLog()
  const loop: { self?: unknown } = {}
  loop.self = loop
  log.info({ text: 'x'.repeat(1e6), list: Array(1e5).fill(1), bytes: new Uint8Array(1e6), loop }, 'a\nb')
  const wide = Object.fromEntries(Array.from({ length: 1e4 }, (_, i) => [`k${i}`, i]))
  log.info({ wide, error: new Error('y'.repeat(1e6)) }, 'c')
  for (const line of lines) {
    assert.ok(line.length < 40_000, `${line.length}`)
    assert.equal(line.trimEnd().split('\n').length, 1)
  }
})

test('for people a line is a line, whatever is in it', () => {
  const { log, lines } = terminalLog({ format: 'line' })
  log.child({ part: 'chain' }).warn({ block: 7, why: 'two words', path: '/a/b' }, 'late')
  assert.match(lines[0]!, /^\d\d:\d\d:\d\d\.\d{3} warn {2}chain: late block=7 why="two words" path=\/a\/b\n$/)
  log.error({ err: new Error('no\nway') }, 'failed\x1b[2J\u202e')
  assert.match(lines[1]!, /error failed\\u001b\[2J\\u202e Error: "no\\nway"\n$/)
  log.debug('')
  assert.equal(lines.length, 3)
})

test('levels below the chosen one are not written', () => {
  const { log, lines } = terminalLog({ level: 'warn' })
  log.debug('a')
  log.info('b')
  log.warn('c')
  assert.equal(lines.length, 1)
})

test('a file is turned over at its size, so many old ones are kept, and no line is torn', async (t) => {
  const path = join(await directoryOf(t), 'deep', 'node.log')
  const { log } = terminalLog({ terminal: undefined, file: { path, size: 2000, files: 2 } })
  for (let i = 0; i < 100; i++) log.info({ i }, 'line')
  log.close()
  const names = (await readdir(join(path, '..'))).sort()
  assert.deepEqual(names, ['node.log', 'node.log.1', 'node.log.2'])
  const numbers: number[] = []
  for (const name of names.reverse()) {
    const text = await readFile(join(path, '..', name), 'utf8')
    assert.ok(text.length <= 2000)
    for (const line of text.trimEnd().split('\n')) numbers.push(JSON.parse(line).i)
    assert.equal((await stat(join(path, '..', name))).mode & 0o777, 0o600)
  }
  assert.deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, i) => 100 - numbers.length + i),
  )
})

test('a file goes on where it was, and a line longer than the size has a file of its own', async (t) => {
  const path = join(await directoryOf(t), 'a.log')
  for (const text of ['one\n', 'two\n']) {
    const file = new RotatingFile(path, 10, 1)
    file.write(text)
    file.close()
  }
  assert.equal(await readFile(path, 'utf8'), 'one\ntwo\n')
  const file = new RotatingFile(path, 10, 1)
  file.write('a long line of more than ten\n')
  file.write('x\n')
  file.close()
  assert.equal(await readFile(path, 'utf8'), 'x\n')
  assert.equal(await readFile(`${path}.1`, 'utf8'), 'a long line of more than ten\n')
  assert.ok(!existsSync(`${path}.2`))
})

test('a full disk stops no log: the terminal is told once', { skip: !existsSync('/dev/full') }, () => {
  const { log, lines } = terminalLog({ file: { path: '/dev/full', size: 1e9, files: 1 } })
  log.info('a')
  log.info('b')
  assert.equal(lines.filter((line) => /misses lines: ENOSPC/.test(line)).length, 1)
  assert.equal(lines.length, 3)
})
