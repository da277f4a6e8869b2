import type { NetworkFile } from '@lockstep/client'
import type { MarketChain } from '@lockstep/contracts'
import { formatAmount, parseAmount } from '@lockstep/market'
import {
  headlessPassphrase,
  importSecret,
  MAX_IMPORT_BYTES,
  PASSPHRASE_VARIABLE,
  RecoveryPhrase,
  type Secret,
} from '@lockstep/node'
import { fail, type Result, unwrap } from '@lockstep/tensor'
import type { Address } from 'viem'
import { coins } from '../chain/open-chain.ts'
import { badInput } from '../cli-error.ts'
import {
  accountsMeant,
  addressOf,
  noAccount,
  type StoredKey,
  storeKey,
  unlockKey,
} from '../network/accounts.ts'
import { ask, canAsk } from '../network/ask.ts'
import { type Home, homeOf } from '../network/home.ts'
import { networkFor } from '../network/network-source.ts'
import { requirePassphraseFile } from '../network/passphrase.ts'
import { dripThrough, openMarket } from '../network/reach.ts'
import { readBounded } from '../run/bounded-file.ts'
import type { Terminal } from '../terminal.ts'

type HomeOptions = { readonly home?: string }
type KeyOptions = HomeOptions & { readonly passphraseFile?: string }
type NetworkOptions = HomeOptions & { readonly network?: string }

/** Makes an account. Its recovery phrase is shown this once, and kept nowhere. */
export const accountCreateCommand = async (
  name: string,
  options: KeyOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const phrase = RecoveryPhrase.generate()
  const stored = await keep(name, phrase.secret, home, options)
  const words = phrase.show()
  terminal.say(`account   ${name}, ${stored.entry.address}`)
  terminal.say(`keystore  ${home.accounts}/${name}.json`)
  terminal.say(`recovery phrase, shown this once: whoever has it has the account`)
  terminal.say(`          ${words}`)
  sayPassphrase(stored, terminal)
  terminal.say('Next: lockstep account fund')
  terminal.result({ ...resultOf(name, stored, home), recoveryPhrase: words })
}

export type ImportOptions = KeyOptions & { readonly keystorePassphraseFile?: string }

/** Takes in what a person has of an account: a private key, a recovery phrase, or another wallet's keystore. */
export const accountImportCommand = async (
  file: string,
  name: string,
  options: ImportOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  await requirePassphraseFile(options.passphraseFile)
  const remedy = 'Keep a private key, a recovery phrase or a keystore in it, and nothing else.'
  const content = file === '-' ? await fromStdin() : await readBounded(file, MAX_IMPORT_BYTES, remedy)
  const { keystorePassphraseFile } = options
  const secret = unwrap(
    await importSecret(content, async (): Promise<Result<string>> => {
      if (keystorePassphraseFile !== undefined || !canAsk()) {
        const given = await headlessPassphrase({ file: keystorePassphraseFile, env: { ...process.env } })
        if (given.ok || keystorePassphraseFile !== undefined) return given
        const { code, value } = given.fault
        const limit = `--keystore-passphrase-file, the variable ${PASSPHRASE_VARIABLE}, or a terminal`
        return fail({ code, field: `the passphrase of ${file}`, value, limit, remedy: 'Give one of these.' })
      }
      return { ok: true, value: await ask('Passphrase of the keystore that is imported: ', { hidden: true }) }
    }),
  )
  content.fill(0)
  const stored = await keep(name, secret, home, options)
  terminal.say(`account   ${name}, ${stored.entry.address}`)
  terminal.say(`keystore  ${home.accounts}/${name}.json`)
  sayPassphrase(stored, terminal)
  if (file !== '-') terminal.note(`${file} is as it was: remove it if nobody else is to have the account.`)
  terminal.result(resultOf(name, stored, home))
}

const keep = (name: string, secret: Secret, home: Home, { passphraseFile }: KeyOptions): Promise<StoredKey> =>
  storeKey(name, secret, { directory: home.accounts, passphraseFile, mayAsk: true })

const sayPassphrase = ({ newPassphrase }: StoredKey, terminal: Terminal): void => {
  if (newPassphrase === undefined) return
  terminal.note(
    `The keystore is sealed with a generated passphrase that is kept beside it, in ${newPassphrase} (readable by you only): whoever has both files has the account.`,
  )
}

const resultOf = (name: string, { entry, newPassphrase }: StoredKey, home: Home): object => ({
  account: name,
  address: entry.address,
  keystore: `${home.accounts}/${name}.json`,
  ...(newPassphrase === undefined ? {} : { passphraseFile: newPassphrase }),
})

const fromStdin = async (): Promise<Uint8Array<ArrayBuffer>> => {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer)
    length += (chunk as Buffer).length
    if (length > MAX_IMPORT_BYTES) break // refused below, as no key
  }
  return new Uint8Array(Buffer.concat(chunks))
}

/** Asks the faucet, on a network that has one. */
export const accountFundCommand = async (
  account: string,
  options: NetworkOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  const address = await addressOf(home.accounts, account)
  if (network.addresses.faucet === undefined)
    throw badInput(
      'faucet-missing',
      'the network',
      `chain ${network.chainId}, without a faucet`,
      'a local or test network',
      `Send tokens and coins to ${address} from another account.`,
    )
  const market = await openMarket(network)
  const before = await holdings(market, address)
  unwrap(await dripThrough(network)([address]))
  const after = await holdings(market, address)
  terminal.say(`account   ${account}, ${address}`)
  terminal.say(`tokens    ${lock(before.tokens)} -> ${lock(after.tokens)}`)
  terminal.say(`coins     ${coins(before.coins)} -> ${coins(after.coins)}`)
  if (after.tokens === before.tokens)
    terminal.note('The faucet has given to this account lately: it gives once an hour.')
  terminal.result({
    account,
    address,
    tokens: String(after.tokens),
    coins: String(after.coins),
    given: { tokens: String(after.tokens - before.tokens), coins: String(after.coins - before.coins) },
  })
}

const lock = (units: bigint): string => `${formatAmount(units)} LOCK`

const holdings = async ({ read, connection }: MarketChain, address: Address) => ({
  tokens: await read.tokens(address),
  coins: await connection.reader.getBalance({ address }),
})

/** What accounts have: of one, or of all that are kept here. */
export const accountShowCommand = async (
  account: string | undefined,
  options: NetworkOptions,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const listed = await accountsMeant(home, account)
  if (listed.length === 0) return noAccount(home, terminal)
  const market = await openMarket(await networkFor(home, options.network))
  const results: object[] = []
  for (const { name, address } of listed) {
    const { read } = market
    const { tokens, coins: native } = await holdings(market, address)
    const { credit, stake, locked, unbonding } = await read.account(address)
    const seat = await read.enrolment(address)
    const record = await read.reputation(address)
    const discount = await read.discountOf(address)
    terminal.say(`${name}  ${address}`)
    terminal.say(`  tokens    ${lock(tokens)}, and ${coins(native)}`)
    terminal.say(`  credit    ${lock(credit)} in the vault`)
    terminal.say(
      `  stake     ${lock(stake)}, of which ${lock(locked)} locked${unbonding > 0n ? `; ${lock(unbonding)} unbonding` : ''}${seat.place > 0 ? `; a verifier's seat of ${lock(seat.locked)}` : ''}`,
    )
    terminal.say(
      `  record    ${record.completed} completed, ${record.late} late, ${record.failed} failed, ${record.declined} declined, ${record.slashed} slashed; discount ${Number(discount) / 100}%`,
    )
    results.push({
      account: name,
      address,
      tokens: String(tokens),
      coins: String(native),
      credit: String(credit),
      stake: String(stake),
      locked: String(locked),
      unbonding: String(unbonding),
      seat: String(seat.locked),
      discount: Number(discount),
      record: {
        completed: record.completed,
        late: record.late,
        failed: record.failed,
        declined: record.declined,
        slashed: record.slashed,
      },
    })
  }
  terminal.result({ accounts: results })
}

type MoneyOptions = NetworkOptions & KeyOptions

const openOwn = async (
  name: string,
  options: MoneyOptions,
): Promise<{ readonly market: MarketChain; readonly address: Address; readonly network: NetworkFile }> => {
  const home = homeOf(options.home)
  const network = await networkFor(home, options.network)
  const secret = await unlockKey(name, { directory: home.accounts, passphraseFile: options.passphraseFile })
  return { market: await openMarket(network, secret.account()), address: secret.address, network }
}

/** Credit becomes tokens of the account, or of somebody else. What has unbonded is credit first. */
export const accountWithdrawCommand = async (
  tokens: string,
  name: string,
  options: MoneyOptions & { readonly to?: string },
  terminal: Terminal,
): Promise<void> => {
  const wanted = tokens === 'all' ? undefined : parseAmount(tokens)
  if (tokens !== 'all' && (wanted === undefined || wanted === 0n))
    throw badInput(
      'option-invalid',
      'tokens',
      tokens,
      'a decimal number of tokens above 0, such as 0.25, or all',
      'Write the amount in LOCK.',
    )
  const { to } = options
  if (to !== undefined && !/^0x[0-9a-fA-F]{40}$/.test(to))
    throw badInput('option-invalid', '--to', to, '0x and 40 hexadecimal digits', 'Copy the whole address.')
  const { market, address } = await openOwn(name, options)
  const { calls, read, send } = market
  if ((await read.account(address)).unbonding > 0n) await send(calls.release()) // refused before it is due
  const { credit } = await read.account(address)
  const amount = wanted ?? credit
  if (amount > credit || amount === 0n)
    throw badInput(
      'credit-missing',
      'tokens',
      amount === 0n ? 'nothing' : lock(amount),
      `at most the credit of ${name}, ${lock(credit)}`,
      'Stake has to unbond first: `lockstep account unstake`.',
    )
  unwrap(await send(calls.withdraw((to ?? address) as Address, amount)))
  terminal.say(`${lock(amount)} withdrawn from the credit of ${name} to ${to ?? address}`)
  terminal.result({
    account: name,
    withdrawn: String(amount),
    to: to ?? address,
    credit: String(credit - amount),
  })
}

/** Free stake begins to unbond; when that time is over, `withdraw` takes it out. */
export const accountUnstakeCommand = async (
  amount: bigint,
  name: string,
  options: MoneyOptions,
  terminal: Terminal,
): Promise<void> => {
  if (amount === 0n)
    throw badInput('option-invalid', 'tokens', '0', 'more than nothing', 'Write the amount in LOCK.')
  const { market, address } = await openOwn(name, options)
  const { calls, read, send } = market
  const free = await read.freeStake(address)
  if (amount > free)
    throw badInput(
      'stake-locked',
      'tokens',
      lock(amount),
      `at most the free stake of ${name}, ${lock(free)}`,
      'What is locked is free again when its slices have settled.',
    )
  unwrap(await send(calls.unstake(amount)))
  terminal.say(
    `${lock(amount)} of ${name} unbonding; \`lockstep account withdraw\` takes it out when it has.`,
  )
  terminal.result({ account: name, unbonding: String(amount) })
}
