import {
  bidData,
  type Connection,
  connect,
  deploy,
  deployDisputes,
  LOCAL_CHAIN,
  type LocalChain,
  type MarketAddresses,
  type MarketChain,
  marketChain,
  signData,
  startLocalChain,
} from '@lockstep/contracts'
import type { Address, Bid, Charges } from '@lockstep/market'
import { getContractAddress, type Hex } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import {
  Audits,
  CommitRevealDraw,
  Delegations,
  Market,
  Postings,
  Reputation,
  Settlement,
  Token,
  Vault,
  Verifiers,
} from '../../contracts/src/generated/index.ts'

/** Public keys that every anvil has: who deploys and requests, and two providers. */
const KEYS: readonly [Hex, Hex, Hex] = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
]
export const TREASURY: Address = `0x${'7e'.repeat(20)}`
export const MINIMUM_TIME = 10
export const LOCK = 10n ** 18n
const PERIOD = 20n

export const CHARGES: Charges = {
  feeShare: 137,
  minimumImprovement: 150,
  noShowShare: 701,
  lateShare: 1_999,
  bountyShare: 3_333,
  minimumStake: 3n * LOCK,
  auditorSlash: 5n * LOCK,
}

/** A whole market on a chain of its own, with nobody in it but these three. */
export type Stage = {
  readonly connection: Connection
  readonly addresses: MarketAddresses
  readonly requester: MarketChain
  readonly providers: readonly [MarketChain, MarketChain]
  readonly sign: (provider: 0 | 1, bid: Bid) => Promise<Hex>
  /** Lets the chain's time pass. */
  readonly pass: (seconds: number) => Promise<void>
}

export const withMarket = async (run: (stage: Stage) => Promise<void>): Promise<void> => {
  const chain = await startLocalChain()
  try {
    await run(await setUp(chain))
  } finally {
    await chain.stop()
  }
}

const setUp = async (chain: LocalChain): Promise<Stage> => {
  const joined = (privateKey: Hex): Promise<Connection> =>
    connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account: { privateKey }, pollingInterval: 20 })
  const connection = await joined(KEYS[0])
  const from = connection.account.address
  const at = (nonce: number): Address => getContractAddress({ from, nonce: BigInt(nonce) }) as Address
  // In the order of deployment below; deployDisputes makes two contracts.
  const [verifiersAt, drawAt, auditsAt, marketAt] = [at(3), at(4), at(8), at(11)]
  const token = await deploy(connection, Token, [from, 1_000_000n * LOCK])
  const vault = await deploy(connection, Vault, [token, marketAt, verifiersAt, TREASURY, 604_800n])
  const delegations = await deploy(connection, Delegations, [])
  const verifiers = await deploy(connection, Verifiers, [
    vault,
    delegations,
    auditsAt,
    drawAt,
    1_000n * LOCK,
    2n * PERIOD + 1n,
  ])
  const draw = await deploy(connection, CommitRevealDraw, [
    verifiers,
    delegations,
    auditsAt,
    TREASURY,
    PERIOD,
    10n * LOCK,
  ])
  const disputes = await deployDisputes(connection, {
    treasury: TREASURY,
    rewardShare: 2_000,
    gasPriceCap: 10n ** 9n,
    minimumTime: MINIMUM_TIME,
  })
  const reputation = await deploy(connection, Reputation, [marketAt, auditsAt, 10n * LOCK])
  const audits = await deploy(connection, Audits, [
    marketAt,
    verifiers,
    draw,
    disputes,
    delegations,
    reputation,
    TREASURY,
  ])
  const offices = { vault, audits, disputes, delegations, reputation, treasury: TREASURY }
  const settlement = await deploy(connection, Settlement, [offices])
  const postings = await deploy(connection, Postings, [])
  const market = await deploy(connection, Market, [
    offices,
    settlement,
    postings,
    from,
    BigInt(MINIMUM_TIME),
    CHARGES,
  ])
  if (market.toLowerCase() !== marketAt.toLowerCase()) throw new Error(`market at ${market}, not ${marketAt}`)
  const addresses = {
    market,
    audits,
    vault,
    verifiers,
    delegations,
    draw,
    reputation,
    disputes,
    token,
    // A market needs no swarms: nothing stands there.
    swarms: TREASURY,
  } as const
  const [requester, first, second] = await Promise.all([
    marketChain(connection, addresses),
    marketChain(await joined(KEYS[1]), addresses),
    marketChain(await joined(KEYS[2]), addresses),
  ])
  const send = async (as: MarketChain, call: Parameters<MarketChain['send']>[0]): Promise<void> => {
    const sent = await as.send(call)
    if (!sent.ok) throw new Error(JSON.stringify(sent.fault))
  }
  const { calls } = requester
  await send(requester, calls.approve(vault, 1_000_000n * LOCK))
  await send(requester, calls.deposit(from, 100_000n * LOCK))
  for (const provider of [first, second]) {
    await send(requester, calls.deposit(provider.connection.account.address, 200_000n * LOCK))
    await send(provider, calls.stake(200_000n * LOCK))
  }
  const place = { chainId: LOCAL_CHAIN.id, contract: market }
  return {
    connection,
    addresses,
    requester,
    providers: [first, second],
    sign: (provider, bid) => signData(privateKeyToAccount(KEYS[provider === 0 ? 1 : 2]), bidData(place, bid)),
    pass: async (seconds) => {
      await connection.reader.request({ method: 'evm_increaseTime', params: [seconds] } as never)
      await connection.reader.request({ method: 'evm_mine', params: [] } as never)
    },
  }
}
