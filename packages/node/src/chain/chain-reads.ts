import { hex32 as hash } from '@lockstep/client/fields'
import { ChainError, type Connection } from '@lockstep/contracts'
import {
  type Address,
  formatTransactionReceipt,
  type Hex,
  numberToHex,
  type RpcTransactionReceipt,
  type TransactionReceipt,
} from 'viem'
import { z } from 'zod'

/** The least price of gas in a block, and what is given on top of it at present. */
export type GasPrice = { readonly base: bigint; readonly tip: bigint }

/** What is asked of a chain: JSON-RPC, whose answers are checked here. */
export type Rpc = {
  readonly request: (call: {
    readonly method: string
    readonly params: readonly unknown[]
  }) => Promise<unknown>
}

/** A chain to read from: a Connection, or the part of one that needs no account. */
export type ChainReader = Pick<Connection, 'chainId' | 'reader'>

export const rpcOf = ({ reader }: ChainReader): Rpc => ({
  request: (call) => reader.request(call as never),
})

const address = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/)
  .transform((text) => text.toLowerCase()) as unknown as z.ZodType<Address>
const quantity = z
  .string()
  .regex(/^0x[0-9a-f]{1,14}$/)
  .transform(Number)
  .refine(Number.isSafeInteger)
const bytes = z
  .string()
  .regex(/^0x([0-9a-f]{2})*$/)
  .max(2 ** 23) as z.ZodType<Hex>

const word = z.string().regex(/^0x[0-9a-f]{1,64}$/)
const amount = word.transform(BigInt)

const header = z.object({ number: quantity, hash, parentHash: hash, timestamp: quantity })
const log = z.object({
  address,
  topics: z.array(hash).max(4),
  data: bytes,
  blockNumber: quantity,
  blockHash: hash,
  transactionHash: hash,
  logIndex: quantity,
})
/** The fields that are used, checked; the rest is passed on for those who read logs. */
const receipt = z.looseObject({
  transactionHash: hash,
  blockNumber: word,
  blockHash: hash,
  status: z.enum(['0x0', '0x1']),
  gasUsed: word,
  logs: z.array(z.looseObject({ address: z.string(), topics: z.array(hash), data: bytes })).max(100_000),
})
/** What an answer may hold at most; a chain that says more is asked for less at once. */
const logs = z.array(log).max(100_000)

const priced = z.object({ baseFeePerGas: amount.optional() })
const GWEI = 10n ** 9n

export type Header = z.infer<typeof header>
export type ChainLog = z.infer<typeof log>

const read = async <T>(
  rpc: Rpc,
  schema: z.ZodType<T>,
  method: string,
  params: readonly unknown[],
): Promise<T> => {
  const parsed = schema.safeParse(await rpc.request({ method, params }))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new ChainError('unknown', `${method} gave ${issue?.path.join('.')}: ${issue?.message}`)
}

/** A block's header; undefined where the chain has none there. */
export const readHeader = async (rpc: Rpc, at: number | 'latest' | 'pending'): Promise<Header | undefined> =>
  (await read(rpc, header.nullable(), 'eth_getBlockByNumber', [
    typeof at === 'number' ? numberToHex(at) : at,
    false,
  ])) ?? undefined

export const readHead = async (rpc: Rpc): Promise<Header> => {
  const head = await readHeader(rpc, 'latest')
  if (head === undefined) throw new ChainError('unknown', 'the chain gives no latest block')
  return head
}

export const readLogs = (
  rpc: Rpc,
  of: readonly Address[],
  where: { readonly blockHash: Hex } | { readonly from: number; readonly to: number },
): Promise<readonly ChainLog[]> =>
  read(rpc, logs, 'eth_getLogs', [
    'blockHash' in where
      ? { address: of, blockHash: where.blockHash }
      : { address: of, fromBlock: numberToHex(where.from), toBlock: numberToHex(where.to) },
  ])

export const readGasPrice = async (rpc: Rpc): Promise<GasPrice> => {
  const block = await read(rpc, priced.nullable(), 'eth_getBlockByNumber', ['latest', false])
  // Not every server suggests a tip; without one, one gwei is a common least.
  const tip = await read(rpc, amount, 'eth_maxPriorityFeePerGas', []).catch(() => GWEI)
  return { base: block?.baseFeePerGas ?? 0n, tip }
}

/** How many transactions of an account are mined: the nonce of the next one. */
export const readNonce = (rpc: Rpc, account: Address): Promise<number> =>
  read(rpc, quantity, 'eth_getTransactionCount', [account, 'latest'])

/** Undefined where the transaction is not mined, or not known. */
export const readReceipt = async (rpc: Rpc, hash: Hex): Promise<TransactionReceipt | undefined> => {
  const found = await read(rpc, receipt.nullable(), 'eth_getTransactionReceipt', [hash])
  if (found === null) return undefined
  if (found.transactionHash !== hash)
    throw new ChainError('unknown', `the receipt of ${hash} is one of ${found.transactionHash}`)
  return formatTransactionReceipt(found as unknown as RpcTransactionReceipt)
}

/** Whether the chain's server has a transaction, mined or not. */
export const knowsTransaction = async (rpc: Rpc, hash: Hex): Promise<boolean> =>
  (await rpc.request({ method: 'eth_getTransactionByHash', params: [hash] })) !== null

export const broadcast = (rpc: Rpc, raw: Hex): Promise<unknown> =>
  rpc.request({ method: 'eth_sendRawTransaction', params: [raw] })

/** Runs a task for each, so many at once; the results are in order. */
export const eachOf = async <T, R>(
  list: readonly T[],
  atOnce: number,
  task: (item: T) => Promise<R>,
): Promise<R[]> => {
  const results: R[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < list.length) {
      const place = next++
      results[place] = await task(list[place]!)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, list.length) }, worker))
  return results
}
