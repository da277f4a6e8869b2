import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { exportHub, initialParameters } from '@lockstep/models'
import { encodeLineage, type Lineage } from '@lockstep/swarm'
import type { Command, Option } from 'commander'
import { commandLine } from '../src/cli.ts'
import { createTerminal } from '../src/terminal.ts'
import { inProcess, tiny, workplace } from './lockstep.ts'

/** Commands of the core: their bad inputs are in bad-input.test.ts. All others are the market's, the swarm's and the assistants'. */
const CORE =
  'init validate devices profile train verify export-proof check-proof chain claim finalize dispute sample'.split(
    ' ',
  )

let home: string
before(async () => {
  home = await workplace()
  process.chdir(home)
  process.setMaxListeners(200) // each command that can be stopped listens for signals, in this one process
  delete process.env.LOCKSTEP_PASSPHRASE
  process.env.LOCKSTEP_HOME = join(home, 'nowhere')
  await mkdir('folder')
  execFileSync('mkfifo', ['pipe'])
  await writeFile(
    'job.yaml',
    tiny('job', (text) => `${text}market: {}\n`),
  )
  await writeFile('swarm.yaml', 'families: [{family: sorting, level: 1}]')
  await writeFile('net.json', JSON.stringify(networkFile()))
  const directory = async (name: string, files: { readonly [file: string]: string | Uint8Array }) => {
    await mkdir(name)
    for (const [file, content] of Object.entries(files)) await writeFile(join(name, file), content)
  }
  const hub = (vocab: number, context: number) => {
    const config = { vocab, context, width: 4, layers: 1, heads: 1, dropout: 0 }
    const model = { kind: 'gpt', config } as const
    const { config: text, weights } = exportHub({ model, parameters: initialParameters(model, 1) })
    return { 'config.json': text, 'model.safetensors': weights }
  }
  const account = `0x${'0a'.repeat(20)}`
  await directory('broken', { 'participant.json': '{' })
  await directory('stateless', { 'participant.json': JSON.stringify({ account, learned: 3 }) })
  await directory('strange', hub(9, 64))
  await directory('short', hub(96, 8))
  await directory('liar', { 'lineage.json': '{}' })
  await directory('bare', { 'lineage.json': encodeLineage(lineageOf(1)) })
  await directory('local', { 'lineage.json': encodeLineage(lineageOf(0)), ...hub(96, 64) })
  await directory('checked', { 'lineage.json': encodeLineage(lineageOf(1)), ...hub(96, 64) })
  assert.equal((await inProcess('account', 'create', '--home', 'home')).code, 0)
  const made = await inProcess('node', 'init', '--home', 'home', '--join', 'net.json')
  assert.equal(made.code, 0, made.stderr)
})
after(async () => {
  process.chdir(tmpdir())
  await rm(home, { recursive: true, force: true })
})

/** A network whose chain nobody runs: what is refused by it was not refused before. */
const networkFile = (): object => {
  const names =
    'market audits vault verifiers delegations draw reputation disputes swarms token faucet'.split(' ')
  const addresses = Object.fromEntries(names.map((name, i) => [name, `0x${`${i + 1}`.padStart(40, '0')}`]))
  return {
    ...{ format: 'lockstep-network-1', chainId: 31337, fromBlock: 0, addresses },
    ...{ rpc: 'http://127.0.0.1:9', bootstrap: [] },
  }
}

/** A lineage of nothing that is there, of a swarm of a network or of none. */
const lineageOf = (swarm: number): Lineage => {
  const root = `0x${'00'.repeat(32)}` as const
  const config = { vocab: 96, context: 64, width: 4, layers: 1, heads: 1, dropout: 0 }
  const coding = { name: 'character', digest: root }
  const points = { modelRoot: root, validation: 0, heldOut: 0 }
  return {
    format: 'lockstep-lineage-1',
    swarm: swarm === 0 ? null : { chainId: 1, market: `0x${'00'.repeat(20)}`, number: swarm, manifest: root },
    builds: [{ model: { kind: 'gpt', config }, coding, prompt: 40, answer: 24 }],
    measure: {
      ...{ kinds: [{ family: 'sorting', level: 1 }], validation: 1, heldOut: 1 },
      ...{ reward: 'right', temperature: 1, seed: 1 },
    },
    ...{ tasks: { validation: 1, heldOut: 1 }, baseRoot: null },
    members: [{ name: 'a', build: 0, round: 0, receipts: [], ...points }],
    method: { kind: 'average', build: 0, choice: 'all' },
    made: { kind: 'merged', weights: [1], tasted: [] },
    task: { program: root, initialItem: root, inputsRoot: root, steps: 2, segmentLength: 1 },
    result: points,
  }
}

type Leaf = { readonly name: string; readonly command: Command }
const leaves = (command: Command, above = ''): Leaf[] =>
  command.commands.flatMap((one) => {
    const name = `${above}${one.name()}`
    return one.commands.length > 0 ? leaves(one, `${name} `) : [{ name, command: one }]
  })
const nothing = { write: () => true }
const MARKET: readonly Leaf[] = leaves(
  commandLine(
    createTerminal({ stdout: nothing, stderr: nothing, json: false, now: () => 0 } as never),
    nothing as never,
    () => {},
  ),
).filter(({ name }) => !CORE.includes(name))

/** What each command is given beside what is wrong. */
const WITH: { readonly [command: string]: readonly string[] } = {
  up: ['--home', 'new'],
  down: [],
  'node run': ['--home', 'new', '--join', 'net.json'],
  'node init': ['--home', 'new', '--join', 'net.json'],
  'node check': ['--home', 'home'],
  'account create': ['other', '--home', 'new'],
  'account import': ['home/accounts/main.json', 'other', '--home', 'new'],
  'account fund': ['--home', 'home', '--network', 'net.json'],
  'account show': ['--home', 'home', '--network', 'net.json'],
  'account withdraw': ['1', '--home', 'home', '--network', 'net.json'],
  'account unstake': ['1', '--home', 'home', '--network', 'net.json'],
  post: ['job.yaml', '--home', 'home', '--network', 'net.json', '--yes'],
  watch: ['1', '--home', 'home', '--network', 'net.json'],
  cancel: ['1', '--home', 'home', '--network', 'net.json'],
  fetch: ['1', '--home', 'home', '--network', 'net.json'],
  'swarm create': ['swarm.yaml', '--home', 'home', '--network', 'net.json', '--yes'],
  'swarm join': ['1', '--home', 'home', '--network', 'net.json', '--manifest', 'swarm.yaml'],
  'swarm watch': ['1', '--home', 'home', '--network', 'net.json'],
  'swarm merge': ['1', '--home', 'home', '--network', 'net.json', '--manifest', 'swarm.yaml'],
  'swarm check': ['checked', '--home', 'home', '--network', 'net.json', '--manifest', 'swarm.yaml'],
  'swarm leave': ['1', '--home', 'home', '--network', 'net.json'],
  'assist shell install': ['--home', 'new'],
  'assist shell learn': ['page.txt', '--home', 'new'],
  'assist shell list': ['--home', 'new'],
  'assist shell forget': ['ls', '--home', 'new'],
  'assist rounds': ['--home', 'new', '--port', '0'],
  earnings: ['--home', 'home', '--network', 'net.json'],
  status: ['--home', 'home', '--network', 'net.json'],
  explain: ['main', '--home', 'home', '--network', 'net.json'],
}

/** A wrong value, and what is said of it. Code 2 where nothing else stands there. */
type Wrong = readonly [value: string, said: RegExp, code?: 3]

const isNetwork = (option: string): readonly Wrong[] => [
  ['page.txt', /page\.txt is no JSON; allowed: a network/],
  ['none.json', new RegExp(`${option} is none\\.json, which is missing; allowed: an address`)],
  ['folder', /folder is a directory; allowed: a regular file/],
  ['pipe', /pipe is no regular file; allowed: a regular file/],
  ['ftp://x', new RegExp(`${option} is ftp://x; allowed: an address`)],
  ['/ip4/127.0.0.1/tcp/4401', new RegExp(`${option} is /ip4/.*where peers meet`)],
  ['http://127.0.0.1:9', new RegExp(`${option} is http://127.*which does not answer`), 3],
]
const isName = (field: string): readonly Wrong[] =>
  ['X', '../up', 'a b', 'a'.repeat(33), '-a']
    .slice(0, 4)
    .map((value) => [
      value,
      new RegExp(
        `${field} is ${value.replaceAll('.', '\\.')}; allowed: lower-case letters, digits and dashes; at most 32`,
      ),
    ])
const isAmount = (field: string): readonly Wrong[] =>
  ['x', '1e3', '1.0000000000000000001', '0x10'].map((value) => [
    value,
    new RegExp(`${field} is ${value}; allowed: a decimal number of tokens`),
  ])
const isWhole = (field: string, least: number, most: number | bigint): readonly Wrong[] =>
  ['x', '1.5', `${least - 1}`, `${BigInt(most) + 1n}`, '0x1'].map((value) => [
    value,
    new RegExp(`${field} is ${value}; allowed: an integer from ${least} to ${most}`),
  ])
const JOBS = Number.MAX_SAFE_INTEGER
const PASSPHRASE: readonly Wrong[] = [
  ['none', /none is missing/],
  ['page.txt', /page\.txt is mode 0644; allowed: readable by you only.*chmod 600/],
  ['folder', /folder is a directory; allowed: a regular file/],
  ['pipe', /pipe is no regular file/],
]

/** What is wrong for an option, whichever command has it. */
const OPTIONS: { readonly [option: string]: readonly Wrong[] } = {
  '--home': [
    ['page.txt', /--home is .*page\.txt; allowed: a directory/],
    ['pipe', /--home is .*pipe; allowed: a directory/],
  ],
  '--network': isNetwork('--network'),
  '--join': isNetwork('--join'),
  '--passphrase-file': PASSPHRASE,
  '--keystore-passphrase-file': PASSPHRASE,
  '--account': isName('--account'),
  '--name': isName('--name'),
  '--listen': [
    ['a b', /--listen is a b; allowed: an IPv4 address or a name/],
    ['fe80::1', /--listen is fe80::1; allowed: an IPv4 address or a name/],
    ['http://x', /--listen is http:\/\/x; allowed/],
  ],
  '--port': isWhole('--port', 0, 65_532),
  '--providers': isWhole('--providers', 0, 32),
  '--verifiers': isWhole('--verifiers', 0, 32),
  '--roles': [
    ['miner', /--roles is miner; allowed: provider, verifier, relay/],
    ['relay,relay', /--roles is relay,relay; allowed: .*each at most once/],
    ['relay,', /--roles is relay,; allowed: provider/],
  ],
  '--stake': isAmount('--stake'),
  '--seat': isAmount('--seat'),
  '--config': [
    ['none.yaml', /--config is none\.yaml, which is missing; allowed: a config.*node init/],
    ['page.txt', /config is .*; allowed: a map of fields/],
    ['folder', /folder is a directory/],
    ['pipe', /pipe is no regular file/],
  ],
  '--executor': [
    ['gpu', /--executor is gpu; allowed: auto, wasm, native, cuda:N or webgpu:N.*lockstep devices/],
    ['cuda:', /--executor is cuda:; allowed: auto/],
    ['cuda:01', /--executor is cuda:01; allowed: auto/],
  ],
  '--executor-module': [
    ['none.ts', /--executor-module is .*none\.ts, which is missing; allowed: a module.*working directory/],
    ['folder', /--executor-module is .*folder, which is no file/],
  ],
  '--executor-options': [
    ['{}', /--executor-options is given alone; allowed: together with --executor-module/],
    ['[]', /--executor-options is \[\]; allowed: a JSON object/],
    ['{', /--executor-options is \{; allowed: a JSON object/],
  ],
  '--to': [
    ['0x12', /--to is 0x12; allowed: 0x and 40 hexadecimal digits/],
    ['main', /--to is main; allowed: 0x and 40/],
  ],
  '--job': isWhole('--job', 1, JOBS),
  '--manifest': [
    [
      'none.yaml',
      /--manifest is none\.yaml, which is missing; allowed: the manifest that swarm 1 was created with/,
    ],
    ['folder', /folder is a directory/],
    ['pipe', /pipe is no regular file/],
    ['page.txt', /manifest line|manifest is .*; allowed: a map of fields|YAML/],
  ],
  '--models': [
    ['none', /--models is none, which is missing; allowed: a path that is there.*model\.safetensors/],
    ['folder', /--models is folder, which holds no model; allowed: a directory with one/],
    ['page.txt', /.* of page\.txt is .*; allowed: .*model\.safetensors/],
    ['pipe', /pipe is no regular file/],
    [
      'broken',
      /broken\/participant\.json is something else; allowed: what `lockstep swarm join` has written/,
    ],
    ['stateless', /stateless\/model-3\.state is missing; allowed: a file that is there/],
    ['strange', /vocab of strange is 9; allowed: 96, what its characters and an end come to/],
    ['short', /context of short is 8; allowed: at least the swarm's lengths together, 64/],
  ],
  '--base': [
    ['none', /none is missing; allowed: a file that is there\. Name a base for text/],
    ['folder', /folder is a directory/],
    ['pipe', /pipe is no regular file/],
    ['page.txt', /page\.txt is malformed in .*; allowed: a base for text/],
    ['strange/model.safetensors', /model\.safetensors is malformed in format; allowed: a base for text/],
  ],
  '--seconds': isWhole('--seconds', 1, 2 ** 31),
  '--least': [...isWhole('--least', 1, 64), ['33', /--least is 33; allowed: at most --most, 32/]],
  '--most': [...isWhole('--most', 1, 64), ['2', /--least is 3; allowed: at most --most, 2/]],
  '--rounds': isWhole('--rounds', 1, 1_000_000),
  '--origin': ['page.example', 'ftp://page.example', 'http://page.example/path', '*'].map((value) => [
    value,
    /--origin is .*; allowed: scheme, host and port of a page/,
  ]),
  '--ask': isWhole('--ask', 1, 3600),
  '--key': [
    ['oo', /--key is oo; allowed: a letter from a to z/],
    ['1', /--key is 1; allowed: a letter from a to z/],
  ],
  '--episode': [
    [
      'none',
      /--episode is none; allowed: one that is listed|what to forget is .*; allowed: TEXT, --episode ID or --all/,
    ],
  ],
  '--method': [['best', /--method is best; allowed: average, greedy, ties, distil/]],
  '--tasks': isWhole('--tasks', 1, 1024),
  '--seed': isWhole('--seed', 0, 2 ** 32 - 1),
  '--model': [
    ['none.yaml', /--model is none\.yaml, which is missing; allowed: a file that says what your model has/],
    ['folder', /folder is a directory/],
    ['pipe', /pipe is no regular file/],
    ['page.txt', /manifest line|manifest is .*; allowed: a map of fields|YAML/],
    ['swarm.yaml', /families is .*; allowed/],
  ],
  '--out': [
    ['page.txt', /--out is page\.txt, which is there already; allowed: a new (file|directory)/],
    ['folder', /--out is folder, which is there already/],
    ['nowhere/model', /--out is nowhere\/model, in no directory; allowed: a directory that is there/],
    ['page.txt/model', /page\.txt\/model/],
  ],
}

/** What is wrong for an argument. */
const ACCOUNT: readonly Wrong[] = [
  ['ghost', /account is ghost; allowed: main\. Make it with `lockstep account create ghost`/],
  ['0x12', /account is 0x12; allowed: 0x and 40 hexadecimal digits/],
  ['X Y', /account is X Y; allowed: lower-case/],
]
const TOKENS: readonly Wrong[] = [
  ...isAmount('tokens'),
  ['0', /tokens is 0; allowed: .*(above 0|more than nothing)/],
]
const NAME: readonly Wrong[] = isName('name')
const JOB = isWhole('job', 1, JOBS)
const ARGUMENTS: { readonly [argument: string]: readonly Wrong[] } = {
  'node check config': [
    ['none.yaml', /none\.yaml is missing; allowed: a config/],
    ['page.txt', /config is .*; allowed: a map of fields/],
    ['folder', /folder is a directory/],
    ['pipe', /pipe is no regular file/],
  ],
  'account create name': NAME,
  'account import file': [
    ['none', /none is missing; allowed: a file that is there.*private key/],
    ['folder', /folder is a directory; allowed: a regular file/],
    ['pipe', /pipe is no regular file/],
    ['page.txt', /import is .*; allowed: a private key .*, a recovery phrase, or a keystore file/],
    ['net.json', /version is missing; allowed: 3/],
    ['home/accounts/main.json', /the passphrase of home.*is missing; allowed: --keystore-passphrase-file/],
  ],
  'account import name': NAME,
  'account fund account': ACCOUNT,
  'account show account': ACCOUNT,
  'account withdraw tokens': TOKENS,
  'account withdraw name': [...NAME, ['ghost', /account is ghost; allowed: main/]],
  'account unstake tokens': TOKENS,
  'account unstake name': [...NAME, ['ghost', /account is ghost; allowed: main/]],
  'post manifest': [
    ['none.yaml', /none\.yaml is missing; allowed: a file that is there\. Name a manifest/],
    ['page.txt', /manifest line|manifest is .*; allowed: a map of fields|YAML/],
    ['folder', /folder is a directory/],
    ['pipe', /pipe is no regular file/],
    ['tiny.yaml', /market of tiny\.yaml is missing; allowed: on what terms others train/],
  ],
  'watch job': JOB,
  'cancel job': JOB,
  'fetch job': JOB,
  'swarm create manifest': [
    ['none.yaml', /none\.yaml is missing; allowed: a file that is there/],
    ['page.txt', /manifest line|manifest is .*; allowed: a map of fields|YAML/],
    ['folder', /folder is a directory/],
    ['pipe', /pipe is no regular file/],
  ],
  'swarm join swarm': isWhole('swarm', 1, JOBS),
  'swarm watch swarm': isWhole('swarm', 1, JOBS),
  'swarm merge swarm': isWhole('swarm', 1, JOBS),
  'swarm check directory': [
    ['none', /none\/lineage\.json is missing; allowed: a file that is there.*swarm merge/],
    ['page.txt', /page\.txt/],
    ['folder', /folder\/lineage\.json is missing/],
    ['liar', /lineage\.format of liar\/lineage\.json is .*; allowed: lockstep-lineage-1/],
    ['bare', /bare\/config\.json is missing/],
    ['local', /swarm of local is none; allowed: a swarm of a network/],
  ],
  'swarm leave swarm': isWhole('swarm', 1, JOBS),
  'assist shell learn history': [
    ['none', /none is missing; allowed: a file of at most 4194304 bytes/],
    ['folder', /folder is .*; allowed: a file of at most/],
    ['pipe', /pipe is .*; allowed: a file of at most/],
  ],
  'assist shell forget text': [['', /text is empty/]],
  'earnings account': ACCOUNT,
  'status job': JOB,
  'explain job-or-account': [
    ...ACCOUNT,
    ['0', /job is 0; allowed: an integer from 1/],
    ['9'.repeat(30), /job is 9+; allowed/],
  ],
}

const tree = async (): Promise<string> =>
  JSON.stringify(
    (await readdir(home, { recursive: true, withFileTypes: true }))
      .map(({ parentPath, name }) => `${parentPath}/${name}`)
      .sort(),
  )

/** One line with field, value, limit and remedy; the right code; and the disk as it was. */
const refused = async (args: readonly string[], said: RegExp, code = 2): Promise<void> => {
  const before = await tree()
  const ended = await inProcess(...args)
  assert.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}${ended.stdout}`)
  assert.match(ended.stderr, said, args.join(' '))
  assert.match(ended.stderr, /^lockstep: .+ is .+; allowed: .+\..+ \[[A-Za-z-]+\]\n$/s, args.join(' '))
  assert.equal(ended.stderr.trim().split('\n').length, 1, ended.stderr)
  assert.equal(await tree(), before, `${args.join(' ')} has left something`)
}

const optionsOf = ({ command }: Leaf): Option[] => command.options.filter(({ long }) => long !== '--json')
const takesValue = (option: Option): boolean => option.required || option.optional

test('every command of the market is here, and every option and argument has a wrong value', () => {
  assert.deepEqual(Object.keys(WITH).sort(), MARKET.map(({ name }) => name).sort())
  const options = new Set(
    MARKET.flatMap(optionsOf)
      .filter(takesValue)
      .map(({ long }) => long),
  )
  assert.deepEqual(Object.keys(OPTIONS).sort(), [...options].sort())
  const args = MARKET.flatMap(({ name, command }) =>
    command.registeredArguments.map((argument) => `${name} ${argument.name()}`),
  )
  assert.deepEqual(Object.keys(ARGUMENTS).sort(), args.sort())
})

for (const leaf of MARKET) {
  const { name, command } = leaf
  const words = name.split(' ')

  test(`${name}: whatever is wrong is refused by name, and leaves nothing behind`, async () => {
    for (const option of optionsOf(leaf)) {
      const long = option.long!
      if (!takesValue(option)) {
        await refused([...words, ...WITH[name]!, `${long}=no`], /unknown option/)
        continue
      }
      await refused([...words, ...WITH[name]!, long], /argument missing/)
      await refused([...words, ...WITH[name]!, long, ''], new RegExp(`${long} is empty`))
      for (const [value, said, code] of OPTIONS[long]!)
        await refused([...words, ...WITH[name]!, long, value], said, code)
    }
    for (const [at, argument] of command.registeredArguments.entries()) {
      const usual = WITH[name]!.slice(
        0,
        WITH[name]!.findIndex((word) => word.startsWith('--')),
      )
      const rest = WITH[name]!.slice(usual.length)
      for (const [value, said, code] of ARGUMENTS[`${name} ${argument.name()}`]!)
        await refused([...words, ...usual.slice(0, at), value, ...rest], said, code)
      if (argument.required) await refused([...words, ...rest], /missing required argument|is missing/)
    }
    const many = Array(command.registeredArguments.length + 1).fill('1')
    await refused([...words, ...many], /too many arguments/)
    await refused([...words, '--bogus'], /unknown option '--bogus'/)
  })
}

test('a merge without models says that there are none', () =>
  refused(
    ['swarm', 'merge', ...WITH['swarm merge']!],
    /--models is missing; allowed: models of participants, as this home has none of swarm 1/,
  ))

test('a group of commands says which it has', async () => {
  await refused(['node'], /the command after node is missing; allowed: run, init, check/)
  await refused(['account'], /the command after account is missing; allowed: create, import, fund/)
  await refused(['account', 'fly'], /unknown command 'fly'/)
})

test('an error is the same in JSON', async () => {
  const { stdout } = await inProcess('watch', '0', '--json')
  assert.deepEqual(JSON.parse(stdout).error, {
    ...{ code: 'option-invalid', field: 'job', value: '0', exit: 2 },
    ...{ limit: `an integer from 1 to ${JOBS}`, remedy: 'Choose another value.' },
  })
})
