import { type Connection, type MarketAddresses, readMarketEvents } from '@lockstep/contracts'
import { follow, type History, historyOf } from '@lockstep/market'

/** Blocks whose times are asked for at once. */
const AT_ONCE = 16

/**
 * What the events of these blocks, both ends included, say; or how an earlier history goes on. For who asks a chain
 * itself: a node has an index, and its events carry their times.
 */
export const readHistory = async (
  { reader }: Pick<Connection, 'reader'>,
  addresses: MarketAddresses,
  from: number,
  to: number,
  history: History = historyOf([]),
): Promise<History> => {
  const events = await readMarketEvents(reader, addresses, from, to)
  const blocks = [...new Set(events.map(({ block }) => block))]
  const times = new Map<number, number>()
  for (let at = 0; at < blocks.length; at += AT_ONCE) {
    await Promise.all(
      blocks.slice(at, at + AT_ONCE).map(async (block) => {
        const { timestamp } = await reader.getBlock({ blockNumber: BigInt(block) })
        times.set(block, Number(timestamp))
      }),
    )
  }
  return follow(
    history,
    events.map((event) => ({ ...event, time: times.get(event.block)! })),
  )
}
