import type { Call } from '@lockstep/contracts'
import { fail, ok, type Result } from '@lockstep/tensor'
import type { Abi, Address, LocalAccount, TransactionReceipt } from 'viem'
import type { Store } from '../store/open-store.ts'
import { type AccountPump, pumpAccount } from './account-pump.ts'
import type { ChainReader } from './chain-reads.ts'
import { enqueue, type Intent, type IntentStatus, intentDigest, intentsWith, readIntent } from './outbox.ts'

export type TransactorOptions = {
  readonly store: Store
  readonly chain: ChainReader
  /** The keys that can send; the first one does where a call names none. */
  readonly accounts: readonly LocalAccount[]
  /** The errors of all contracts that are called, so that a refusal has its name. */
  readonly errors: Abi
  /** Blocks that a transaction has to be in or under before its sender is told. */
  readonly confirmations?: number
  /** Blocks on top of a transaction after which no reorganisation is expected to take it back. */
  readonly finality?: number
  /** The most transactions of one key that are on their way at once. */
  readonly inFlight?: number
  /** The most wei that is ever paid for a unit of gas. */
  readonly feeLimit?: bigint
  /** Milliseconds between two looks at the chain while something is on its way. */
  readonly pollingInterval?: number
  /** Milliseconds after which the server is asked whether it still has a transaction. */
  readonly resendAfter?: number
  /** Milliseconds after which a transaction that could be mined, and is not, is sent again for more. */
  readonly bumpAfter?: number
  /** Milliseconds for which a server that is behind, or a key without coins, is waited for. */
  readonly patience?: number
  /** Told about everything that goes wrong and is tried again. */
  readonly onFault?: (error: Error) => void
}

export type SendOptions = {
  /** One of the transactor's accounts. */
  readonly account?: Address
  /** It is not sent after this time, in the chain's seconds; one that is stuck by then is replaced by nothing. */
  readonly deadline?: number
  /** Units of gas; left out, they are estimated. */
  readonly gas?: bigint
  /** Ends the waiting, not the sending. */
  readonly signal?: AbortSignal
}

export type Outcome = {
  readonly status: IntentStatus
  /** Undefined while it is under way. */
  readonly result: Result<TransactionReceipt> | undefined
}

export type TransactorStatus = {
  readonly account: Address
  readonly waiting: number
  readonly sent: number
  /** What is wrong at present, if anything: no server, no coins. */
  readonly fault?: string
}

/**
 * Sends transactions so that each intent has its effect once, whatever happens to this process, the server and the
 * chain. An intent is a name that the caller chooses for what it wants to have happened, such as `claim:7:0:1`: to send
 * the same intent again is to ask what became of it.
 */
export type Transactor = {
  /**
   * Gives the receipt when the call is mined, or why it was not: refused by the contract before anything was sent
   * (`call-refused`), too late (`deadline-passed`), mined without effect (`reverted`), no coins (`insufficient-funds`).
   * After such a fault the same intent can be tried again, except while a reorganisation could still give it its effect.
   */
  readonly send: (intent: string, call: Call, options?: SendOptions) => Promise<Result<TransactionReceipt>>
  /** What became of an intent so far; undefined for one that was never sent. */
  readonly outcome: (intent: string) => Promise<Outcome | undefined>
  /** What is under way, oldest first: after a restart too. */
  readonly pending: () => Promise<readonly Intent[]>
  readonly status: () => Promise<readonly TransactorStatus[]>
  /** Intents that are under way stay in the store; who waits for one is told that it goes on at the next start. */
  readonly stop: () => Promise<void>
}

export const startTransactor = async (options: TransactorOptions): Promise<Transactor> => {
  const { store, accounts } = options
  const [first] = accounts
  if (first === undefined) throw new RangeError('accounts is empty: name at least one that can send')

  const waiters = new Map<string, Set<Waiter>>()
  const settled = (intent: Intent): void => {
    const result = resultOf(intent)
    if (result === undefined) return
    for (const waiter of waiters.get(intent.intent) ?? []) waiter.resolve(result)
    waiters.delete(intent.intent)
  }
  let stopped: Error | undefined
  const broken = (error: Error): void => {
    stopped ??= error
    for (const waiting of waiters.values()) for (const { reject } of waiting) reject(error)
    waiters.clear()
  }
  const pumps = new Map<string, AccountPump>()
  for (const account of accounts) {
    const key = account.address.toLowerCase()
    if (pumps.has(key)) throw new RangeError(`the account ${account.address} is named twice`)
    pumps.set(key, pumpAccount({ ...options, account, settled, broken }))
  }

  const waitFor = async (
    intent: string,
    signal: AbortSignal | undefined,
  ): Promise<Result<TransactionReceipt>> => {
    const { promise, resolve, reject } = Promise.withResolvers<Result<TransactionReceipt>>()
    promise.catch(() => undefined) // whoever waits hears of it; nobody waits yet
    const waiter: Waiter = { resolve, reject }
    const waiting = waiters.get(intent) ?? new Set()
    waiters.set(intent, waiting.add(waiter))
    const onAbort = () => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    try {
      // It may have been settled before the waiter stood there.
      const held = await readIntent(store.query, intent)
      if (held) settled(held)
      return await promise
    } finally {
      signal?.removeEventListener('abort', onAbort)
      waiting.delete(waiter)
    }
  }

  return {
    send: async (intent, call, { account = first.address, deadline, gas, signal } = {}) => {
      if (stopped) throw stopped
      signal?.throwIfAborted()
      const pump = pumps.get(account.toLowerCase())
      if (pump === undefined) throw new RangeError(`the transactor has no key of ${account}`)
      const held = await store.change((q) => enqueue(q, { intent, account, call, gas, deadline }))
      if (held.digest !== intentDigest(account, call)) {
        return fail({
          code: 'intent-differs',
          field: intent,
          value: `${call.name} by ${account}`,
          limit: `${held.call.name} by ${held.account}, as it was sent first`,
          remedy: 'Choose another name for another intent; this one is under way or has had its effect.',
        })
      }
      const known = resultOf(held)
      if (known !== undefined) return known
      pump.wake()
      return waitFor(intent, signal)
    },
    outcome: async (intent) => {
      const held = await readIntent(store.query, intent)
      return held && { status: held.status, result: resultOf(held) }
    },
    pending: () => intentsWith(store.query, ['waiting', 'sent']),
    status: async () =>
      Promise.all(
        [...pumps.values()].map(async ({ account, fault }) => {
          const held = await intentsWith(store.query, ['waiting', 'sent'], { account })
          const waiting = held.filter(({ status }) => status === 'waiting').length
          const wrong = fault()
          return {
            account,
            waiting,
            sent: held.length - waiting,
            ...(wrong === undefined ? {} : { fault: wrong }),
          }
        }),
      ),
    stop: async () => {
      stopped ??= new Error(
        'the transactor was stopped: what is under way is stored and goes on at the next start',
      )
      await Promise.all([...pumps.values()].map(({ stop }) => stop()))
      broken(stopped)
    },
  }
}

type Waiter = {
  readonly resolve: (result: Result<TransactionReceipt>) => void
  readonly reject: (error: unknown) => void
}

const resultOf = ({ status, fault, receipt }: Intent): Result<TransactionReceipt> | undefined => {
  if (status === 'waiting' || status === 'sent') return undefined
  if (fault !== undefined) return { ok: false, fault }
  return receipt === undefined ? undefined : ok(receipt)
}
