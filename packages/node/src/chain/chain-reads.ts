import { ChainError, type Connection } from '@lockstep/contracts'
import { type Address, type Hex, numberToHex } from 'viem'
import { z } from 'zod'

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

const hash = z.string().regex(/^0x[0-9a-f]{64}$/) as z.ZodType<Hex>
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
/** What an answer may hold at most; a chain that says more is asked for less at once. */
const logs = z.array(log).max(100_000)

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
