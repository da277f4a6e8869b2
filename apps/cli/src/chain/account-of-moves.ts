import type { DisputeChain } from '@lockstep/contracts'
import { type Hex, numberToHex } from 'viem'

/** What one transaction of a dispute cost. */
export type Spent = { readonly hash: Hex; readonly from: Hex; readonly gas: bigint; readonly wei: bigint }

/** Every transaction of a dispute, in order: opening, moves, and the one that decided it. */
export const transactionsOf = async (
  { connection, address }: DisputeChain,
  dispute: number,
  fromBlock: bigint,
): Promise<Spent[]> => {
  const { reader } = connection
  const logs = await reader.request({
    method: 'eth_getLogs',
    params: [
      {
        address,
        topics: [null, numberToHex(dispute, { size: 32 })],
        fromBlock: numberToHex(fromBlock),
        toBlock: 'latest',
      },
    ],
  } as never)
  const hashes = [
    ...new Set((logs as { transactionHash: Hex }[]).map(({ transactionHash }) => transactionHash)),
  ]
  return Promise.all(
    hashes.map(async (hash) => {
      const { from, gasUsed, effectiveGasPrice } = await reader.getTransactionReceipt({ hash })
      return { hash, from, gas: gasUsed, wei: gasUsed * effectiveGasPrice }
    }),
  )
}
