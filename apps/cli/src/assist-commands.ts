import type { Command } from 'commander'
import { badInput } from './cli-error.ts'
import type { CommandKit } from './market-commands.ts'
import { name } from './network/home.ts'
import { integer } from './options.ts'

/** Assistants on the command line. What the commands need is loaded when one of them is called. */
export const addAssistCommands = ({
  terminal,
  command,
  untilStopped,
}: Pick<CommandKit, 'terminal' | 'command' | 'untilStopped'>): void => {
  const assist = command('assist', 'assistants that learn from use, on this machine')
  const shell = command('shell', 'completes commands of a shell by what was run before', assist)
  const home = (c: Command): Command =>
    c.option('--home <directory>', 'where episodes are kept (default: LOCKSTEP_HOME, or ~/.lockstep)')
  const load = () => import('./commands/assist-shell.ts')

  home(command('install', 'print what to add to ~/.bashrc', shell))
    .option('--bash', 'for bash, 4 or newer')
    .option('--key <letter>', 'the key that completes, together with Alt', letter, 'o')
    .action(async (options) => (await load()).installShell(options, terminal))
  home(command('learn <history>', 'take in a history file', shell)).action(async (file, options) =>
    (await load()).learnShell(file, options, Date.now, terminal),
  )
  home(command('list', 'what is kept', shell))
    .option('--episode <id>', 'the commands of one episode')
    .action(async (options) => (await load()).listShell(options, terminal))
  home(command('forget [text]', 'forget the commands that hold a text', shell))
    .option('--episode <id>', 'forget an episode')
    .option('--all', 'forget everything')
    .action(async (text, options) => (await load()).forgetShell(text, options, terminal))

  command('rounds', 'keep rounds in which assistants improve the text base, until Ctrl-C', assist)
    .option('--home <directory>', 'where bases and updates are kept (default: LOCKSTEP_HOME, or ~/.lockstep)')
    .option('--listen <host>', 'what others reach this machine by (default: this machine only)')
    .option('--port <n>', '0 finds a free one', integer('--port', 0, 65_532), 8767)
    .option('--base <file>', 'the base of the first round (default: the one that editors begin with)')
    .option('--name <name>', 'what the keeper is called in lineages', name('--name'), 'keeper')
    .option('--seconds <n>', 'how long a round takes updates', integer('--seconds', 1, 2 ** 31), 3600)
    .option('--least <n>', 'updates without which there is no new base', integer('--least', 1, 64), 3)
    .option('--most <n>', 'updates with which a round ends before its time', integer('--most', 1, 64), 32)
    .option('--rounds <n>', 'end after so many rounds', integer('--rounds', 1, 1_000_000))
    .option('--origin <url>', 'a page of another address that may take part')
    .action(async (options) => {
      const { assistRoundsCommand } = await import('./commands/assist-rounds.ts')
      await assistRoundsCommand(options, untilStopped(), terminal)
    })
}

const letter = (text: string): string => {
  if (/^[a-z]$/.test(text)) return text
  throw badInput('option-invalid', '--key', text, 'a letter from a to z', 'Choose another one.')
}
