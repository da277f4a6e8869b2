import type { Executor } from '@lockstep/tensor'
import { Command, CommanderError, Option } from 'commander'
import packageFile from '../package.json' with { type: 'json' }
import { addAssistCommands } from './assist-commands.ts'
import { asCliError, badInput, EXIT, type ExitCode } from './cli-error.ts'
import { initCommand } from './commands/init.ts'
import { checkProofCommand, exportProofCommand } from './commands/proof.ts'
import { sampleCommand } from './commands/sample.ts'
import { trainCommand } from './commands/train.ts'
import { validateCommand } from './commands/validate.ts'
import { verifyCommand } from './commands/verify.ts'
import { defaultThreads } from './estimates.ts'
import { openExecutor } from './executor.ts'
import { addMarketCommands } from './market-commands.ts'
import { decimal, integer, integers, root } from './options.ts'
import { createTerminal, type Terminal, type TerminalOptions } from './terminal.ts'

const { version } = packageFile
const now = (): number => performance.now()

/** Runs one command line to its end and gives the exit code. */
export const run = async (
  args: readonly string[],
  streams: Pick<TerminalOptions, 'stdout' | 'stderr'> = process,
): Promise<ExitCode> => {
  const terminal = createTerminal({ ...streams, json: args.includes('--json'), now })
  let exit: ExitCode = EXIT.ok
  const program = commandLine(terminal, streams.stdout, (code) => {
    exit = code
  })
  try {
    await program.parseAsync(args, { from: 'user' })
    return exit
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok // help and version
      return fail(usageError(error, args, program), terminal)
    }
    return fail(error, terminal)
  }
}

const fail = (error: unknown, terminal: Terminal): ExitCode => {
  const known = asCliError(error)
  if (known) {
    terminal.note(`lockstep: ${known.message}`)
    terminal.result(known)
    return known.exit
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  terminal.note(
    `lockstep: a bug in Lockstep, please report it with the lines below. Files are as they were.\n${text}`,
  )
  terminal.result({ error: { code: 'bug', exit: EXIT.bug } })
  return EXIT.bug
}

const usageError = (error: CommanderError, args: readonly string[], program: Command) => {
  if (error.code === 'commander.help') {
    const words = args.filter((arg) => !arg.startsWith('-') && arg !== 'help')
    const group = program.commands.find((command) => command.name() === words[0])
    const [given = 'missing'] = group === undefined ? words.slice(-1) : words.slice(1)
    const names = (group ?? program).commands.map((command) => command.name()).join(', ')
    const [field, before] =
      group === undefined ? ['the command', ''] : [`the command after ${words[0]}`, `${words[0]} `]
    return badInput('usage', field, given, names, `\`lockstep ${before}--help\` says what each does.`)
  }
  return badInput(
    'usage',
    'the command line',
    error.message.replace(/^error: /, ''),
    'what --help shows',
    'Correct the command.',
  )
}

/** All commands and their options. */
export const commandLine = (
  terminal: Terminal,
  stdout: TerminalOptions['stdout'],
  setExit: (code: ExitCode) => void,
): Command => {
  const program = new Command('lockstep')
    .description('Train models that anyone can verify, bit for bit.')
    .option('--json', 'print one JSON object on stdout instead of text')
    .version(version)
    .exitOverride()
    .hook('preAction', (_, command) => requireText(command))
    .configureOutput({ writeOut: (text) => void stdout.write(text), writeErr: () => {} })
    .addHelpText(
      'after',
      '\nExit codes: 0 all well, 1 a difference, a lost dispute or a job without its result, 2 bad input, 3 trouble with disk, port, chain or permissions, 4 a bug.',
    )

  const command = (usage: string, description: string, under = program): Command =>
    under
      .command(usage)
      .description(description)
      .option('--json', 'print one JSON object on stdout instead of text')
      .allowExcessArguments(false)
  const threads = (c: Command): Command =>
    c.option('--threads <n>', 'threads to compute on', integer('--threads', 1, 64), defaultThreads())

  command('init [manifest]', 'write a manifest with every field at its default')
    .option('--text <file>', 'the text to train on, seen from the manifest')
    .option('--name <name>', "the run's name")
    .option('--set <field=value...>', 'other values than the defaults, such as training.steps=300')
    .option(
      '--local',
      'a job for a network on this machine: prices and times with which it settles in minutes',
    )
    .action((path = 'lockstep.yaml', options) => initCommand(path, options, terminal))

  threads(
    command('validate <manifest>', 'check a manifest and say what training will take; no network'),
  ).action((path, { threads }) =>
    withExecutor(threads, (executor) => validateCommand(path, executor, now, terminal)),
  )

  threads(
    command(
      'devices',
      'what can compute here, each with the result of its conformance run and its measured throughput',
    ),
  )
    .option(
      '--cases <n>',
      'also so many cases of each scalar program, against the reference',
      integer('--cases', 1, 1_000_000),
    )
    .action(async (options) => {
      const { devicesCommand } = await import('./commands/devices.ts')
      setExit((await devicesCommand(options, terminal)) ? EXIT.ok : EXIT.difference)
    })

  threads(
    command(
      'profile <manifest>',
      "where the time of a training step goes, kernel by kernel, beside this machine's ceilings",
    ),
  )
    .option('--steps <n>', 'steps to time', integer('--steps', 1, 1000), 10)
    .action(async (path, options) => {
      const { profileCommand } = await import('./commands/profile.ts')
      await profileCommand(path, options, now, terminal)
    })

  threads(
    command('train <manifest-or-run>', 'train, or go on with a run; writes checkpoints, a claim and a model'),
  )
    .option('--out <directory>', 'the run directory (default: runs/NAME)')
    .action((target, { threads, ...options }) =>
      withExecutor(threads, (executor) => trainCommand(target, options, executor, now, terminal)),
    )

  threads(
    command(
      'verify <run>',
      'execute a run again and print the first difference; needs no stake and no permission',
    ),
  )
    .addOption(
      new Option('--sample <k>', 'only so many segments, drawn at random')
        .argParser(integer('--sample', 1, 2 ** 20))
        .conflicts(['segments', 'against']),
    )
    .addOption(
      new Option('--segments <list>', 'only these segments, such as 0,3,4')
        .argParser(integers('--segments', 0, 2 ** 20))
        .conflicts('against'),
    )
    .option('--against <run>', 'a run of your own: only the first segment that it disagrees about')
    .action(async (directory, { threads, ...options }) => {
      await withExecutor(threads, async (executor) =>
        setExit(await verifyCommand(directory, options, executor, now, terminal)),
      )
    })

  command('export-proof <run>', 'write a file that a third party checks without the run')
    .option(
      '--segment <n>',
      'one segment, to be executed again (default: claim and result of the run)',
      integer('--segment', 0, 2 ** 20),
    )
    .option('--out <file>', 'where to (default: RUN/run.proof or RUN/segment-N.proof)')
    .action(async (directory, options) => setExit(await exportProofCommand(directory, options, terminal)))

  threads(command('check-proof <file>', 'check such a file; exit code 1 where something differs'))
    .option('--root <root>', "the claim's root, from a source that you trust", root)
    .option('--model <file>', 'a model that should be the result of the run')
    .action(async (path, { threads, ...options }) => {
      await withExecutor(threads, async (executor) =>
        setExit(await checkProofCommand(path, options, executor, terminal)),
      )
    })

  const onChain = (c: Command): Command =>
    c
      .requiredOption('--rpc <url>', 'where the chain answers, such as http://127.0.0.1:8545')
      .option(
        '--contract <address>',
        'the disputes contract (default on a local chain: where `chain` put it)',
      )
      .option('--chain-id <n>', 'refuse any other chain', integer('--chain-id', 1, 2 ** 53 - 1))
      .option('--key-file <file>', 'a private key (default on a local chain: a public development key)')

  command('chain', 'start a local chain with the contracts, until Ctrl-C')
    .option('--port <n>', '0 finds a free one', integer('--port', 0, 65535), 8545)
    .action(async (options) => {
      const { chainCommand } = await import('./commands/chain.ts')
      await chainCommand(options, untilStopped(), terminal)
    })

  onChain(command('claim <run>', "put a run's claim on a chain, under a bond"))
    .option('--window <seconds>', 'how long it can be challenged', integer('--window', 1, 90 * 86400), 86400)
    .action(async (directory, options) => {
      const { claimCommand } = await import('./commands/claim.ts')
      await claimCommand(directory, options, terminal)
    })

  onChain(command('finalize <run>', 'end a claim whose window has passed, and pay out what is owed'))
    .option('--claim <id>', 'the claim (default: the one that this run has posted)')
    .action(async (directory, options) => {
      const { finalizeCommand } = await import('./commands/claim.ts')
      await finalizeCommand(directory, options, terminal)
    })

  onChain(
    threads(command('dispute <run>', 'play one side of a dispute to its end; exit code 1 where it is lost')),
  )
    .option('--claim <id>', "the claim; a claimant's own is known to its run")
    .option('--theirs <run-or-file>', "the claimant's claim.json or run: saves the search for the segment")
    .addOption(
      new Option('--as <side>', 'which side').choices(['challenger', 'claimant']).default('challenger'),
    )
    .option('--patience <seconds>', 'how long a claimant waits', integer('--patience', 1, 86400 * 90), 3600)
    .action(async (directory, { threads, ...options }) => {
      const { disputeCommand } = await import('./commands/dispute.ts')
      await withExecutor(threads, async (executor) =>
        setExit(await disputeCommand(directory, options, executor, terminal)),
      )
    })

  threads(command('sample <model-or-run>', 'text from a trained model'))
    .option('--prompt <text>', 'how the text begins', 'The ')
    .option('--tokens <n>', 'how many tokens to add', integer('--tokens', 1, 2 ** 16), 200)
    .option(
      '--temperature <t>',
      '0 always takes the likeliest token',
      decimal('--temperature', 0, 0.001, 100),
      0.8,
    )
    .option('--top <n>', 'only the likeliest n tokens; 0 allows all', integer('--top', 0, 65536), 0)
    .option('--seed <n>', 'the same seed gives the same text', integer('--seed', 0, 2 ** 32 - 1), 1)
    .action(async (path, { threads, json: _, ...options }) => {
      await withExecutor(threads, (executor) => sampleCommand(path, options, executor, terminal))
    })

  addMarketCommands({ terminal, command, setExit, untilStopped })
  addAssistCommands({ terminal, command, untilStopped })
  return program
}

/** An empty path or name is a slip of a script's, and never what is meant. */
const requireText = (command: Command): void => {
  const given: [string, unknown][] = [
    ...command.registeredArguments.map((arg, i): [string, unknown] => [arg.name(), command.args[i]]),
    ...command.options.map((option): [string, unknown] => [
      option.long ?? option.name(),
      command.opts()[option.attributeName()],
    ]),
  ]
  for (const [name, value] of given)
    if (value === '')
      throw badInput('option-invalid', name, '', 'at least one character', 'Give it, or leave it out.')
}

const withExecutor = async <T>(threads: number, work: (executor: Executor) => Promise<T>): Promise<T> => {
  const executor = await openExecutor(threads)
  try {
    return await work(executor)
  } finally {
    await executor.close()
  }
}

/** Fulfilled when somebody asks this process to end. */
const untilStopped = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve())
  })
