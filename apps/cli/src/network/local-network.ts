import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { decodeNetworkFile, encodeNetworkFile, type NetworkFile } from '@lockstep/client'
import { connect, type Deployment, LOCAL_CHAIN } from '@lockstep/contracts'
import { type Log, type Part, processPart } from '@lockstep/node'
import { writeAtomic } from '@lockstep/node/atomic-file'
import { unwrap } from '@lockstep/tensor'
import type { Address } from 'viem'
import { z } from 'zod'
import { developmentAccount } from '../chain/keys.ts'
import { badInput } from '../cli-error.ts'
import { makeDirectory } from '../run/make-directory.ts'
import { ensureKey } from './accounts.ts'
import type { ChainSettings } from './chain-process.ts'
import type { Home } from './home.ts'
import { multiaddrHost } from './ports.ts'

const port = z.int().min(1).max(65_535)
const settingsSchema = z.strictObject({
  host: z.string(),
  bind: z.string(),
  ports: z.strictObject({ http: port, tcp: port, ws: port, chain: port }),
})
/** What a network was started with: a restart is reached where the first start was. */
export type Settings = z.output<typeof settingsSchema>

export const readSettings = async (home: Home): Promise<Settings | undefined> => {
  const text = await readFile(home.settings, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw Object.assign(error, { path: home.settings })
    return undefined
  })
  if (text === undefined) return undefined
  try {
    return settingsSchema.parse(JSON.parse(text))
  } catch {
    throw badInput(
      'file-damaged',
      home.settings,
      'damaged',
      'what `lockstep up` wrote',
      'Remove it and start again: other ports may be chosen then.',
    )
  }
}

export const writeSettings = (home: Home, settings: Settings): Promise<void> =>
  writeAtomic(home.settings, `${JSON.stringify(settings, null, 2)}\n`)

const RELAY = 'relay'
const STARTS_WITHIN = 180_000
const main = join(import.meta.dirname, '..', 'main.ts')
const chainProcess = join(import.meta.dirname, 'chain-process.ts')
/** Each leaves out what only tells of experiments in Node. */
const NODE_ARGS = ['--disable-warning=ExperimentalWarning']

export type Counts = { readonly providers: number; readonly verifiers: number }

/** The parts of a local network, in the order in which they start. */
export const partsOf = (
  home: Home,
  settings: Settings,
  { providers, verifiers }: Counts,
  log: Log,
): Part[] => {
  const ofRole = (role: string, count: number): Part[] =>
    Array.from({ length: count }, (_, i) => {
      const name = `${role}-${i + 1}`
      return nodePart(home, name, ['--roles', role, '--join', home.network], log)
    })
  return [
    chainPart(home, settings, log),
    relayPart(home, settings, log),
    ...ofRole('provider', providers),
    ...ofRole('verifier', verifiers),
  ]
}

const chainPart = (home: Home, { bind, ports }: Settings, log: Log): Part => {
  const settings: ChainSettings = {
    port: ports.chain,
    hosts: bind === '0.0.0.0' ? [bind] : [...new Set([LOCAL_CHAIN.host, bind])],
    state: home.chain,
    deployment: home.deployment,
  }
  return processPart({
    name: 'chain',
    command: process.execPath,
    args: [...NODE_ARGS, chainProcess, JSON.stringify(settings)],
    line: (text) => log.info({ part: 'chain' }, text),
    startWithin: STARTS_WITHIN,
  })
}

const nodePart = (home: Home, name: string, args: readonly string[], log: Log): Part =>
  processPart({
    name,
    command: process.execPath,
    args: [...NODE_ARGS, main, 'node', 'run', '--home', home.directory, '--name', name, ...args],
    line: (text) => log.info({ part: name }, text),
    startWithin: STARTS_WITHIN,
    stopWithin: 25_000,
  })

/** The relay is the node that others meet first: it has the faucet, and tells who asks how to join. */
const relayPart = (home: Home, settings: Settings, log: Log): Part => ({
  name: RELAY,
  startWithin: STARTS_WITHIN,
  stopWithin: 25_000,
  start: async (stopping) => {
    const { bind, host, ports } = settings
    const deployment = JSON.parse(await readFile(home.deployment, 'utf8')) as Deployment
    const { directory, config } = home.node(RELAY)
    const public_: NetworkFile = { ...deployment, rpc: `http://${host}:${ports.chain}`, bootstrap: [] }
    await makeDirectory(directory)
    await writeAtomic(join(directory, 'network.json'), encodeNetworkFile(public_))
    await writeAtomic(config, `${JSON.stringify(relayConfig(settings, deployment), null, 2)}\n`)
    const keys = join(directory, 'keys')
    const { secret } = await ensureKey('node', { directory: keys })
    await giveCoins(`http://${LOCAL_CHAIN.host}:${ports.chain}`, secret.address)
    secret.wipe()
    const running = await nodePart(home, RELAY, [], log).start(stopping)
    const told = await fetch(`http://${bind === '0.0.0.0' ? LOCAL_CHAIN.host : bind}:${ports.http}/network`)
    await makeDirectory(dirname(home.network))
    const network = unwrap(decodeNetworkFile(new Uint8Array(await told.arrayBuffer())))
    await writeAtomic(home.network, encodeNetworkFile(network))
    return running
  },
})

const relayConfig = ({ host, bind, ports }: Settings, deployment: Deployment): object => {
  const isOut = bind !== LOCAL_CHAIN.host
  const ends = [`tcp/${ports.tcp}`, `tcp/${ports.ws}/ws`]
  return {
    name: RELAY,
    roles: [RELAY],
    chain: { rpc: `http://${LOCAL_CHAIN.host}:${ports.chain}`, deployment, confirmations: 0 },
    network: {
      listen: ends.map((end) => `/ip4/${bind}/${end}`),
      announce: ends.map((end) => `${multiaddrHost(host)}/${end}`),
    },
    faucet: true,
    http: { port: ports.http, open: true, ...(isOut ? { host: bind, names: [host] } : {}) },
  }
}

const ENOUGH = 10n ** 19n
const GIVEN = 10n ** 21n

/** What the relay pays its transactions with comes from the deployer, whose coins a local chain begins with. */
const giveCoins = async (url: string, to: Address): Promise<void> => {
  const account = developmentAccount('deployer')
  const { reader, wallet, mined } = await connect({
    url,
    chainId: LOCAL_CHAIN.id,
    account,
    pollingInterval: 20,
  })
  if ((await reader.getBalance({ address: to })) >= ENOUGH) return
  await mined(await wallet.sendTransaction({ to, value: GIVEN }))
}
