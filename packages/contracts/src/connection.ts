import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Abi,
  type Account,
  type Address,
  createPublicClient,
  createWalletClient,
  defineChain,
  type Hex,
  http,
  type PublicClient,
  type TransactionReceipt,
  type Transport,
  type Chain as ViemChain,
  type WalletClient,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { ChainError } from './chain-fault.ts'
import { leanHttp } from './lean-http.ts'

/** One account at one chain. Its transactions go out one after another, so that their nonces are in order. */
export type Connection = {
  readonly chainId: number
  readonly account: Account
  readonly reader: PublicClient<Transport, ViemChain>
  readonly wallet: WalletClient<Transport, ViemChain, Account>
  /** Runs `task` when all earlier ones of this account are done. */
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>
  /** Waits until a transaction is mined and throws a ChainError where it is not in time, or where it reverted. */
  readonly mined: (hash: Hex) => Promise<TransactionReceipt>
}

export type ConnectionOptions = {
  readonly url: string
  /** The chain that is meant: another one that answers at the URL is refused. */
  readonly chainId: number
  readonly account: Account | { readonly privateKey: Hex }
  /** Milliseconds to wait for a transaction to be mined, and between two looks. */
  readonly timeout?: number
  readonly pollingInterval?: number
  /** Milliseconds for which a server that has answered, and does so no more, is asked again. */
  readonly patience?: number
}

/** How long a server may take to answer. */
const ANSWER_MS = 30_000
/** The same where it is asked again afterwards. */
const PATIENT_ANSWER_MS = 10_000
const PAUSE_MS = 500

export const connect = async (options: ConnectionOptions): Promise<Connection> => {
  const { url, chainId, timeout = 120_000, pollingInterval = 100, patience = 0 } = options
  const account =
    'privateKey' in options.account ? privateKeyToAccount(options.account.privateKey) : options.account
  const chain = defineChain({
    id: chainId,
    name: `chain ${chainId}`,
    nativeCurrency: { name: 'coin', symbol: 'COIN', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  })
  const once = leanHttp(url, { timeout: Math.min(timeout, ANSWER_MS) })
  const transport =
    patience === 0 ? once : http(url, { timeout: patience + ANSWER_MS, fetchFn: askAgainFor(patience) })
  const reader = createPublicClient({ chain, transport, pollingInterval, cacheTime: 0 })
  const wallet = createWalletClient({ chain, transport, account, pollingInterval, cacheTime: 0 })

  // Who is not there in the beginning is not waited for.
  const found = await createPublicClient({ chain, transport: once }).getChainId()
  if (found !== chainId) {
    throw new ChainError(
      'wrong-chain',
      `the chain at ${url} is ${found}, not ${chainId}: give the URL of the right one`,
    )
  }

  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(task, task)
    last = result.catch(() => undefined)
    return result
  }
  const mined = async (hash: Hex): Promise<TransactionReceipt> => {
    const end = performance.now() + timeout
    let receipt: TransactionReceipt | undefined
    let why: unknown
    for (;;) {
      receipt = await reader.getTransactionReceipt({ hash }).catch((error: unknown) => {
        why = error
        return undefined
      })
      if (receipt !== undefined) break
      if (performance.now() > end)
        throw new ChainError('not-mined', `transaction ${hash} was not mined within ${timeout} ms: ${why}`)
      await sleep(pollingInterval)
    }
    if (receipt.status === 'reverted') {
      throw new ChainError(
        'reverted',
        `transaction ${hash} reverted although it was accepted before it was sent`,
      )
    }
    return receipt
  }
  return { chainId, account, reader, wallet, inTurn, mined }
}

/** A chain goes on without us: while nobody answers, the same is asked again. */
const askAgainFor =
  (patience: number): typeof fetch =>
  async (input, init) => {
    const end = performance.now() + patience
    for (;;) {
      try {
        return await fetch(input, { ...init, signal: AbortSignal.timeout(PATIENT_ANSWER_MS) })
      } catch (error) {
        if (performance.now() > end) throw error
        await sleep(PAUSE_MS)
      }
    }
  }

/** Deploys a contract and gives its address. */
export const deploy = async (
  { wallet, inTurn, mined }: Connection,
  contract: { readonly abi: Abi; readonly bytecode: Hex },
  args: readonly unknown[],
): Promise<Address> =>
  inTurn(async () => {
    const { abi, bytecode } = contract
    const { contractAddress, transactionHash } = await mined(
      await wallet.deployContract({ abi, bytecode, args }),
    )
    if (!contractAddress)
      throw new ChainError('unknown', `transaction ${transactionHash} created no contract`)
    return contractAddress
  })

/** Throws where there is no contract: an address of another chain, or a mistyped one. */
export const mustHaveCode = async ({ reader, chainId }: Connection, address: Address): Promise<void> => {
  const code = await reader.getCode({ address })
  if (code === undefined || code === '0x') {
    throw new ChainError('no-contract', `there is no contract at ${address} on chain ${chainId}`)
  }
}
