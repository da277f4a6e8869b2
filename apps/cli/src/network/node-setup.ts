import { dirname, join } from 'node:path'
import {
  decodeNetworkFile,
  encodeNetworkFile,
  MAX_NETWORK_FILE_BYTES,
  type NetworkFile,
} from '@lockstep/client'
import { LOCAL_CHAIN } from '@lockstep/contracts'
import {
  configTemplate,
  defaultConfig,
  type ExecutorChoice,
  type NodeConfig,
  type ResolvedConfig,
  type Role,
  readConfig,
  writeKeyFile,
} from '@lockstep/node'
import { unwrap } from '@lockstep/tensor'
import { badInput } from '../cli-error.ts'
import { readBounded } from '../run/bounded-file.ts'
import { makeDirectory } from '../run/make-directory.ts'
import type { Terminal } from '../terminal.ts'
import type { Home } from './home.ts'
import { networkFor } from './network-source.ts'
import { freePorts, isLoopback, multiaddrHost, type Reach, reachOf } from './ports.ts'

/** What a command line says of a node; what it leaves out is the config's. */
export type NodeWishes = {
  readonly config?: string
  readonly join?: string
  readonly name?: string
  readonly account?: string
  readonly roles?: readonly Role[]
  readonly stake?: bigint
  readonly seat?: bigint
  readonly port?: number
  readonly listen?: string
  readonly faucet?: boolean
  /** What its runs and audits are computed on. */
  readonly executor?: ExecutorChoice
}

export type NodeSetup = {
  readonly file: string
  readonly config: ResolvedConfig
  readonly network: NetworkFile
  readonly log: string
}

export const USUAL_NODE = 'node'
export const CONFIG_REMEDY = 'Write one with `lockstep node init`.'
const networkFileIn = (directory: string): string => join(directory, 'network.json')

/**
 * A node's config and network: read where they are, written at the first start. `check` looks at a network that is new
 * to the node: if it throws, nothing of that network is kept.
 */
export const setUpNode = async (
  home: Home,
  wishes: NodeWishes,
  terminal: Terminal,
  check: (network: NetworkFile) => Promise<void> = async () => {},
): Promise<NodeSetup> => {
  const { name = USUAL_NODE } = wishes
  const file = wishes.config ?? home.node(name).config
  const known = await readConfig(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    if (wishes.config !== undefined)
      throw badInput('config-missing', '--config', `${file}, which is missing`, 'a config', CONFIG_REMEDY)
    return undefined
  })
  if (known === undefined) {
    const network = await networkFor(home, wishes.join, '--join')
    await check(network)
    const config = await newConfig(home, name, network, wishes)
    await makeDirectory(dirname(file))
    await keepNetwork(home, dirname(file), network)
    await writeKeyFile(file, configTemplate(config))
    terminal.note(`wrote ${file}`)
    const written = unwrap(await readConfig(file))
    return { file, config: withNetwork(written, network), network, log: home.log(name) }
  }
  const config = unwrap(known)
  requireSame(file, config, wishes)
  const network = await networkOf(home, config, wishes.join, terminal)
  const log = wishes.config === undefined ? home.log(name) : join(config.directory, `${config.name}.log`)
  return { file, config: withNetwork(config, network), network, log }
}

/** Remembered beside the node, and for the other commands where they know of no network yet. */
const keepNetwork = async (home: Home, directory: string, network: NetworkFile): Promise<void> => {
  const text = encodeNetworkFile(network)
  await writeKeyFile(networkFileIn(directory), text, { replace: true })
  await writeKeyFile(home.network, text)
}

/** The network that a node belongs to, as it is reached now; where nobody tells, as it was reached last. */
const networkOf = async (
  home: Home,
  config: ResolvedConfig,
  join: string | undefined,
  terminal: Terminal,
): Promise<NetworkFile> => {
  const kept = await readKept(networkFileIn(config.directory))
  const { deployment, rpc } = config.chain
  const known: NetworkFile = kept ?? { ...deployment, rpc, bootstrap: config.network.bootstrap }
  if (join === undefined) return known
  const told = await networkFor(home, join, '--join').catch((error: Error) => {
    terminal.note(`${error.message} The node goes on with the network as it was.`)
    return undefined
  })
  if (told === undefined) return known
  if (
    told.chainId !== deployment.chainId ||
    told.addresses.market.toLowerCase() !== deployment.addresses.market
  )
    throw badInput(
      'network-differs',
      '--join',
      `market ${told.addresses.market} on chain ${told.chainId}`,
      `market ${deployment.addresses.market} on chain ${deployment.chainId}, to which this node belongs`,
      'Give the node of another network another --name.',
    )
  await keepNetwork(home, config.directory, told)
  return told
}

const readKept = async (path: string): Promise<NetworkFile | undefined> => {
  const bytes = await readBounded(path, MAX_NETWORK_FILE_BYTES, 'Remove it.').catch(() => undefined)
  const found = bytes && decodeNetworkFile(bytes, path)
  return found?.ok ? found.value : undefined
}

/**
 * A config whose chain and first peers are where they are now. A node beside its chain goes on asking it here, whatever
 * others reach it by.
 */
const withNetwork = (config: ResolvedConfig, network: NetworkFile): ResolvedConfig => {
  const beside = isLoopback(new URL(config.chain.rpc).hostname) && !isLocal(network)
  return {
    ...config,
    chain: { ...config.chain, rpc: beside ? config.chain.rpc : network.rpc },
    network: {
      ...config.network,
      bootstrap: [...new Set([...network.bootstrap, ...config.network.bootstrap])].slice(0, 64),
    },
  }
}

/** The same command again must do the same: what it says otherwise than the config is not silently left out. */
const requireSame = (file: string, config: ResolvedConfig, wishes: NodeWishes): void => {
  const same = (field: string, wanted: unknown, has: unknown): void => {
    if (wanted === undefined || String(wanted) === String(has)) return
    throw badInput(
      'config-differs',
      field,
      wanted,
      `${String(has)}, as in ${file}`,
      'Change the config, or give another --name for another node.',
    )
  }
  same('--roles', wishes.roles && [...wishes.roles].sort(), [...config.roles].sort())
  same('--account', wishes.account, config.account.name)
  same('--stake', wishes.stake, config.account.stake)
  same('--seat', wishes.seat, config.account.seat)
  same('--executor', wishes.executor, executorIn(config))
  if (wishes.port !== 0) same('--port', wishes.port, config.http.port)
}

/** What a config says of the executor, in the words of the command line. */
const executorIn = ({ executor = 'auto' }: ResolvedConfig): string =>
  typeof executor === 'string' ? executor : `the module ${executor.module}`

const newConfig = async (
  home: Home,
  name: string,
  network: NetworkFile,
  wishes: NodeWishes,
): Promise<NodeConfig> => {
  const usual = defaultConfig()
  const { chainId, fromBlock, rpc, addresses } = network
  const reach: Reach = reachOf(wishes.listen ?? (isLocal(network) ? undefined : '0.0.0.0'))
  const [http, tcp, ws] = (await freePorts(reach.bind, wishes.port ?? 0, 3, '--port')) as [
    number,
    number,
    number,
  ]
  const bind = `/ip4/${reach.bind}`
  const isOut = wishes.listen !== undefined && !isLoopback(reach.host)
  return {
    ...usual,
    name,
    roles: [...(wishes.roles ?? usual.roles)],
    chain: {
      rpc,
      deployment: { chainId, fromBlock, addresses },
      // On a chain of one's own no block is ever taken back.
      confirmations: chainId === LOCAL_CHAIN.id ? 0 : usual.chain.confirmations,
    },
    account: {
      directory: home.accounts,
      ...(wishes.roles?.every((role) => role === 'relay') === true ? {} : { name: wishes.account ?? name }),
      stake: wishes.stake ?? usual.account.stake,
      seat: wishes.seat ?? usual.account.seat,
    },
    network: {
      listen: [`${bind}/tcp/${tcp}`, `${bind}/tcp/${ws}/ws`],
      announce: isOut
        ? [`${multiaddrHost(reach.host)}/tcp/${tcp}`, `${multiaddrHost(reach.host)}/tcp/${ws}/ws`]
        : [],
      bootstrap: [], // the network file beside it has them
      mdns: false,
    },
    http: {
      ...usual.http,
      port: http,
      ...(isOut ? { host: reach.bind, names: [reach.host], open: true } : {}),
    },
    faucet: wishes.faucet ?? false,
    ...(wishes.executor !== undefined && { executor: wishes.executor }),
  }
}

/** Whether all of a network is on this machine. */
const isLocal = ({ rpc }: NetworkFile): boolean => isLoopback(new URL(rpc).hostname)
