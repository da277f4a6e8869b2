import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type KeyEntry, type Keyring, openKeyring, PASSPHRASE_VARIABLE, Secret } from '@lockstep/node'
import { type Result, unwrap } from '@lockstep/tensor'
import type { Address } from 'viem'
import { badInput } from '../cli-error.ts'
import type { Terminal } from '../terminal.ts'
import { ask, canAsk } from './ask.ts'
import { type Home, name } from './home.ts'
import { passphraseFileIn, passphrases, sealing } from './passphrase.ts'

/** The account of who names none. */
export const USUAL_ACCOUNT = 'main'

export type KeyOptions = {
  /** A directory of keystores. */
  readonly directory: string
  readonly passphraseFile?: string | undefined
  readonly mayAsk?: boolean
}

/** Where a command acts, and for which account of that home. */
export type ActingOptions = {
  readonly home?: string
  readonly network?: string
  readonly account: string
  readonly passphraseFile?: string
}

export type StoredKey = {
  readonly entry: KeyEntry
  /** Where its passphrase was generated to, if that was just now. */
  readonly newPassphrase: string | undefined
}

/** Seals a secret under a new name. */
export const storeKey = async (name: string, secret: Secret, options: KeyOptions): Promise<StoredKey> => {
  const { directory, passphraseFile, mayAsk = false } = options
  const names = unwrap(await (await openKeyring(directory)).list())
  if (names.some((known) => known.name === name && known.place === 'current'))
    throw badInput(
      'key-exists',
      'account',
      name,
      `a name that is free in ${directory}`,
      'Choose another name; a key is never overwritten.',
    )
  const { passphrase, cost, file, isNew } = await sealing({ directory, file: passphraseFile, mayAsk })
  const keyring = await openKeyring(directory, cost)
  const entry = unwrap(await keyring.add(name, secret, passphrase))
  return { entry, newPassphrase: isNew ? file : undefined }
}

/** A key by its name, unsealed with whatever passphrase opens it. */
export const unlockKey = async (name: string, options: KeyOptions): Promise<Secret> => {
  const { directory, passphraseFile, mayAsk = true } = options
  const keyring = await openKeyring(directory)
  await requireKey(keyring, name)
  let last: Result<Secret> | undefined
  for (const { passphrase } of await passphrases({ directory, file: passphraseFile })) {
    last = await keyring.unlock(name, passphrase)
    if (last.ok) return last.value
    if (last.fault.code !== 'passphrase-wrong') return unwrap(last)
  }
  if (mayAsk && canAsk())
    return unwrap(await keyring.unlock(name, await ask(`Passphrase of ${name}: `, { hidden: true })))
  if (last) return unwrap(last)
  throw badInput(
    'passphrase-missing',
    `the passphrase of ${name}`,
    'missing',
    `--passphrase-file, the variable ${PASSPHRASE_VARIABLE}, or ${passphraseFileIn(directory)}`,
    'Give one of these.',
  )
}

const requireKey = async (keyring: Keyring, name: string): Promise<KeyEntry> => {
  const entries = unwrap(await keyring.list()).filter(({ place }) => place === 'current')
  const found = entries.find((entry) => entry.name === name)
  if (found) return found
  throw badInput(
    'account-unknown',
    'account',
    name,
    entries.length === 0
      ? 'an account that is kept here: there is none yet'
      : entries.map((e) => e.name).join(', '),
    name === USUAL_ACCOUNT
      ? 'Make one with `lockstep account create`, or import one.'
      : `Make it with \`lockstep account create ${name}\`, or name another.`,
  )
}

/** The key of the account that a command acts for. */
export const actingKey = (home: Home, { account, passphraseFile }: ActingOptions): Promise<Secret> =>
  unlockKey(account, { directory: home.accounts, passphraseFile })

/** The key of a name, made where there is none. */
export const ensureKey = async (
  name: string,
  options: KeyOptions,
): Promise<{ readonly secret: Secret; readonly made: StoredKey | undefined }> => {
  const entries = unwrap(await (await openKeyring(options.directory)).list())
  if (entries.some((entry) => entry.name === name && entry.place === 'current'))
    return { secret: await unlockKey(name, options), made: undefined }
  const secret = Secret.generate()
  const made = await storeKey(name, secret, options)
  return { secret, made }
}

/** All accounts that are kept here, by their names. */
export const accountsIn = async (directory: string): Promise<KeyEntry[]> =>
  unwrap(await (await openKeyring(directory)).list()).filter(({ place }) => place === 'current')

/** The account that is named, or all of this home. */
export const accountsMeant = async (
  home: Home,
  account: string | undefined,
): Promise<readonly { readonly name: string; readonly address: Address }[]> =>
  account === undefined
    ? (await accountsIn(home.accounts)).map(({ name, address }) => ({ name, address }))
    : [{ name: account, address: await addressOf(home.accounts, account) }]

/** What a command about all accounts says where there is none. */
export const noAccount = (home: Home, terminal: Terminal): void => {
  terminal.say(`No account is kept in ${home.accounts}. Make one with \`lockstep account create\`.`)
  terminal.result({ accounts: [] })
}

/** An address, or the one of a name. */
export const addressOf = async (directory: string, text: string): Promise<Address> => {
  if (/^0x[0-9a-fA-F]{40}$/.test(text)) return text.toLowerCase() as Address
  if (text.startsWith('0x'))
    throw badInput(
      'option-invalid',
      'account',
      text,
      '0x and 40 hexadecimal digits',
      'Copy the whole address.',
    )
  const { address } = await requireKey(await openKeyring(directory), name('account')(text))
  return address.toLowerCase() as Address
}

/** What an address is called here, an account's or a node key's; the address itself where it is nobody's of this home. */
export const namesIn = async (home: Home): Promise<(address: string) => string> => {
  const names = new Map<string, string>()
  for (const node of await readdir(home.nodes).catch(() => []))
    for (const { address } of await accountsIn(join(home.node(node).directory, 'keys')).catch(() => []))
      names.set(address.toLowerCase(), node)
  for (const { name, address } of await accountsIn(home.accounts)) names.set(address.toLowerCase(), name)
  return (address) => names.get(address.toLowerCase()) ?? address
}
