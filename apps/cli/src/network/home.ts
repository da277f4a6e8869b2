import { statSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { badInput } from '../cli-error.ts'

/** Where a person's networks, accounts and nodes are kept. */
export type Home = {
  readonly directory: string
  /** The network that commands mean where they are not told of another. */
  readonly network: string
  readonly accounts: string
  readonly nodes: string
  readonly logs: string
  /** Of a network that was started here: its chain, what it was started with, and who holds it. */
  readonly chain: string
  readonly deployment: string
  readonly settings: string
  readonly lock: string
  /** How fast this machine is, for estimates. */
  readonly capability: string
  readonly node: (name: string) => { readonly directory: string; readonly config: string }
  readonly log: (name: string) => string
}

export const HOME_VARIABLE = 'LOCKSTEP_HOME'

/** `--home`, or the variable LOCKSTEP_HOME, or ~/.lockstep. */
export const homeOf = (given?: string, env: NodeJS.ProcessEnv = process.env): Home => {
  const directory = resolve(given ?? (env[HOME_VARIABLE] || join(homedir(), '.lockstep')))
  const isOther = statSync(directory, { throwIfNoEntry: false })?.isDirectory() === false
  if (isOther)
    throw badInput(
      'home-invalid',
      given === undefined ? HOME_VARIABLE : '--home',
      directory,
      'a directory, or a name for a new one',
      'Name another place.',
    )
  const inside = (...names: string[]): string => join(directory, ...names)
  return {
    directory,
    network: inside('network.json'),
    accounts: inside('accounts'),
    nodes: inside('nodes'),
    logs: inside('logs'),
    chain: inside('chain'),
    deployment: inside('deployment.json'),
    settings: inside('up.json'),
    lock: inside('up.lock'),
    capability: inside('capability.json'),
    node: (name) => ({ directory: inside('nodes', name), config: inside('nodes', name, 'node.yaml') }),
    log: (name) => inside('logs', `${name}.log`),
  }
}

/** Names of accounts and nodes: a directory's name everywhere, and a keystore's. */
const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/

export const name =
  (field: string) =>
  (text: string): string => {
    if (NAME.test(text)) return text
    throw badInput(
      'option-invalid',
      field,
      text,
      'lower-case letters, digits and dashes; at most 32',
      'Choose another name.',
    )
  }
