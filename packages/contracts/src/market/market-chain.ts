import { ok, type Result } from '@lockstep/tensor'
import type { TransactionReceipt } from 'viem'
import { type Call, sendCall, tryCall } from '../call.ts'
import { type Connection, mustHaveCode } from '../connection.ts'
import { type DisputeChain, disputeChain } from '../dispute-chain.ts'
import { type MarketCalls, marketCalls } from './calls.ts'
import { MARKET_ERRORS, type MarketAddresses } from './contracts.ts'
import { type MarketEvent, type MarketLog, marketEvents, readMarketEvents } from './events.ts'
import { type MarketReads, marketReads } from './reads.ts'

/** What came of a call: its receipt, and what the market's contracts said in it. */
export type Sent = { readonly receipt: TransactionReceipt; readonly events: readonly MarketEvent[] }

/** A market as one account sees it. `read` asks, `calls` says what can be done, `send` does it. */
export type MarketChain = {
  readonly connection: Connection
  readonly addresses: MarketAddresses
  readonly read: MarketReads
  readonly calls: MarketCalls
  /** Sends a call and waits until it is mined; a refusal is a fault with the contract's error in it. */
  readonly send: (call: Call) => Promise<Result<Sent>>
  /** What would come of a call now. */
  readonly wouldSend: (call: Call) => Promise<Result<void>>
  /** Sends a post and gives the job's number. */
  readonly post: (call: Call) => Promise<Result<number>>
  /** All events in a range of blocks, both ends included, in order. */
  readonly events: (from: number, to: number) => Promise<readonly MarketEvent[]>
  readonly disputes: DisputeChain
  /** The chain's next block's time, in seconds. */
  readonly now: () => Promise<number>
}

export const marketChain = async (
  connection: Connection,
  addresses: MarketAddresses,
): Promise<MarketChain> => {
  await mustHaveCode(connection, addresses.market)
  const { reader } = connection
  const decode = marketEvents(addresses)
  const disputes = await disputeChain(connection, addresses.disputes)

  const send = async (call: Call): Promise<Result<Sent>> => {
    const sent = await sendCall(connection, call, MARKET_ERRORS)
    if (!sent.ok) return sent
    const events = sent.value.logs.flatMap((log) => decode(log as MarketLog) ?? [])
    return ok({ receipt: sent.value, events })
  }
  return {
    connection,
    addresses,
    read: marketReads(reader, addresses),
    calls: marketCalls(addresses),
    send,
    wouldSend: (call) => tryCall(connection, call, MARKET_ERRORS),
    post: async (call) => {
      const sent = await send(call)
      if (!sent.ok) return sent
      for (const event of sent.value.events)
        if (event.contract === 'market' && event.name === 'JobPosted') return ok(Number(event.args.job))
      throw new Error(`transaction ${sent.value.receipt.transactionHash} posted no job`)
    },
    events: (from, to) => readMarketEvents(reader, addresses, from, to),
    disputes,
    now: async () => Number((await reader.getBlock({ blockTag: 'pending' })).timestamp),
  }
}
