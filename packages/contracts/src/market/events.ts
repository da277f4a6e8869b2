import {
  type Abi,
  type Address,
  type DecodeEventLogReturnType,
  decodeEventLog,
  type Hex,
  type PublicClient,
} from 'viem'
import {
  MARKET_ABIS,
  type MarketAbis,
  type MarketAddresses,
  type MarketContractName,
  marketContracts,
} from './contracts.ts'

/** Where in the chain an event is. The same place with another block hash is another chain's past. */
export type EventPlace = {
  readonly block: number
  readonly logIndex: number
  readonly blockHash: Hex
  readonly transactionHash: Hex
}

type Named<C, E> = E extends { readonly eventName: infer N; readonly args: infer A }
  ? { readonly contract: C; readonly name: N; readonly args: A }
  : never

/** An event of a market's contracts: `contract` and `name` say which, and which arguments it has. */
export type MarketEvent = EventPlace &
  { [C in MarketContractName]: Named<C, DecodeEventLogReturnType<MarketAbis[C]>> }[MarketContractName]

/** An event of one contract and name. */
export type MarketEventOf<C extends MarketContractName, N extends string> = Extract<
  MarketEvent,
  { readonly contract: C; readonly name: N }
>

export type MarketLog = {
  readonly address: Address
  readonly topics: readonly Hex[]
  readonly data: Hex
  readonly blockNumber: bigint | null
  readonly logIndex: number | null
  readonly blockHash: Hex | null
  readonly transactionHash: Hex | null
}

/** Reads a market's logs as events; undefined for logs of others, and of what is not in the ABI. */
export const marketEvents = (addresses: MarketAddresses): ((log: MarketLog) => MarketEvent | undefined) => {
  const names = new Map(marketContracts(addresses).map(({ address, name }) => [address.toLowerCase(), name]))
  return ({ address, topics, data, blockNumber, logIndex, blockHash, transactionHash }) => {
    const contract = names.get(address.toLowerCase())
    if (contract === undefined || blockNumber === null || logIndex === null) return undefined
    if (blockHash === null || transactionHash === null) return undefined
    let decoded: { readonly eventName: string; readonly args: unknown }
    try {
      decoded = decodeEventLog({
        abi: MARKET_ABIS[contract] as Abi,
        data,
        topics: [...topics] as [Hex, ...Hex[]],
      }) as unknown as typeof decoded
    } catch {
      return undefined
    }
    return {
      block: Number(blockNumber),
      logIndex,
      blockHash,
      transactionHash,
      contract,
      name: decoded.eventName,
      args: decoded.args,
    } as MarketEvent
  }
}

/** All events of a market in a range of blocks, both ends included, in order. */
export const readMarketEvents = async (
  reader: Pick<PublicClient, 'getLogs'>,
  addresses: MarketAddresses,
  from: number,
  to: number,
  /** The most blocks that are asked for at once. */
  atOnce = 2_000,
): Promise<readonly MarketEvent[]> => {
  const decode = marketEvents(addresses)
  const address = marketContracts(addresses).map((contract) => contract.address)
  const events: MarketEvent[] = []
  for (let begin = from; begin <= to; begin += atOnce) {
    const logs = await reader.getLogs({
      address,
      fromBlock: BigInt(begin),
      toBlock: BigInt(Math.min(begin + atOnce - 1, to)),
    })
    for (const log of logs) {
      const event = log.removed ? undefined : decode(log as MarketLog)
      if (event !== undefined) events.push(event)
    }
  }
  return events
}
