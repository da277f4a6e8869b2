import { type ChildProcess, fork } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { NetworkFile } from '@lockstep/client'
import {
  type Call,
  type Connection,
  callsOf,
  connect,
  deployMarket,
  LOCAL_CHAIN,
  LOCAL_RULES,
  MARKET_ABIS,
  MARKET_ERRORS,
  type MarketCalls,
  marketCalls,
  marketReads,
  sendCall,
  startLocalChain,
} from '@lockstep/contracts'
import { Secret } from '@lockstep/node'
import { ok, unwrap } from '@lockstep/tensor'
import type { Address } from 'viem'
import { prepareAccount } from '../../packages/node/src/daemon/prepare-account.ts'
import type { NodeOrder, NodeUsage } from './node.ts'
import { processorTime } from './processor-time.ts'

/** The first account of every local chain: its key is public, and worth nothing anywhere else. */
const DEPLOYER = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const TOKEN = 10n ** 18n
/** Nobody is to run dry of what a longer life would earn: stake for all claims whose windows run, and bonds. */
const [STAKE, SEAT, COINS] = [200_000n * TOKEN, 1_000n * TOKEN, 10_000n * 10n ** 18n]

/** A claim that is made before anybody can be drawn is not audited. */
const WEIGHT_MS = 180_000

/** A draw whose halves are some blocks long: who misses one in which it should reveal loses stake. */
const RULES = {
  ...LOCAL_RULES,
  draw: { ...LOCAL_RULES.draw, period: 16 },
  verifiers: { ...LOCAL_RULES.verifiers, delay: 48 },
}

export type Member = {
  readonly name: string
  readonly role: string
  readonly key: Secret
  readonly ask: <T>(order: unknown) => Promise<T>
}

/** A chain with a block a second, a market, and nodes in processes of their own. */
export type Street = {
  readonly directory: string
  readonly connection: Connection
  readonly network: () => NetworkFile
  readonly members: readonly Member[]
  readonly requester: Secret
  readonly chainUsage: () => number
  readonly usage: () => Promise<ReadonlyMap<string, NodeUsage>>
  readonly close: () => Promise<void>
}

export type StreetOptions = {
  readonly providers: number
  readonly verifiers: number
  /** Runs that a provider has beside each other. */
  readonly runs: number
  readonly blockTime: number
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly tell: (line: string) => void
}

export const openStreet = async (options: StreetOptions): Promise<Street> => {
  const { tell, level, runs } = options
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-bench-jobs-'))
  const chain = await startLocalChain()
  const children: ChildProcess[] = []
  const members: Member[] = []
  const close = async (): Promise<void> => {
    const alive = children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null)
    const ended = Promise.all(alive.map((child) => new Promise((resolve) => child.once('close', resolve))))
    const impatience = setTimeout(() => {
      for (const child of alive) child.kill('SIGKILL')
    }, 10_000)
    await Promise.all(members.map(({ ask }) => ask('stop').catch(() => undefined)))
    await ended
    clearTimeout(impatience)
    await chain.stop()
    await rm(directory, { recursive: true, force: true })
  }
  try {
    const account = { privateKey: DEPLOYER } as const
    const connection = await connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account })
    const deployment = await deployMarket(connection, RULES)
    const { addresses } = deployment
    const calls: MarketCalls = marketCalls(addresses)
    const tokenCall = callsOf('token', addresses.token, MARKET_ABIS.token)
    const send = async (call: Call) => unwrap(await sendCall(connection, call, MARKET_ERRORS))
    /** More than an account of the chain has at its start: the chain is ours, and makes what is needed. */
    const coins = async (to: readonly Address[]) => {
      const params = (address: Address) => [address, `0x${COINS.toString(16)}`]
      for (const address of to)
        await connection.reader.request({ method: 'anvil_setBalance', params: params(address) } as never)
      return ok(undefined)
    }
    await send(tokenCall('approve', [addresses.vault, 2n ** 255n]))
    const credit = (to: Secret, amount: bigint) => send(calls.deposit(to.address, amount))

    const requester = Secret.generate()
    await coins([requester.address])
    await credit(requester, 10_000_000n * TOKEN)

    const bootstrap: string[] = []
    const add = async (name: string, role: string): Promise<void> => {
      const [owner, key] = [Secret.generate(), Secret.generate()]
      const [stake, seat] = [role === 'provider' ? STAKE : 0n, role === 'verifier' ? SEAT : 0n]
      await credit(owner, stake + seat + TOKEN)
      unwrap(
        await prepareAccount({
          ...{ rpc: chain.url, deployment, account: owner, key, stake, seat },
          scopes: ['provide', 'verify'],
          drip: coins,
        }),
      )
      const order: NodeOrder = {
        config: {
          name,
          roles: [role],
          chain: { rpc: chain.url, confirmations: 0, deployment },
          network: { listen: ['/ip4/127.0.0.1/tcp/0'], bootstrap },
          policy: {
            caps: { cores: runs, runs, memory: '4 GiB', disk: '4 GiB' },
            pause: { battery: false },
          },
          log: { level },
        },
        directory: join(directory, name),
        deployment,
        account: owner.address,
        key: key.use((bytes) => `0x${Buffer.from(bytes).toString('hex')}` as const),
      }
      const child = fork(join(import.meta.dirname, 'node.ts'), {
        execArgv: ['--disable-warning=ExperimentalWarning'],
      })
      children.push(child)
      const ask = asking(child, name)
      const address = await ask<string>(order)
      if (bootstrap.length < 1) bootstrap.push(address)
      members.push({ name, role, key, ask })
      tell(`${name} is up`)
    }
    await add('relay', 'relay')
    for (let i = 1; i <= options.verifiers; i++) await add(`verifier-${i}`, 'verifier')
    for (let i = 1; i <= options.providers; i++) await add(`provider-${i}`, 'provider')
    // From here on a block holds what has come in: with a block for each transaction the chain would be its own limit.
    await connection.reader.request({ method: 'evm_setAutomine', params: [false] } as never)
    await connection.reader.request({ method: 'evm_setIntervalMining', params: [options.blockTime] } as never)
    tell('verifiers wait for their weight to count')
    const read = marketReads(connection.reader, addresses)
    const until = performance.now() + WEIGHT_MS
    while ((await read.totalWeight()) < BigInt(options.verifiers) * SEAT) {
      if (performance.now() > until) throw new Error(`verifiers have no weight after ${WEIGHT_MS} ms`)
      await sleep(500)
    }
    return {
      ...{ directory, connection, members, requester, close },
      network: () => ({ ...deployment, rpc: chain.url, bootstrap: [...bootstrap] }),
      chainUsage: () => processorTime(chain.pid)?.own ?? Number.NaN,
      usage: async () =>
        new Map(
          await Promise.all(
            members.map(async ({ name, ask }) => [name, await ask<NodeUsage>('usage')] as const),
          ),
        ),
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** One question at a time to a process. */
const asking =
  (child: ChildProcess, name: string) =>
  <T>(order: unknown): Promise<T> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(`${name} has ended`))
      child.once('close', ended)
      child.once('message', (message: { readonly answer: T }) => {
        child.off('close', ended)
        resolve(message.answer)
      })
      child.send(order as never)
    })
