import type { Abi, Address, ContractEventName } from 'viem'
import {
  Audits,
  CommitRevealDraw,
  Delegations,
  Disputes,
  Faucet,
  Market,
  Reputation,
  SwarmScores,
  Swarms,
  Token,
  Vault,
  Verifiers,
} from '../generated/index.ts'

/** The ABIs of everything that a market consists of, under the names that events have. */
export const MARKET_ABIS = {
  market: Market.abi,
  audits: Audits.abi,
  vault: Vault.abi,
  verifiers: Verifiers.abi,
  delegations: Delegations.abi,
  draw: CommitRevealDraw.abi,
  reputation: Reputation.abi,
  disputes: Disputes.abi,
  token: Token.abi,
  swarms: Swarms.abi,
  faucet: Faucet.abi,
} as const
export type MarketAbis = typeof MARKET_ABIS
export type MarketContractName = keyof MarketAbis

/** Where the contracts of one market stand. Only local and test networks have a faucet. */
export type MarketAddresses = { readonly [name in Exclude<MarketContractName, 'faucet'>]: Address } & {
  readonly faucet?: Address
}

/** A market on a chain: what is printed by a deployment and read by every node. */
export type Deployment = {
  readonly chainId: number
  /** The block of the first contract: nothing of the market is in an earlier one. */
  readonly fromBlock: number
  readonly addresses: MarketAddresses
}

/** A contract of a market, with what its events are about: the most telling argument first. */
export type MarketContract = {
  readonly name: MarketContractName
  readonly address: Address
  readonly abi: Abi
  readonly subjects: readonly string[]
}

const SUBJECTS: { readonly [name in MarketContractName]: readonly string[] } = {
  market: ['job', 'claim'],
  audits: ['claim'],
  vault: ['account', 'escrow'],
  verifiers: ['account'],
  delegations: ['key'],
  draw: ['round'],
  reputation: ['account'],
  disputes: ['dispute', 'claim', 'task'],
  token: [],
  swarms: ['swarm', 'challenge'],
  faucet: ['to'],
}

/** The contracts whose events tell the market's history: for an index. The token's transfers are not among them. */
export const marketContracts = (addresses: MarketAddresses): readonly MarketContract[] =>
  (Object.keys(MARKET_ABIS) as MarketContractName[]).flatMap((name) => {
    const address = addresses[name]
    return name === 'token' || address === undefined
      ? []
      : [{ name, address, abi: MARKET_ABIS[name], subjects: SUBJECTS[name] }]
  })

/** Every error of every contract: a call comes back with the error of whichever contract refused it. */
export const MARKET_ERRORS: Abi = [
  ...new Map(
    [...(Object.values(MARKET_ABIS) as readonly Abi[]), SwarmScores.abi as Abi]
      .flat()
      .filter((item) => item.type === 'error')
      .map((item) => [JSON.stringify([item.name, item.inputs]), item]),
  ).values(),
]

export type EventName<C extends MarketContractName> = ContractEventName<MarketAbis[C]>
