import type { Command } from 'commander'
import { badInput, type ExitCode } from './cli-error.ts'
import { name } from './network/home.ts'
import { amount, executorChoice, integer, jsonObject, oneOf, words } from './options.ts'
import type { Terminal } from './terminal.ts'

/** What the command line gives to those who add commands to it. */
export type CommandKit = {
  readonly terminal: Terminal
  /** Adds a command with what all of them have. */
  readonly command: (usage: string, description: string, under?: Command) => Command
  readonly setExit: (code: ExitCode) => void
  readonly untilStopped: () => Promise<void>
}

const ROLES = ['provider', 'verifier', 'relay'] as const
const MERGE_METHODS = ['average', 'greedy', 'ties', 'distil'] as const
const job = integer('job', 1, Number.MAX_SAFE_INTEGER)
const port = integer('--port', 0, 65_532)

/** The market on the command line. What the commands need is loaded when one of them is called. */
export const addMarketCommands = ({ terminal, command, setExit, untilStopped }: CommandKit): void => {
  const home = (c: Command): Command =>
    c.option('--home <directory>', 'accounts, nodes and networks (default: LOCKSTEP_HOME, or ~/.lockstep)')
  const network = (c: Command): Command =>
    home(c).option('--network <url-or-file>', 'the network that is meant (default: HOME/network.json)')
  const passphrase = (c: Command): Command =>
    c.option(
      '--passphrase-file <file>',
      'its first line opens the keystore (default: LOCKSTEP_PASSPHRASE, a file beside it, or the terminal)',
    )
  const asAccount = (c: Command): Command =>
    passphrase(network(c)).option('--account <name>', 'an account of this home', name('--account'), 'main')

  home(command('up', 'start a local network, or go on with the one of this home, until Ctrl-C'))
    .option('--listen <host>', 'let other machines in: the address or name that they reach this one by')
    .option('--port <n>', 'the first of four ports: HTTP, TCP, WebSocket, chain; 0 finds free ones', port)
    .option('--providers <n>', 'nodes that run slices', integer('--providers', 0, 32), 0)
    .option('--verifiers <n>', 'nodes that audit', integer('--verifiers', 0, 32), 0)
    .option('--detach', 'go on in the background')
    .action(async (options) => {
      const { upCommand } = await import('./commands/up.ts')
      await upCommand(options, untilStopped(), terminal)
    })

  home(command('down', 'stop the network that `up` has started; its state stays')).action(async (options) => {
    const { downCommand } = await import('./commands/down.ts')
    await downCommand(options, terminal)
  })

  const node = command('node', 'run a node: work for others, audit them, or carry their messages')
  const wishes = (c: Command): Command =>
    home(c)
      .option(
        '--join <host-or-file>',
        'the network: HOST[:PORT] of any node of it, or its file (default: HOME/network.json)',
      )
      .option('--name <name>', 'which node of this home', name('--name'))
      .option(
        '--roles <list>',
        'provider, verifier, relay, with commas (default: provider)',
        words('--roles', ROLES),
      )
      .option(
        '--account <name>',
        'the account that it works for (default: one of its own)',
        name('--account'),
      )
      .option('--stake <tokens>', 'what a provider has staked at least (default: 5000)', amount('--stake'))
      .option('--seat <tokens>', "what a verifier's seat holds (default: 1000)", amount('--seat'))
      .option(
        '--executor <name>',
        'what runs and audits are computed on: auto, wasm, native, cuda:N, webgpu:N (default: auto, the fastest for each program)',
        executorChoice('--executor'),
      )
      .option('--listen <host>', 'let other machines in: what they reach this one by')
      .option('--port <n>', 'the first of three ports: HTTP, TCP, WebSocket (default: free ones)', port)
  passphrase(
    wishes(
      command(
        'run',
        'run it until Ctrl-C; the first start makes keys, and gets funds, stake and delegation',
        node,
      ),
    ),
  )
    .option('--config <file>', 'a config that `node init` has written (default: HOME/nodes/NAME/node.yaml)')
    .option('--executor-module <file>', 'run slices with an executor of your own; audits never use it')
    .option(
      '--executor-options <json>',
      'what createExecutor of that module gets',
      jsonObject('--executor-options'),
    )
    .action(async (options) => {
      if (options.executor !== undefined && options.executorModule !== undefined)
        throw badInput(
          'option-invalid',
          '--executor-module',
          `given together with --executor ${options.executor}`,
          'one of the two',
          'Leave one of them out.',
        )
      if (options.executorOptions !== undefined && options.executorModule === undefined)
        throw badInput(
          'option-invalid',
          '--executor-options',
          'given alone',
          'together with --executor-module',
          'Name the module, or leave both out.',
        )
      const { nodeRunCommand } = await import('./commands/node-run.ts')
      await nodeRunCommand(options, untilStopped(), terminal)
    })
  wishes(command('init', 'write the config of a node, with every field; starts nothing', node)).action(
    async (options) => {
      const { nodeInitCommand } = await import('./commands/node-init.ts')
      await nodeInitCommand(options, terminal)
    },
  )
  passphrase(home(command('check [config]', 'check a config, its keys, its chain and its funds', node)))
    .option('--name <name>', 'which node of this home', name('--name'))
    .action(async (config, options) => {
      const { nodeCheckCommand } = await import('./commands/node-check.ts')
      await nodeCheckCommand(config, options, terminal)
    })

  const account = command('account', 'make, import, fund and look at accounts')
  const accountName = '[name]'
  passphrase(
    home(command(`create ${accountName}`, 'make an account; its recovery phrase is shown once', account)),
  ).action(async (given = 'main', options) => {
    const { accountCreateCommand } = await import('./commands/account.ts')
    await accountCreateCommand(name('name')(given), options, terminal)
  })
  passphrase(
    home(
      command(
        'import <file> [name]',
        'take in a private key, recovery phrase or keystore; - is stdin',
        account,
      ),
    ),
  )
    .option('--keystore-passphrase-file <file>', 'opens the keystore that is imported')
    .action(async (file, given = 'main', options) => {
      const { accountImportCommand } = await import('./commands/account.ts')
      await accountImportCommand(file, name('name')(given), options, terminal)
    })
  network(
    command('fund [account]', 'ask the faucet of a local or test network for tokens and coins', account),
  ).action(async (given = 'main', options) => {
    const { accountFundCommand } = await import('./commands/account.ts')
    await accountFundCommand(given, options, terminal)
  })
  network(command('show [account]', 'what an account has; without a name, all of this home', account)).action(
    async (given, options) => {
      const { accountShowCommand } = await import('./commands/account.ts')
      await accountShowCommand(given, options, terminal)
    },
  )
  passphrase(
    network(
      command(
        'withdraw <tokens> [name]',
        'take tokens out of the vault; `all` takes the whole credit',
        account,
      ),
    ),
  )
    .option('--to <address>', 'whose tokens they become (default: the account)')
    .action(async (tokens, given = 'main', options) => {
      const { accountWithdrawCommand } = await import('./commands/account.ts')
      await accountWithdrawCommand(tokens, name('name')(given), options, terminal)
    })
  passphrase(
    network(
      command('unstake <tokens> [name]', 'begin to take back stake that nothing is locked for', account),
    ),
  ).action(async (tokens, given = 'main', options) => {
    const { accountUnstakeCommand } = await import('./commands/account.ts')
    await accountUnstakeCommand(amount('tokens')(tokens), name('name')(given), options, terminal)
  })

  asAccount(
    command('post <manifest>', 'have others train: shows work, time and price, and asks before it pays'),
  )
    .option('--yes', 'do not ask')
    .option('--watch', 'then watch it to its end')
    .option(
      '--job <n>',
      'publish a job again that was posted of this manifest, and pay nothing',
      integer('--job', 1, Number.MAX_SAFE_INTEGER),
    )
    .option('--again', 'post it although a job of this manifest is open')
    .action(async (manifest, options) => {
      const { postCommand } = await import('./commands/post.ts')
      const code = await postCommand(manifest, options, terminal)
      setExit(code)
    })
  network(command('watch <job>', 'follow a job to its end; exit code 1 where it ends without its result'))
    .option('--stream', 'with --json: also each event as a line of JSON, as it happens')
    .action(async (number, options) => {
      const { watchCommand } = await import('./commands/watch.ts')
      setExit(await watchCommand(job(number), options, terminal))
    })
  asAccount(
    command('cancel <job>', 'begin nothing more of a job; what runs is paid, the rest comes back'),
  ).action(async (number, options) => {
    const { cancelCommand } = await import('./commands/cancel.ts')
    await cancelCommand(job(number), options, terminal)
  })
  const swarms = command('swarm', 'models that learn together: create a swarm, take part in it, watch it')
  const swarm = integer('swarm', 1, Number.MAX_SAFE_INTEGER)
  asAccount(
    command('create <manifest>', 'create a swarm and pay the rewards of its rounds into escrow', swarms),
  )
    .option('--yes', 'do not ask')
    .action(async (manifest, options) => {
      const { swarmCreateCommand } = await import('./commands/swarm-create.ts')
      await swarmCreateCommand(manifest, options, terminal)
    })
  asAccount(command('join <swarm>', 'take part until it is over or Ctrl-C; the same command goes on', swarms))
    .option('--manifest <file>', 'what it was created with (default: what this home has, or else peers)')
    .option('--model <file>', "a model of your own: what it has otherwise than the manifest's")
    .option('--delegate', 'a key made for it acts for the account, whose own key can stay locked')
    .option('--stream', 'with --json: also each event as a line of JSON, as it happens')
    .action(async (number, options) => {
      const { swarmJoinCommand } = await import('./commands/swarm-join.ts')
      await swarmJoinCommand(swarm(number), options, terminal)
    })
  network(command('watch <swarm>', 'what happens in a swarm until it is closed, and its leaderboard', swarms))
    .option('--once', 'only what has happened up to now')
    .action(async (number, options) => {
      const { swarmWatchCommand } = await import('./commands/swarm-watch.ts')
      await swarmWatchCommand(swarm(number), options, terminal)
    })
  asAccount(
    command(
      'leave <swarm>',
      'give a seat up: waits until its rounds are settled and its stake is free',
      swarms,
    ),
  )
    .option('--delegate', 'with the key that acts for the account')
    .action(async (number, options) => {
      const { swarmLeaveCommand } = await import('./commands/swarm-leave.ts')
      await swarmLeaveCommand(swarm(number), options, terminal)
    })

  network(
    command(
      'merge <swarm>',
      "one model of what a swarm's participants have become, with its lineage",
      swarms,
    ),
  )
    .option('--manifest <file>', 'what it was created with (default: what `create` has kept in this home)')
    .option(
      '--models <path...>',
      "participants: model files, their directories, or participants' (default: all of this home, and what --ask has brought)",
    )
    .option(
      '--ask <seconds>',
      'ask the participants that the chain announces for their models, each for so long',
      integer('--ask', 1, 3600),
    )
    .option(
      '--method <method>',
      'average; greedy, the members that make it no worse; ties; distil, a student',
      oneOf('--method', MERGE_METHODS),
      'greedy',
    )
    .option('--tasks <n>', 'of each kind that it is measured by', integer('--tasks', 1, 1024), 32)
    .option(
      '--seed <n>',
      'what validation tasks and answers follow from',
      integer('--seed', 0, 2 ** 32 - 1),
      1,
    )
    .option('--out <directory>', 'where to (default: swarm-N-model)')
    .action(async (number, options) => {
      const { swarmMergeCommand } = await import('./commands/swarm-merge.ts')
      await swarmMergeCommand(swarm(number), options, terminal)
    })

  network(
    command(
      'check <directory>',
      'make a merged model again as its lineage says; exit code 1 where something differs',
      swarms,
    ),
  )
    .option('--manifest <file>', 'what it was created with (default: what `create` has kept in this home)')
    .option(
      '--models <path...>',
      "participants: model files, their directories, or participants' (default: all of this home)",
    )
    .action(async (directory, options) => {
      const { swarmCheckCommand } = await import('./commands/swarm-check.ts')
      setExit(await swarmCheckCommand(directory, options, terminal))
    })

  network(command('fetch <job>', "get a job's models, checked against what was settled on the chain"))
    .option('--out <file>', 'where to (default: job-N.safetensors)')
    .action(async (number, options) => {
      const { fetchCommand } = await import('./commands/fetch.ts')
      await fetchCommand(job(number), options, terminal)
    })
  network(
    command('earnings [account]', 'made, expected, and at risk; without a name, all of this home'),
  ).action(async (given, options) => {
    const { earningsCommand } = await import('./commands/earnings.ts')
    await earningsCommand(given, options, terminal)
  })
  network(command('status [job]', "the network, this home's nodes and the latest jobs; or one job")).action(
    async (given, options) => {
      const { statusCommand } = await import('./commands/status.ts')
      await statusCommand(given === undefined ? undefined : job(given), options, terminal)
    },
  )
  network(
    command(
      'explain <job-or-account>',
      'the arithmetic and the events behind each reward, slash and lost bid',
    ),
  ).action(async (subject, options) => {
    const { explainCommand } = await import('./commands/explain.ts')
    await explainCommand(subject, options, terminal)
  })
}
