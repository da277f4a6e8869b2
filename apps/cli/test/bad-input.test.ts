import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { inProcess, jsonOf, tiny, workplace } from './lockstep.ts'

let home: string
before(async () => {
  home = await workplace()
  process.chdir(home)
})
after(() => process.chdir(tmpdir()))
after(() => rm(home, { recursive: true, force: true }))

test('init writes a manifest that validates, and never overwrites one', async () => {
  assert.equal((await inProcess('init', 'mine.yaml', '--text', 'page.txt')).code, 0)
  const written = await readFile(join(home, 'mine.yaml'), 'utf8')
  const valid = await inProcess('validate', 'mine.yaml', '--json')
  assert.equal(valid.code, 0, valid.stderr)
  const plan = jsonOf(valid)
  assert.ok(plan.parameters > 500_000 && plan.parameters < 1_000_000)
  assert.ok(plan.work.total > 0 && plan.memory > 0 && plan.disk > 0 && plan.seconds > 0)
  const again = await inProcess('init', 'mine.yaml')
  assert.equal(again.code, 2)
  assert.match(again.stderr, /mine\.yaml is there already.*\[file-exists\]/)
  assert.equal(await readFile(join(home, 'mine.yaml'), 'utf8'), written)
})

test('a malformed manifest is refused with field, value, limit and remedy, in text and in JSON', async () => {
  await writeFile(
    join(home, 'bad.yaml'),
    tiny('bad', (text) => text.replace('batch: 4', 'batch: 0')),
  )
  const { code, stdout, stderr } = await inProcess('train', 'bad.yaml')
  assert.equal(code, 2)
  assert.equal(stdout, '')
  assert.equal(
    stderr,
    'lockstep: training.batch is 0; allowed: at least 1. Correct the manifest; `lockstep init` prints one with every field. [manifest-malformed]\n',
  )
  const { error } = jsonOf(await inProcess('validate', 'bad.yaml', '--json'))
  assert.deepEqual(
    [error.field, error.value, error.limit, error.exit],
    ['training.batch', '0', 'at least 1', 2],
  )
})

test('a program over the limits of the machine, or of this one, is refused before it runs', async () => {
  await writeFile(join(home, 'book.txt'), 'all work and no play '.repeat(5000))
  const huge = (model: string, batch: number) =>
    `name: huge\ndata: { text: book.txt }\nmodel: ${model}\ntraining: { batch: ${batch} }\n`
  await writeFile(join(home, 'huge.yaml'), huge('{ layers: 1, width: 4096, heads: 1, context: 4096 }', 65536))
  const limits = await inProcess('validate', 'huge.yaml')
  assert.equal(limits.code, 2, limits.stderr)
  assert.match(limits.stderr, /is \[65536,4096,4096\]; allowed: at most 2147483647 elements/)
  await writeFile(join(home, 'wide.yaml'), huge('{ layers: 64, width: 4096, heads: 1, context: 64 }', 64))
  const memory = await inProcess('validate', 'wide.yaml')
  assert.equal(memory.code, 2, memory.stderr)
  assert.match(
    memory.stderr,
    /memory is \d+ bytes; allowed: at most this machine's \d+ bytes.*smaller model.width/,
  )
})

test('missing files, short texts, directories and special files are named', async () => {
  const cases: [args: string[], code: number, pattern: RegExp][] = [
    [['train', 'none.yaml'], 2, /none\.yaml is missing/],
    [['verify', 'runs/none'], 2, /runs\/none is no run directory/],
    [['sample', 'none'], 2, /none is missing/],
    [['validate', '.'], 2, /\. is a directory/],
    [['train', 'short.yaml'], 2, /train tokens is 9; allowed: at least 17/],
    [['train', 'notext.yaml'], 2, /absent\.txt is missing/],
    [['sample', 'page.txt'], 2, /of page\.txt is .*safetensors/],
    [['sample', '.'], 2, /model\.safetensors is missing; allowed: a finished run.*lockstep train/],
  ]
  await writeFile(join(home, 'short.txt'), 'too short')
  await writeFile(
    join(home, 'short.yaml'),
    tiny('short', (text) => text.replace('page.txt', 'short.txt')),
  )
  await writeFile(
    join(home, 'notext.yaml'),
    tiny('notext', (text) => text.replace('page.txt', 'absent.txt')),
  )
  for (const [args, code, pattern] of cases) {
    const ended = await inProcess(...args)
    assert.equal(ended.code, code, `${args}: ${ended.stderr}`)
    assert.match(ended.stderr, pattern)
    assert.equal(ended.stderr.trim().split('\n').length, 1, ended.stderr)
  }
})

test('wrong options and commands are refused with what is allowed; help is no error', async () => {
  const cases: [args: string[], pattern: RegExp][] = [
    [['fly'], /unknown command 'fly'/],
    [['train'], /missing required argument/],
    [['verify', 'x', '--sample', 'many'], /--sample is many; allowed: an integer from 1/],
    [['sample', 'x', '--temperature', '-1'], /--temperature is -1; allowed: 0, or a number from 0\.001/],
    [
      ['sample', 'x', '--temperature', '1e-30'],
      /--temperature is 1e-30; allowed: 0, or a number from 0\.001/,
    ],
    [['sample', 'x', '--prompt', ''], /--prompt is empty; allowed: at least one character/],
    [['verify', 'x', '--sample', '1', '--segments', '0'], /cannot be used with option/],
    [['train', 'tiny.yaml', '--out', ''], /--out is empty/],
    [['verify', ''], /run is empty/],
    [[], /the command is missing; allowed: init, validate, devices, profile, train/],
    [['help', 'fly'], /the command is fly; allowed: init/],
    [['init', 'x.yaml', '--text', ''], /--text is empty/],
    [
      ['init', 'x.yaml', '--set', 'model.layers=: : ['],
      /--set is model\.layers=: : \[; allowed: field=value/,
    ],
    [['init', 'x.yaml', '--set', 'training.rate=.nan'], /training\.rate is NaN; allowed: a number/],
    [['init', 'x.yaml', '--set', 'tokenizer.size=300'], /tokenizer is .*; allowed: byte, or \{bpe: /],
    [['init', 'page.txt/x.yaml'], /page\.txt is no directory/],
    [['train', 'x', '--threads', '0'], /--threads is 0/],
    [['devices', '--cases', '0'], /--cases is 0; allowed: an integer from 1/],
    [['devices', 'all'], /too many arguments/],
    [['profile'], /missing required argument/],
    [['profile', ''], /manifest is empty/],
    [['profile', 'none.yaml'], /none\.yaml is missing/],
    [['profile', 'tiny.yaml', '--threads', '0'], /--threads is 0/],
    [['profile', 'tiny.yaml', '--steps', 'many'], /--steps is many; allowed: an integer from 1/],
    [['train', 'x', '--bogus'], /unknown option '--bogus'/],
  ]
  for (const [args, pattern] of cases) {
    const ended = await inProcess(...args)
    assert.equal(ended.code, 2, `${args}`)
    assert.match(ended.stderr, pattern)
    assert.equal(ended.stderr.trim().split('\n').length, 1, ended.stderr)
  }
  assert.deepEqual(
    (await readdir(home)).filter((name) => name === 'x.yaml' || name === 'manifest.json'),
    [],
  )
  assert.match((await inProcess('--version')).stdout, /^\d+\.\d+\.\d+\n$/)
  const help = await inProcess('--help')
  assert.equal(help.code, 0)
  for (const name of ['init', 'validate', 'train', 'verify', 'sample'])
    assert.match(help.stdout, new RegExp(name))
  assert.match(help.stdout, /Exit codes: 0 all well/)
})

test('a pipe that nobody writes to is refused, and not waited for', async (t) => {
  if (process.platform === 'win32') return t.skip('has no such files')
  execFileSync('mkfifo', ['pipe'])
  await writeFile('piped.yaml', tiny('piped').replace('page.txt', 'pipe'))
  const { code, stderr } = await inProcess('validate', 'piped.yaml')
  assert.equal(code, 2)
  assert.match(stderr, /pipe is no regular file; allowed: a regular file\. Name another text file/)
})

test('a directory that the system lets nobody make is refused, and not tried for ever', async (t) => {
  if (process.platform !== 'linux') return t.skip('needs /proc')
  const { code, stderr } = await inProcess('train', 'tiny.yaml', '--out', '/proc/lockstep')
  assert.equal(code, 2)
  assert.match(stderr, /\/proc\/lockstep is missing/)
})

test('a run that would not fit the disk is refused before its first step', async () => {
  await writeFile(
    join(home, 'long.yaml'),
    tiny('long', (text) =>
      text
        .replace('layers: 1, width: 16', 'layers: 2, width: 256')
        .replace('steps: 12', 'steps: 1000000')
        .replace('every: 4', 'every: 2'),
    ),
  )
  const { code, stderr } = await inProcess('train', 'long.yaml')
  assert.equal(code, 3, stderr)
  assert.match(
    stderr,
    /free space at .*runs.long is .*; allowed: at least .*TiB.*segments\.every.*\[disk-full\]/,
  )
})

test('a tokenizer of its own is learned from the text', async () => {
  await writeFile(
    join(home, 'bpe.yaml'),
    tiny('bpe', (text) =>
      text.replace('model:', 'tokenizer: { bpe: 300 }\nmodel:').replace('steps: 12', 'steps: 4'),
    ),
  )
  const trained = await inProcess('train', 'bpe.yaml', '--json')
  assert.equal(trained.code, 0, trained.stderr)
  const { before, after } = jsonOf(trained).loss
  assert.ok(before > 0 && before < 8 && after < before)
  assert.equal((await inProcess('verify', 'runs/bpe')).code, 0)
})
