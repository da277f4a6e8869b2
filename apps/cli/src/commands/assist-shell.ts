import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { commandsOf } from '@lockstep/assist/shell'
import { badInput } from '../cli-error.ts'
import { homeOf } from '../network/home.ts'
import { bashScript } from '../shell/bash.ts'
import { openShellStore } from '../shell/store.ts'
import type { Terminal } from '../terminal.ts'

type InHome = { readonly home?: string }

const directoryOf = ({ home }: InHome): string => join(homeOf(home).directory, 'assist', 'shell')
const MOST_HISTORY = 2 ** 22

/** Prints what bash has to read. */
export const installShell = (options: InHome & { readonly key: string }, terminal: Terminal): void => {
  const main = join(import.meta.dirname, '..', 'shell', 'serve-main.ts')
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', main, directoryOf(options)]
  const script = bashScript(node, options.key)
  terminal.say(script)
  terminal.result({ script, directory: directoryOf(options) })
}

/** What is kept, one episode a line, or the commands of one. */
export const listShell = (options: InHome & { readonly episode?: string }, terminal: Terminal): void => {
  const all = openShellStore(directoryOf(options)).episodes()
  if (options.episode === undefined) {
    const list = all.map(({ name, episode }) => ({
      episode: nameOf(name),
      commands: commandsOf(episode).length,
    }))
    for (const { episode, commands } of list) terminal.say(`${episode}  ${commands} commands`)
    if (list.length === 0) terminal.say('Nothing is kept.')
    terminal.result({ directory: directoryOf(options), episodes: list })
    return
  }
  const found = all.find(({ name }) => nameOf(name) === options.episode)
  if (!found)
    throw badInput(
      'episode-unknown',
      '--episode',
      options.episode,
      'one that is listed',
      'List them without --episode.',
    )
  const commands = commandsOf(found.episode)
  for (const command of commands) terminal.say(command)
  terminal.result({ episode: options.episode, commands })
}

/** Forgets commands that hold a text, an episode, or everything. Shells that run see it at their next key. */
export const forgetShell = (
  text: string | undefined,
  options: InHome & { readonly episode?: string; readonly all?: true },
  terminal: Terminal,
): void => {
  const { episode, all } = options
  if ([text, episode, all].filter((one) => one !== undefined).length !== 1)
    throw badInput(
      'usage',
      'what to forget',
      text ?? 'nothing, or several',
      'TEXT, --episode ID or --all',
      'Say one of them.',
    )
  if (text === '')
    throw badInput('usage', 'text', text, 'at least one character', 'To forget everything: --all.')
  const count = openShellStore(directoryOf(options)).forget((command, name) =>
    text !== undefined ? command.includes(text) : episode === undefined || nameOf(name) === episode,
  )
  terminal.say(`Forgot ${count} commands.`)
  terminal.result({ forgotten: count })
}

/** Takes in a history file, such as ~/.bash_history: what was run before there was an assistant. */
export const learnShell = (file: string, options: InHome, now: () => number, terminal: Terminal): void => {
  const found = statSync(file, { throwIfNoEntry: false })
  if (!found?.isFile() || found.size > MOST_HISTORY)
    throw badInput(
      'history-invalid',
      file,
      found ? `${found.size} bytes` : 'missing',
      `a file of at most ${MOST_HISTORY} bytes`,
      'Name a history file.',
    )
  const store = openShellStore(directoryOf(options))
  // Lines that say when a command was run begin with a mark and digits alone.
  const commands = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '' && !/^#\d+$/.test(line))
    .slice(-4096)
  const session = `history${now().toString(36)}`.slice(0, 16)
  store.learn(session, commands, now())
  terminal.say(`Read ${commands.length} commands. Secrets were left out.`)
  terminal.result({ commands: commands.length })
}

const nameOf = (file: string): string => file.replace(/\.json$/, '')
