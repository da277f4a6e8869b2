/**
 * The tour of the market: a job is posted on a network of strangers, who bid, train it in parallel and are audited. One
 * of them lies, loses its stake before the referee, and another takes over; everybody is paid, and the model is fetched.
 * Each role is a process of its own, and every command is one that a person can type.
 *   npm start -- [--seed N] [--lies none|one|two] [--keep] [--json]
 * With --json the story goes to stderr, and the last line of stdout is one JSON object.
 */
import { randomInt } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { formatAmount } from '@lockstep/market'
import { loadModel, parameterCount, parametersOf } from '@lockstep/models'
import { scriptArguments } from './arguments.ts'
import { CLI, createTour, integerOption, refuse } from './tour.ts'

const root = dirname(import.meta.dirname)
const LIES = { none: 0, one: 1, two: 2 } as const
const PROVIDERS = ['ann', 'bob', 'cyd'] as const
const VERIFIERS = ['vic', 'wes'] as const
const ROUNDS = 1
const STEPS_PER_ROUND = 40
const HOME = join('runs', 'start')

const { values } = scriptArguments({
  options: {
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    lies: { type: 'string', default: 'one' },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
})
const seed = integerOption('seed', values.seed, 0, 2 ** 31 - 1)
const count =
  LIES[values.lies as keyof typeof LIES] ?? refuse(`--lies is ${values.lies}; allowed: none, one, two.`)
const { tell, chapter, show, launch, lockstep, ask, cleanUp } = createTour(values)

/** Which seats lie: nobody else is told, and the seed decides. */
const first = seed % PROVIDERS.length
const liars = PROVIDERS.filter((_, i) => (i - first + PROVIDERS.length) % PROVIDERS.length < count)

type Holdings = {
  readonly accounts: readonly {
    readonly address: string
    readonly tokens: string
    readonly credit: string
    readonly stake: string
    readonly unbonding: string
  }[]
}
type Member = {
  readonly name: string
  readonly role: string
  readonly home: string
  address: string
  before: bigint
}

const homeOf = (name: string): string => join(HOME, name)
const network = join(homeOf('network'), 'network.json')

/** All tokens of a home's account, wherever they are. */
const holdingsOf = async (home: string): Promise<{ address: string; tokens: bigint }> => {
  const { accounts } = await ask<Holdings>(['account', 'show', '--home', home, '--network', network])
  const [account] = accounts
  if (account === undefined) throw new Error(`there is no account in ${home}`)
  const { address, tokens, credit, stake, unbonding } = account
  return { address, tokens: BigInt(tokens) + BigInt(credit) + BigInt(stake) + BigInt(unbonding) }
}

/** Starts a node as a process of its own and waits until it works. */
const startNode = async (name: string, role: string): Promise<Member> => {
  const home = homeOf(name)
  const args = ['node', 'run', '--home', home, '--join', network, '--name', name, '--roles', role]
  if (liars.includes(name as (typeof PROVIDERS)[number]))
    args.push('--executor-module', 'examples/liar-executor.ts', '--executor-options', `{"step": ${seed % 8}}`)
  show(args.filter((arg, i) => !arg.startsWith('--executor') && !args[i - 1]?.startsWith('--executor')))
  await launch(CLI, args, { quiet: true }).said(/node is up|is up|works/)
  const { address, tokens } = await holdingsOf(home)
  tell(`${name} is up: ${role}, account ${address}, ${formatAmount(tokens)} LOCK`)
  return { name, role, home, address, before: tokens }
}

const tour = async (): Promise<object> => {
  const begin = performance.now()
  await rm(join(root, HOME), { recursive: true, force: true })
  tell(`Lockstep's tour. seed ${seed}: npm start -- --seed ${seed} --lies ${values.lies} tells it again.`)

  chapter('A network: a chain with the contracts, and a relay')
  const up = ['up', '--home', homeOf('network'), '--port', '0']
  show(up)
  const net = launch(CLI, up, { quiet: true })
  await net.said(/network\.json/)
  tell(
    'The chain, its contracts and a relay are up. Others join by the file that was written, or by address.',
  )

  chapter('Strangers join: three providers and two verifiers, each a process with an account of its own')
  tell('They begin with nothing: the faucet of a local network gives each what it stakes.')
  const members = await Promise.all([
    ...PROVIDERS.map((name) => startNode(name, 'provider')),
    ...VERIFIERS.map((name) => startNode(name, 'verifier')),
  ])

  chapter('You: an account, and a job')
  const home = homeOf('you')
  await lockstep(['account', 'create', '--home', home])
  await lockstep(['account', 'fund', '--home', home, '--network', network])
  const you = await holdingsOf(home)
  members.push({ name: 'you', role: 'requester', home, address: you.address, before: you.tokens })
  const manifest = join(HOME, 'job.yaml')
  const settings = [
    ...[`training.steps=${ROUNDS * STEPS_PER_ROUND}`, 'segments.every=10', `training.seed=${seed}`],
    ...['market.workers=3', `market.rounds=${ROUNDS}`, 'market.auditRate=10000'],
    // As short as they can be for this job on a slow machine: most of the tour is waiting for windows.
    ...['market.times.audit=36', 'market.times.answer=4', 'market.times.window=80'],
  ]
  const text = relative(HOME, join('data', 'moby-dick.txt'))
  await lockstep(['init', manifest, '--text', text, '--local', '--name', 'tour', '--set', ...settings])
  tell('\nThe audit rate is 1 here: every segment of every slice is executed again by a verifier.')
  tell(
    `${count === 0 ? 'Nobody lies' : count === 1 ? 'One of the providers lies' : 'Two of the providers lie'}; the verifiers are told nothing.`,
  )

  chapter('Posted, bid for, trained in parallel, audited, disputed, settled')
  await lockstep(['post', manifest, '--home', home, '--network', network, '--yes', '--watch'])

  chapter('The model')
  const file = join(HOME, 'model.safetensors')
  await lockstep(['fetch', '1', '--home', home, '--network', network, '--out', file])
  await lockstep(['sample', file, '--prompt', 'Call me ', '--tokens', '200'])

  chapter('Who got what, and why')
  const told = members.find(({ name }) => name === (liars[0] ?? PROVIDERS[0]))!
  await lockstep(['explain', told.address, '--home', home, '--network', network])
  tell('\nlockstep explain 1 explains the whole job like this.\n')
  const accounts: { name: string; role: string; before: string; after: string; slashed: string }[] = []
  for (const { name, role, home: at, address, before } of members) {
    const { tokens } = await holdingsOf(at)
    const { accounts: earned } = await ask<{ accounts: readonly { slashed: string }[] }>([
      'earnings',
      ...[address, '--home', at, '--network', network],
    ])
    const slashed = BigInt(earned[0]?.slashed ?? 0)
    accounts.push({
      name,
      role,
      before: String(before),
      after: String(tokens),
      slashed: String(slashed),
    })
    const change = tokens - before
    const lie = slashed > 0n ? `, slashed ${formatAmount(slashed)}` : ''
    tell(
      `${name.padEnd(4)} ${role.padEnd(10)} ${formatAmount(before).padStart(16)} -> ${formatAmount(tokens).padStart(22)} LOCK  (${change >= 0n ? '+' : ''}${formatAmount(change)}${lie})`,
    )
  }
  const slashed = accounts.filter((account) => account.slashed !== '0').map(({ name }) => name)
  const missed = liars.filter((name) => !slashed.includes(name))
  const wronged = slashed.filter((name) => !liars.includes(name as (typeof PROVIDERS)[number]))
  if (missed.length > 0) throw new Error(`${missed.join(', ')} lied and lost nothing`)
  if (wronged.length > 0) throw new Error(`${wronged.join(', ')} lost stake and did not lie`)

  const { jobs } = await ask<{ jobs: readonly { job: number; status: string }[] }>([
    'status',
    '--home',
    home,
    '--network',
    network,
  ])
  const state = jobs.find(({ job }) => job === 1)?.status
  const { model } = loadModel(await readFile(join(root, file)))
  const seconds = Math.round((performance.now() - begin) / 100) / 10
  chapter('Done')
  tell(
    `All of it happened, in ${seconds} s. The model is ${file}; logs are in ${homeOf('network')}/logs and ${HOME}/NAME/logs.`,
  )
  tell('Next: npx lockstep up, and in another terminal: npx lockstep node run')
  if (values.keep) {
    tell('\nThe network stays up (--keep). Ctrl-C ends it.')
    await net.ended
  }
  return {
    seed,
    lies: liars.map((name) => ({ provider: name, found: true, bondLost: true })),
    model: {
      parameters: parameterCount(parametersOf(model)),
      rounds: ROUNDS,
      steps: ROUNDS * STEPS_PER_ROUND,
    },
    job: { state },
    accounts,
    logs: HOME,
    seconds,
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => void cleanUp().then(() => process.exit(130)))

try {
  const facts = await tour()
  if (values.json) process.stdout.write(`${JSON.stringify(facts)}\n`)
} catch (error) {
  process.stderr.write(
    `\nThe tour did not get to its end: ${error instanceof Error ? error.message : error}\nLogs: ${HOME}\n`,
  )
  process.exitCode = 1
} finally {
  await cleanUp()
}
