import { checkDeployment, connect, marketReads } from '@lockstep/contracts'
import { formatAmount } from '@lockstep/market'
import { type ResolvedConfig, readConfig } from '@lockstep/node'
import { unwrap } from '@lockstep/tensor'
import { coins } from '../chain/open-chain.ts'
import { badInput, EXIT } from '../cli-error.ts'
import { accountsIn, unlockKey } from '../network/accounts.ts'
import { homeOf } from '../network/home.ts'
import { CONFIG_REMEDY, USUAL_NODE } from '../network/node-setup.ts'
import { requirePassphraseFile } from '../network/passphrase.ts'
import { freePort } from '../network/ports.ts'
import { nobody } from '../network/reach.ts'
import { bytes, type Terminal } from '../terminal.ts'

export type NodeCheckOptions = {
  readonly home?: string
  readonly name?: string
  readonly passphraseFile?: string
}

/** Checks what a node needs before it is started. Changes nothing; ends at the first thing that is wrong. */
export const nodeCheckCommand = async (
  path: string | undefined,
  options: NodeCheckOptions,
  terminal: Terminal,
): Promise<void> => {
  const { name = USUAL_NODE } = options
  await requirePassphraseFile(options.passphraseFile)
  const file = path ?? homeOf(options.home).node(name).config
  const config = unwrap(
    await readConfig(file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
      throw badInput('config-missing', file, 'missing', 'a config', CONFIG_REMEDY)
    }),
  )
  const { roles, chain, policy } = config
  terminal.say(`config    ${file}: ${config.name}, ${roles.join(', ')}`)
  const keys = await checkKeys(config, options.passphraseFile, terminal)
  const { chainId, addresses } = chain.deployment
  const connection = await connect({ url: chain.rpc, chainId, account: nobody() })
  unwrap(await checkDeployment(connection, chain.deployment))
  terminal.say(`chain     ${chain.rpc}, ${chainId}: the market's contracts are there, and name each other`)
  const read = marketReads(connection.reader, addresses)
  if (keys.account !== undefined) {
    const { stake, locked } = await read.account(keys.account)
    const native = await connection.reader.getBalance({ address: keys.account })
    terminal.say(
      `funds     ${coins(native)}, ${formatAmount(await read.tokens(keys.account))} LOCK, staked ${formatAmount(stake)} LOCK, of which ${formatAmount(locked)} locked`,
    )
    if (native === 0n && addresses.faucet !== undefined)
      terminal.note('The first start asks the faucet for what is missing.')
  }
  await freePort(config.http.host, config.http.port, 'http.port').then(
    () => terminal.say(`http      port ${config.http.port} is free`),
    (error: { code?: string }) => {
      if (error.code !== 'port-in-use') throw error
      terminal.note(`Port ${config.http.port} is in use: by this node, if it runs.`)
    },
  )
  const { caps } = policy
  terminal.say(
    `policy    ${formatAmount(policy.price.floor)} LOCK a unit at least; ${caps.runs} slices at a time, ${bytes(caps.memory)} of memory, ${bytes(caps.disk)} of disk`,
  )
  terminal.say(`Next: lockstep node run ${path === undefined ? `--name ${name}` : `--config ${path}`}`)
  terminal.result({ config: file, node: config.name, roles, chainId, ...keys, exit: EXIT.ok })
}

const checkKeys = async (
  { keys, account }: ResolvedConfig,
  passphraseFile: string | undefined,
  terminal: Terminal,
): Promise<{ key?: `0x${string}`; account?: `0x${string}` }> => {
  const file = passphraseFile ?? keys.passphraseFile
  const look = async (directory: string, name: string, what: string) => {
    const known = (await accountsIn(directory)).find((entry) => entry.name === name)
    if (known === undefined) {
      terminal.say(`${what.padEnd(9)} ${name}: none yet, the first start makes it`)
      return undefined
    }
    const secret = await unlockKey(name, { directory, passphraseFile: file })
    secret.wipe()
    terminal.say(`${what.padEnd(9)} ${name}, ${known.address}: its passphrase opens it`)
    return known.address
  }
  const key = await look(keys.directory, keys.node, 'key')
  const own = account.name === undefined ? undefined : await look(account.directory, account.name, 'account')
  return { ...(key && { key }), ...(own && { account: own }) }
}
