import type { Command } from 'commander'
import { badInput } from './cli-error.ts'
import type { CommandKit } from './market-commands.ts'

/** Assistants on the command line. What the commands need is loaded when one of them is called. */
export const addAssistCommands = ({ terminal, command }: Pick<CommandKit, 'terminal' | 'command'>): void => {
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
}

const letter = (text: string): string => {
  if (/^[a-z]$/.test(text)) return text
  throw badInput('option-invalid', '--key', text, 'a letter from a to z', 'Choose another one.')
}
