import { type Connection, MARKET_ABIS, type MarketAddresses } from '@lockstep/contracts'
import { type Abi, type Hex, toFunctionSelector } from 'viem'

/** What the calls of one kind have cost together. */
export type GasOfKind = { readonly kind: string; readonly calls: number; readonly gas: number }

/** Gas of all transactions in a range of blocks, by contract and function, the dearest first; failed ones are a kind each. */
export const gasByKind = async (
  { reader }: Connection,
  addresses: MarketAddresses,
  from: number,
  to: number,
): Promise<readonly GasOfKind[]> => {
  const names = new Map<string, string>()
  for (const [contract, abi] of Object.entries(MARKET_ABIS)) {
    const address = addresses[contract as keyof MarketAddresses]
    for (const item of abi as Abi)
      if (item.type === 'function' && address)
        names.set(address.toLowerCase() + toFunctionSelector(item), `${contract}.${item.name}`)
  }
  const kinds = new Map<string, { calls: number; gas: number }>()
  for (let block = from; block <= to; block++) {
    const { transactions } = await reader.getBlock({ blockNumber: BigInt(block), includeTransactions: true })
    if (transactions.length === 0) continue
    const receipts = (await reader.request({
      method: 'eth_getBlockReceipts',
      params: [`0x${block.toString(16)}`],
    } as never)) as unknown as readonly { transactionHash: Hex; gasUsed: Hex; status: Hex }[]
    const byHash = new Map(receipts.map((receipt) => [receipt.transactionHash, receipt]))
    for (const { hash, to: target, input } of transactions) {
      const receipt = byHash.get(hash)!
      const name = names.get((target ?? '').toLowerCase() + input.slice(0, 10)) ?? 'other'
      const kind = receipt.status === '0x1' ? name : `${name}, reverted`
      const sum = kinds.get(kind) ?? { calls: 0, gas: 0 }
      kinds.set(kind, { calls: sum.calls + 1, gas: sum.gas + Number(receipt.gasUsed) })
    }
  }
  return [...kinds].map(([kind, sum]) => ({ kind, ...sum })).sort((a, b) => b.gas - a.gas)
}
