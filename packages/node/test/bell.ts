import {
  type Call,
  type Connection,
  callsOf,
  connect,
  deploy,
  LOCAL_CHAIN,
  type LocalChain,
  startLocalChain,
} from '@lockstep/contracts'
import { type Address, createPublicClient, type Hex, http, keccak256, toHex } from 'viem'
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts'
import { BellHarness } from '../../contracts/test/generated/BellHarness.ts'
import type { ChainEvent, ChainReader, EventArgs, IndexedContract, Query } from '../src/index.ts'

/** The public mnemonic of every anvil: its keys are no secret and hold nothing of value. */
const MNEMONIC = 'test test test test test test test test test test test junk'

export const testKey = (index: number): Hex =>
  toHex(mnemonicToAccount(MNEMONIC, { addressIndex: index }).getHdKey().privateKey!)
export const testAccount = (index: number) => privateKeyToAccount(testKey(index))

export const bellAbi = BellHarness.abi

/** A chain with a bell on it, and the ways in which a chain can misbehave. */
export type Belfry = {
  readonly chain: LocalChain
  readonly connection: Connection
  readonly bell: Address
  readonly contract: IndexedContract
  readonly rpc: <T>(method: string, ...params: unknown[]) => Promise<T>
  readonly ring: (what: string, loudness?: number) => Promise<Hex>
  readonly ringMany: (count: number) => Promise<Hex>
  /** How often something has been rung. */
  readonly rings: (what: string) => Promise<number>
  /** The bell's events as the chain itself tells them, for comparison. */
  readonly events: () => Promise<readonly TrueEvent[]>
}
export type TrueEvent = {
  readonly block: number
  readonly logIndex: number
  readonly name: string
  readonly args: EventArgs
}

export const word = (text: string): Hex => keccak256(toHex(text))

/** A chain to read from, whose server is not asked twice. */
export const readerOf = (url: string): ChainReader => ({
  chainId: LOCAL_CHAIN.id,
  reader: createPublicClient({
    transport: http(url, { retryCount: 0 }),
    cacheTime: 0,
  }) as ChainReader['reader'],
})

/** A call of the bell; further arguments come after what is rung. */
export const bellCall = (
  bell: Address,
  name: 'ring' | 'ringOnce' | 'ringUntil',
  what: string,
  more?: bigint,
  value = 0n,
): Call =>
  callsOf('bell', bell, bellAbi)(
    name as 'ring',
    [word(what), ...(more === undefined ? [] : [more])] as never,
    value,
  )

/** The key that deploys is the last of ten: tests of the transactor have the others for themselves. */
const DEPLOYER = 9

export const startBelfry = async (args: readonly string[] = []): Promise<Belfry> => {
  const chain = await startLocalChain({ args })
  const connection = await connectTo(chain.url)
  return belfryOn(chain, connection, await deploy(connection, BellHarness, []))
}

const connectTo = (url: string) =>
  connect({ url, chainId: LOCAL_CHAIN.id, account: { privateKey: testKey(DEPLOYER) }, pollingInterval: 20 })

/** The same bell on a chain that was started from a copy of the first. */
export const startCopy = async (
  dump: Hex,
  bell: Address,
  options: { readonly port?: number; readonly args?: readonly string[] } = {},
): Promise<Belfry> => {
  const chain = await startLocalChain(options)
  const connection = await connectTo(chain.url)
  await connection.reader.request({ method: 'anvil_loadState', params: [dump] } as never)
  return belfryOn(chain, connection, bell)
}

const belfryOn = (chain: LocalChain, connection: Connection, bell: Address): Belfry => {
  const { reader, wallet, inTurn, mined } = connection
  const call = (functionName: string, ...args: unknown[]) =>
    inTurn(async () => {
      const hash = await wallet.writeContract({ address: bell, abi: bellAbi, functionName, args } as never)
      await mined(hash)
      return hash
    })
  return {
    chain,
    connection,
    bell,
    contract: { name: 'bell', address: bell, abi: bellAbi, subjects: ['what', 'number'] },
    rpc: <T>(method: string, ...params: unknown[]) =>
      reader.request({ method, params } as never) as Promise<T>,
    ring: (what, loudness = 1) => call('ring', word(what), BigInt(loudness)),
    ringMany: (count) => call('ringMany', BigInt(count)),
    rings: async (what) =>
      Number(
        await reader.readContract({ address: bell, abi: bellAbi, functionName: 'rings', args: [word(what)] }),
      ),
    events: async () => {
      const logs = await reader.getContractEvents({
        address: bell,
        abi: bellAbi,
        fromBlock: 0n,
        strict: true,
      })
      return logs.map((log) => ({
        block: Number(log.blockNumber),
        logIndex: log.logIndex,
        name: log.eventName,
        args: log.args as unknown as EventArgs,
      }))
    },
  }
}

export const bare = ({ block, logIndex, name, args }: ChainEvent): TrueEvent => ({
  block,
  logIndex,
  name,
  args,
})

/** All that an indexer has stored about the chain, byte for byte. */
export const dumpIndex = async (q: Query): Promise<string> =>
  JSON.stringify({
    events: await q.selectFrom('events').selectAll().orderBy('block').orderBy('log_index').execute(),
    blocks: await q.selectFrom('blocks').selectAll().orderBy('number').execute(),
    meta: await q.selectFrom('meta').selectAll().where('key', '!=', 'session').orderBy('key').execute(),
  })

/** A small generator of whole numbers, the same for the same seed. */
export const numbersFrom = (seed: number): ((below: number) => number) => {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
