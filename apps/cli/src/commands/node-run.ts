import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { NetworkFile } from '@lockstep/client'
import { connect, marketReads, SCOPES, type Scope } from '@lockstep/contracts'
import { formatAmount } from '@lockstep/market'
import {
  createLog,
  createMetrics,
  type HttpServer,
  type LockstepNode,
  type Log,
  nodeViews,
  PASSPHRASE_VARIABLE,
  type PrepareStep,
  prepareAccount,
  type ResolvedConfig,
  readToken,
  type Secret,
  sayReady,
  serveHttp,
  startNode,
  takeLock,
  tieToChain,
} from '@lockstep/node'
import { unwrap } from '@lockstep/tensor'
import type { Address } from 'viem'
import packageFile from '../../package.json' with { type: 'json' }
import { badInput } from '../cli-error.ts'
import { ensureKey, type StoredKey } from '../network/accounts.ts'
import { homeOf } from '../network/home.ts'
import { type NodeSetup, type NodeWishes, setUpNode } from '../network/node-setup.ts'
import { requirePassphraseFile } from '../network/passphrase.ts'
import { reachOf } from '../network/ports.ts'
import { dripThrough, nobody, requireChain } from '../network/reach.ts'
import { makeDirectory } from '../run/make-directory.ts'
import type { Terminal } from '../terminal.ts'

export type NodeRunOptions = NodeWishes & {
  readonly home?: string
  readonly passphraseFile?: string
  /** An executor of one's own for runs: a module, and what it is given. */
  readonly executorModule?: string
  readonly executorOptions?: { readonly [name: string]: unknown }
}

/** Within this a node that was asked to stop has stopped, or is ended. */
const STOP_MS = 20_000

/**
 * Runs a node until it is told to stop. At the first start everything that is missing is made: config, keys, funds,
 * stake, delegation, seat. Each is looked for first, so that a start goes on where an earlier one ended.
 */
export const nodeRunCommand = async (
  options: NodeRunOptions,
  stopped: Promise<void>,
  terminal: Terminal,
): Promise<void> => {
  const home = homeOf(options.home)
  const own = await ownExecutor(options)
  await requirePassphraseFile(options.passphraseFile)
  if (options.listen !== undefined) reachOf(options.listen)
  const setup = await setUpNode(home, options, terminal, requireChain)
  const { config, network } = setup
  const lock = unwrap(await takeLock(join(config.directory, 'node.lock')))
  // What a supervisor has started is watched in its file alone.
  const isPart = process.send !== undefined
  await makeDirectory(join(setup.log, '..'))
  const log = createLog({
    ...config.log,
    terminal: isPart ? undefined : process.stderr,
    file: { path: setup.log, size: config.log.size, files: config.log.files },
    fields: { name: config.name },
  })
  const closers: (() => unknown)[] = [() => lock.release(), () => log.close()]
  try {
    const keys = await openKeys(options, config, terminal)
    const account = await workable(keys, config, network, log)
    const node = unwrap(
      await startNode({
        config,
        directory: config.directory,
        deployment: config.chain.deployment,
        account,
        key: keys.key,
        log,
        ...executorOf(own, config),
      }),
    )
    closers.push(() => node.stop())
    const http = await serveViews(node, config, network, log)
    closers.push(() => http.stop())
    show(terminal, { setup, node, http })
    if (isPart) sayReady()
    await stopped
    terminal.note('stopping')
  } finally {
    // Its files are whole whenever it ends: what hangs is left behind.
    const late = setTimeout(() => process.exit(), STOP_MS)
    for (const close of closers.reverse()) await close()
    clearTimeout(late)
  }
}

type NodeKeys = {
  readonly key: Secret
  /** The account's own key, where this machine has it. */
  readonly account: Secret | undefined
}

const openKeys = async (
  { passphraseFile }: NodeRunOptions,
  config: ResolvedConfig,
  terminal: Terminal,
): Promise<NodeKeys> => {
  const file = passphraseFile ?? config.keys.passphraseFile
  const tell = (what: string, made: StoredKey | undefined): void => {
    if (made === undefined) return
    terminal.note(`made ${what} ${made.entry.address}`)
    if (made.newPassphrase !== undefined)
      terminal.note(
        `Its keystore is sealed with a generated passphrase that is kept beside it, in ${made.newPassphrase} (readable by you only). Whoever has both has the key: keep a copy of both. ${PASSPHRASE_VARIABLE} gives one of your own.`,
      )
  }
  const node = await ensureKey(config.keys.node, {
    directory: config.keys.directory,
    passphraseFile: file,
    mayAsk: true,
  })
  tell('node key', node.made)
  const { name, directory } = config.account
  if (name === undefined) return { key: node.secret, account: undefined }
  const account = await ensureKey(name, { directory, passphraseFile: file, mayAsk: true })
  tell(`account ${name}`, account.made)
  // Runs are processes of their own, and inherit what is left here.
  delete process.env[PASSPHRASE_VARIABLE]
  return { key: node.secret, account: account.secret }
}

const SAYS: { readonly [step in PrepareStep['step']]: string } = {
  funded: 'funded by the faucet',
  deposited: 'deposited',
  staked: 'staked',
  delegated: 'acts for the account, by a delegation',
  enrolled: "has a verifier's seat of",
}

/** The account that the node works for, with all that it needs on the chain. */
const workable = async (
  { key, account }: NodeKeys,
  config: ResolvedConfig,
  network: NetworkFile,
  log: Log,
): Promise<Address> => {
  const { roles, chain, account: wanted } = config
  const { chainId } = chain.deployment
  await tieToChain(config.store, await connect({ url: chain.rpc, chainId, account: nobody() }))
  const scopes: Scope[] = []
  if (roles.includes('provider')) scopes.push('provide')
  if (roles.includes('verifier')) scopes.push('verify')
  if (account === undefined) {
    if (scopes.length === 0) return key.address
    return delegatedBy(key, chain, scopes)
  }
  const { addresses } = chain.deployment
  unwrap(
    await prepareAccount({
      rpc: chain.rpc,
      deployment: chain.deployment,
      account,
      key,
      scopes,
      stake: roles.includes('provider') ? wanted.stake : 0n,
      seat: roles.includes('verifier') ? wanted.seat : 0n,
      ...(addresses.faucet === undefined ? {} : { drip: dripThrough(network) }),
      tell: ({ step, amount, who }) => {
        log.info(`${who} ${SAYS[step]}${amount === undefined ? '' : ` ${formatAmount(amount)} LOCK`}`)
      },
    }),
  )
  return account.address
}

/** Where the account's key is elsewhere, the chain says for whom this key acts. */
const delegatedBy = async (
  key: Secret,
  { rpc, deployment }: ResolvedConfig['chain'],
  scopes: readonly Scope[],
): Promise<Address> => {
  const { chainId, addresses } = deployment
  const { reader } = await connect({ url: rpc, chainId, account: nobody() })
  const bits = scopes.reduce((sum, scope) => sum | SCOPES[scope], 0)
  const account = await marketReads(reader, addresses).accountOf(key.address, bits)
  if (BigInt(account) !== 0n && account.toLowerCase() !== key.address.toLowerCase()) return account
  throw badInput(
    'delegation-missing',
    `node key ${key.address}`,
    'delegated by no account',
    `a delegation with the scopes ${scopes.join(', ')}`,
    'Name the account in account.name of the config, or let it delegate to this key.',
  )
}

/** The module of the command line, seen from the working directory as every path there. */
const ownExecutor = async ({ executorModule, executorOptions }: NodeRunOptions): Promise<NodeRunOptions> => {
  if (executorModule === undefined) return {}
  const module = resolve(executorModule)
  const found = await stat(module).catch(() => undefined)
  if (!found?.isFile())
    throw badInput(
      'executor-missing',
      '--executor-module',
      `${module}, ${found === undefined ? 'which is missing' : 'which is no file'}`,
      'a module that exports createExecutor',
      'Name the file, seen from the working directory.',
    )
  return { executorModule: module, ...(executorOptions && { executorOptions }) }
}

const executorOf = (
  { executorModule, executorOptions }: NodeRunOptions,
  { executor: chosen }: ResolvedConfig,
) => {
  const executor = typeof chosen === 'string' ? undefined : chosen
  const module = executorModule ?? executor?.module
  if (module === undefined) return {}
  const options = executorOptions ?? executor?.options
  return { executor: { module, ...(options === undefined ? {} : { options: options as never }) } }
}

const serveViews = async (
  node: LockstepNode,
  config: ResolvedConfig,
  network: NetworkFile,
  log: Log,
): Promise<HttpServer> => {
  const { version } = packageFile
  const metrics = createMetrics(config.name)
  const now = (): number => Date.now() / 1000
  const token = unwrap(await readToken(config.http.tokenFile))
  log.conceal(token)
  const views = nodeViews({ node, config, network, version, metrics, now })
  try {
    return await serveHttp({ ...config.http, token, version, views, metrics, log })
  } catch (error) {
    throw Object.assign(error as Error, { path: `port ${config.http.port}` })
  }
}

const show = (
  terminal: Terminal,
  { setup, node, http }: { setup: NodeSetup; node: LockstepNode; http: HttpServer },
): void => {
  const { config, file, log } = setup
  const { account, key } = node.parts.self
  terminal.say(`node      ${config.name}: ${config.roles.join(', ')}`)
  terminal.say(
    `account   ${account}${config.account.name === undefined ? '' : `, ${config.account.name} here`}`,
  )
  terminal.say(`key       ${key}`)
  terminal.say(`peer      ${node.peer.id}`)
  for (const address of node.peer.addresses()) terminal.say(`          ${address}`)
  terminal.say(`http      ${http.url}`)
  terminal.say(`config    ${file}`)
  terminal.say(`log       ${log}`)
  terminal.say('Stop it with Ctrl-C; the same command goes on.')
  terminal.result({
    node: config.name,
    roles: config.roles,
    account,
    key,
    peer: node.peer.id,
    addresses: node.peer.addresses(),
    http: http.url,
    config: file,
    log,
    pid: process.pid,
  })
}
