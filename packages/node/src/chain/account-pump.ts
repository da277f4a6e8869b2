import { setTimeout as sleep } from 'node:timers/promises'
import { type Call, refusedCall } from '@lockstep/contracts'
import type { Fault } from '@lockstep/tensor'
import {
  type Address,
  BaseError,
  type Hex,
  keccak256,
  type LocalAccount,
  parseTransaction,
  type TransactionReceipt,
} from 'viem'
import { isLasting } from '../store/store-error.ts'
import { chainClock } from './chain-clock.ts'
import { bindToChain } from './chain-identity.ts'
import {
  broadcast,
  eachOf,
  knowsTransaction,
  readGasPrice,
  readHead,
  readNonce,
  readReceipt,
  rpcOf,
} from './chain-reads.ts'
import { type Fee, feeAt, raised } from './fees.ts'
import {
  addTransaction,
  changeIntent,
  enqueue,
  type Intent,
  type IntentChange,
  intentsFromNonce,
  intentsWith,
  readIntent,
  type SignedTransaction,
  transactionsOf,
} from './outbox.ts'
import type { TransactorOptions } from './transactor.ts'

/** Works off the outbox of one account. */
export type AccountPump = {
  readonly account: Address
  /** There is something new in the outbox. */
  readonly wake: () => void
  readonly fault: () => string | undefined
  readonly stop: () => Promise<void>
}

export type PumpOptions = Omit<TransactorOptions, 'accounts'> & {
  readonly account: LocalAccount
  /** Told about each intent that has been mined with enough confirmations, or refused. */
  readonly settled: (intent: Intent) => void
  /** Told where it cannot go on at all. */
  readonly broken: (error: Error) => void
}

const AT_ONCE = 8
/** EIP-7825: more gas than this in one transaction is refused by chains of the hardfork that we pin. */
const GAS_LIMIT = 16_777_216n
const PLAIN_TRANSFER = 21_000n
/** How often an answer that is neither a refusal nor a lost connection is asked for again. */
const TRIES = 5
const LONGEST_PAUSE = 30_000

export const pumpAccount = (options: PumpOptions): AccountPump => {
  const { store, chain, account, errors, settled, broken, onFault } = options
  const { confirmations = 1, finality = 12, inFlight = 16, feeLimit = 500n * 10n ** 9n } = options
  const { pollingInterval = 500, resendAfter = 10_000, bumpAfter = 30_000, patience = 30_000 } = options
  /** For how long a chain that stands still is asked for nothing else. */
  const quiet = Math.min(10 * pollingInterval, resendAfter / 4, bumpAfter / 4)
  const rpc = rpcOf(chain)
  const clock = chainClock(chain)
  const { address } = account
  const ended = new AbortController()
  let woken = Promise.withResolvers<void>()
  let bound = false
  let failures = 0
  let fault: string | undefined

  /** What this process has seen: all of it may be lost, because it only decides when something is tried again. */
  const broadcastAt = new Map<Hex, { readonly first: number; readonly last: number }>()
  const noticedAt = new Map<string, { readonly height: number; readonly time: number }>()
  const triedAt = new Map<string, { readonly tries: number; readonly first: number; readonly next: number }>()
  /** The block as of which all that is mined was seen to be on the chain. */
  let confirmedAt = ''
  /** The block at the last round, and until when there is nothing to do before the next. */
  let workedAt: { readonly hash: string; readonly until: number } = { hash: '', until: 0 }
  let isOnlySent = false
  let isWoken = false

  const change = async (held: Intent, by: IntentChange): Promise<Intent> => {
    await store.change((q) => changeIntent(q, held.intent, by))
    return (await readIntent(store.query, held.intent))!
  }

  /** What is on the chain of the transactions that were signed for an intent. */
  const minedOf = async (
    held: Intent,
  ): Promise<{ readonly receipt: TransactionReceipt; readonly by: SignedTransaction } | undefined> => {
    for (const by of (await transactionsOf(store.query, held)).reverse()) {
      const receipt = await readReceipt(rpc, by.hash)
      if (receipt !== undefined) return { receipt, by }
    }
    return undefined
  }

  const faultOf = async (
    held: Intent,
    { receipt, by }: { readonly receipt: TransactionReceipt; readonly by: SignedTransaction },
  ): Promise<Fault | undefined> => {
    if (by.kind === 'nothing') return held.fault ?? GIVEN_UP(held)
    if (receipt.status === 'success') return undefined
    // Right after the block it was in, most calls are refused for the reason for which they reverted.
    const reason = await reader
      .call({ account: address, ...content(held.call), blockNumber: receipt.blockNumber })
      .then(
        () => undefined,
        (error) => refusedCallOr(held.call.name, error),
      )
    return REVERTED(held, receipt, reason)
  }
  const { reader } = chain
  const refusedCallOr = (name: string, error: unknown): Fault | undefined => {
    try {
      const refused = refusedCall(name, error, errors)
      return refused.ok ? undefined : refused.fault
    } catch {
      return undefined
    }
  }

  /** The nonce is used up: by one of ours, or by a stranger with the same key. What is over for good goes to `done`. */
  const settle = async (held: Intent, height: number, done: string[]): Promise<void> => {
    const mined = await minedOf(held)
    if (mined === undefined) return displaced(held, height)
    noticedAt.delete(held.intent)
    const depth = height - Number(mined.receipt.blockNumber)
    if (held.status === 'sent' || held.receipt?.blockHash !== mined.receipt.blockHash) {
      if (depth + 1 < confirmations) return
      const wrong = await faultOf(held, mined)
      const now = await change(held, {
        status: depth >= finality ? 'ended' : 'mined',
        receipt: mined.receipt,
        fault: wrong,
        fallen: false,
      })
      for (const { hash } of await transactionsOf(store.query, now)) broadcastAt.delete(hash)
      settled(now)
    } else if (held.status === 'mined' && depth >= finality) done.push(held.intent)
  }

  /** A stranger's transaction has the nonce. When that can no longer change, the intent gets another. */
  const displaced = async (held: Intent, height: number): Promise<void> => {
    const noticed = noticedAt.get(held.intent)
    if (noticed === undefined) {
      // A server may know the account's nonce before it knows the receipt.
      noticedAt.set(held.intent, { height, time: performance.now() })
    } else if (height - noticed.height >= finality && performance.now() - noticed.time >= patience) {
      noticedAt.delete(held.intent)
      onFault?.(new Error(`nonce ${held.nonce} of ${address} was used by a transaction that is not ours`))
      await change(held, {
        status: 'waiting',
        nonce: undefined,
        receipt: undefined,
        fault: undefined,
        fallen: false,
      })
    }
  }

  const signAs = async (
    held: Intent,
    nonce: number,
    kind: SignedTransaction['kind'],
    gas: bigint,
    fee: Fee,
  ): Promise<SignedTransaction> => {
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId: chain.chainId,
      nonce,
      gas,
      maxFeePerGas: fee.maxFee,
      maxPriorityFeePerGas: fee.tip,
      ...(kind === 'call' ? content(held.call) : { to: address, value: 0n }),
    })
    return { hash: keccak256(raw), nonce, kind, raw, ...fee }
  }

  const sendOut = async ({ hash, raw }: SignedTransaction): Promise<void> => {
    const last = performance.now()
    broadcastAt.set(hash, { first: broadcastAt.get(hash)?.first ?? last, last })
    try {
      await broadcast(rpc, raw)
    } catch (error) {
      // Known already, too cheap, no coins, no server: what became of it is seen at the next look.
      if (isPoor(error)) fault = summary(error)
      onFault?.(error as Error)
    }
  }

  /** Signs another transaction with the intent's nonce, for more than the last one; false where that is too dear. */
  const replace = async (
    held: Intent,
    last: SignedTransaction,
    kind: SignedTransaction['kind'],
  ): Promise<boolean> => {
    const fee = raised(last, await readGasPrice(rpc), feeLimit)
    if (fee === undefined) return false
    const gas = kind === 'nothing' ? PLAIN_TRANSFER : parseTransaction(last.raw).gas!
    const signed = await signAs(held, last.nonce, kind, gas, fee)
    await store.change((q) => addTransaction(q, held, signed))
    await sendOut(signed)
    return true
  }

  /** Why an intent that was sent should no longer have its effect. */
  const isOver = async (
    held: Intent,
    last: SignedTransaction,
    unseen: boolean,
  ): Promise<Fault | undefined> => {
    if (last.kind === 'nothing') return undefined
    if (held.deadline !== undefined && clock.now() > held.deadline) return TOO_LATE(held, clock.now())
    // What the chain has taken back is asked for again before it goes out again: it may mean something else now.
    return held.fallen && unseen ? refusalOf(held) : undefined
  }

  /** Sees to it that what can be mined next is with the server, and pays enough. */
  const keepGoing = async (held: Intent, isNext: boolean): Promise<void> => {
    const last = (await transactionsOf(store.query, held)).at(-1)
    if (last === undefined) return
    const sent = broadcastAt.get(last.hash)
    const now = performance.now()
    const unseen =
      (sent === undefined || now - sent.last > resendAfter) && !(await knowsTransaction(rpc, last.hash))
    if (isNext) {
      const over = await isOver(held, last, unseen)
      if (over !== undefined && (await replace(await change(held, { fault: over }), last, 'nothing'))) return
    }
    if (unseen) {
      // Those behind one that was taken back wait for it: what they find depends on it.
      if (isNext || !held.fallen) await sendOut(last)
    } else if (sent === undefined) broadcastAt.set(last.hash, { first: now, last: now })
    else if (isNext && now - sent.first > bumpAfter && !(await replace(held, last, last.kind)))
      fault = `the gas is dearer than ${feeLimit} wei, the most that may be paid`
  }

  const refusalOf = async ({ call }: Intent): Promise<Fault | undefined> => {
    try {
      await reader.estimateGas({ account: address, ...content(call) })
      return undefined
    } catch (error) {
      const refused = refusedCall(call.name, error, errors)
      return refused.ok ? undefined : refused.fault
    }
  }

  /** Gas for an intent that waits; a fault where it is refused; undefined where it has to be tried again. */
  const estimate = async (held: Intent): Promise<bigint | Fault | undefined> => {
    const { call, intent, deadline } = held
    if (deadline !== undefined && clock.now() > deadline) return TOO_LATE(held, clock.now())
    const tried = triedAt.get(intent)
    if (tried !== undefined && performance.now() < tried.next) return undefined
    try {
      const needed = await reader.estimateGas({ account: address, ...content(call) })
      if (held.gas !== undefined) return held.gas
      // The chain's time, or a stranger's transaction before it, may make it a little dearer.
      const ample = (needed * 5n) / 4n + 30_000n
      return ample <= GAS_LIMIT ? ample : needed > GAS_LIMIT ? needed : GAS_LIMIT
    } catch (error) {
      const refused = refusedCallOr(call.name, error)
      if (refused !== undefined) return refused
      return notYet(held, error as Error)
    }
  }

  /** An intent that could not be sent for a reason of the server or the purse: in a while, or no longer. */
  const notYet = (held: Intent, error: Error): Fault | undefined => {
    const { intent } = held
    const now = performance.now()
    const { tries, first } = triedAt.get(intent) ?? { tries: 0, first: now }
    onFault?.(error)
    fault = summary(error)
    if (isPoor(error) ? now - first > patience : !isLost(error) && tries + 1 >= TRIES) {
      triedAt.delete(intent)
      return isPoor(error) ? POOR(held, error) : REJECTED(held, error)
    }
    const pause = Math.min(LONGEST_PAUSE, pollingInterval * 2 ** tries)
    triedAt.set(intent, { tries: tries + 1, first, next: now + pause })
    return undefined
  }

  /** Gives nonces to what waits, oldest first; the nonce is stored with the signed bytes before anything is sent. */
  const sendWaiting = async (next: number, onTheWay: readonly Intent[]): Promise<number> => {
    const room = inFlight - onTheWay.filter(({ status }) => status === 'sent').length
    if (room <= 0) return 0
    const waiting = await intentsWith(store.query, ['waiting'], { account: address, limit: room })
    if (waiting.length === 0) return 0
    if (waiting.some(({ deadline }) => deadline !== undefined)) await clock.look()
    const estimates = await eachOf(waiting, AT_ONCE, estimate)
    const taken = new Set(onTheWay.map(({ nonce }) => nonce))
    let nonce = next
    const sendable = estimates.some((gas) => typeof gas === 'bigint')
    const fee = sendable ? feeAt(await readGasPrice(rpc), feeLimit) : NO_FEE
    let coins = sendable ? await reader.getBalance({ address }) : 0n
    let moved = 0
    for (const [i, held] of waiting.entries()) {
      let gas = estimates[i]
      if (typeof gas === 'bigint') {
        coins -= held.call.value + gas * fee.maxFee
        if (coins < 0n) gas = notYet(held, new Error(`insufficient funds: ${-coins} wei are missing`))
      }
      if (gas === undefined || ended.signal.aborted) continue
      moved++
      if (typeof gas !== 'bigint') {
        triedAt.delete(held.intent)
        settled(await change(held, { status: 'refused', fault: gas }))
        continue
      }
      while (taken.has(nonce)) nonce++
      const signed = await signAs(held, nonce, 'call', gas, fee)
      taken.add(nonce)
      await store.change(async (q) => {
        await addTransaction(q, held, signed)
        await changeIntent(q, held.intent, { status: 'sent', nonce, fallen: false, fault: undefined })
      })
      triedAt.delete(held.intent)
      await sendOut(signed)
    }
    return moved
  }

  /** A nonce that nobody has, below one that somebody waits with, would hold that one up for ever. */
  const fillGap = async (next: number, onTheWay: readonly Intent[]): Promise<void> => {
    const [first] = onTheWay
    if (first?.nonce === undefined || first.nonce <= next) return
    const gap = `gap ${next}`
    const noticed = noticedAt.get(gap)
    if (noticed === undefined) noticedAt.set(gap, { height: 0, time: performance.now() })
    // A server that is behind would give the nonce of one that is mined.
    if (noticed === undefined || performance.now() - noticed.time < patience) return
    noticedAt.delete(gap)
    const intent = `nothing:${address.toLowerCase()}:${next}`
    const call: Call = { name: 'nothing', to: address, data: '0x', value: 0n }
    const held = await store.change((q) => enqueue(q, { intent, account: address, call }))
    if (held.status !== 'waiting') return
    const signed = await signAs(
      held,
      next,
      'nothing',
      PLAIN_TRANSFER,
      feeAt(await readGasPrice(rpc), feeLimit),
    )
    await store.change(async (q) => {
      await addTransaction(q, held, signed)
      await changeIntent(q, intent, { status: 'sent', nonce: next, fallen: false, fault: undefined })
    })
    await sendOut(signed)
  }

  /** One round; gives whether something is under way. */
  const work = async (): Promise<boolean> => {
    if (!bound) {
      await bindToChain(store, rpc, chain.chainId)
      bound = true
    }
    const { number: height, hash, parentHash } = await readHead(rpc)
    // What is on its way changes with the chain; what waits for a clock is looked at now and then.
    if (isOnlySent && !isWoken && hash === workedAt.hash && performance.now() < workedAt.until) return true
    isWoken = false
    fault = undefined
    workedAt = { hash, until: performance.now() + quiet }
    const next = await readNonce(rpc, address)

    const open = (await intentsWith(store.query, ['sent', 'mined'], { account: address })).filter(
      ({ nonce }) => nonce !== undefined && nonce < next,
    )
    // What is mined changes only where the chain goes back: not with a block on top of the one that was seen.
    const hasGrown = parentHash === confirmedAt || hash === confirmedAt
    const isDeep = ({ receipt }: Intent): boolean =>
      receipt !== undefined && height - Number(receipt.blockNumber) >= finality
    const toSettle = open.filter((held) => held.status === 'sent' || !hasGrown || isDeep(held))
    const done: string[] = []
    await eachOf(toSettle, AT_ONCE, (held) => settle(held, height, done))
    if (done.length > 0)
      await store.change(async (q) => {
        for (const intent of done) await changeIntent(q, intent, { status: 'ended' })
      })
    confirmedAt = hash

    // Everything from here on is not mined, whatever it was before.
    const onTheWay: Intent[] = []
    const unmined = await intentsFromNonce(store.query, address, next)
    // The chain went back, or is another one altogether.
    if (unmined.some(({ status }) => status !== 'sent')) await bindToChain(store, rpc, chain.chainId)
    for (const held of unmined) {
      onTheWay.push(
        held.status === 'sent'
          ? held
          : await change(held, { status: 'sent', fallen: true, receipt: undefined }),
      )
    }
    if (onTheWay.some(({ deadline }) => deadline !== undefined)) await clock.look()
    for (const held of onTheWay) await keepGoing(held, held.nonce === next)
    const moved = await sendWaiting(next, onTheWay)
    if (moved === 0) await fillGap(next, onTheWay)

    const left = await intentsWith(store.query, ['waiting', 'sent'], { account: address })
    isOnlySent = left.every(({ status }) => status === 'sent')
    return left.length > 0
  }

  const loop = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      woken = Promise.withResolvers()
      let busy = true
      try {
        busy = await work()
        failures = 0
      } catch (error) {
        failures++
        isOnlySent = false
        fault = summary(error)
        onFault?.(error as Error)
        // What only a person can put right: another chain, a store that is lost.
        if (isLasting(error)) {
          ended.abort()
          broken(error as Error)
        }
      }
      // An idle account is looked at now and then: its chain may have gone back.
      const pause = (busy ? pollingInterval : 10 * pollingInterval) * 2 ** Math.min(failures, 10)
      const timer = new AbortController()
      await Promise.race([
        failures === 0 ? woken.promise : new Promise<never>(() => undefined),
        sleep(Math.min(LONGEST_PAUSE, pause), undefined, {
          signal: AbortSignal.any([timer.signal, ended.signal]),
        }).catch(() => undefined),
      ])
      timer.abort()
    }
  }
  const running = loop()

  return {
    account: address,
    wake: () => {
      isWoken = true
      woken.resolve()
    },
    fault: () => fault,
    stop: async () => {
      ended.abort()
      await running
    },
  }
}

const NO_FEE: Fee = { maxFee: 0n, tip: 0n }

const content = ({ to, data, value }: Call) => ({ to, data, value })

const namesOf = (error: unknown): ReadonlySet<string> => {
  const names = new Set<string>()
  if (error instanceof BaseError)
    error.walk((cause) => {
      if (cause instanceof Error) names.add(cause.name)
      return false
    })
  return names
}
const LOST = [
  'HttpRequestError',
  'TimeoutError',
  'SocketClosedError',
  'WebSocketRequestError',
  'LimitExceededRpcError',
]
const isLost = (error: unknown): boolean => {
  const names = namesOf(error)
  return LOST.some((name) => names.has(name))
}
const isPoor = (error: unknown): boolean =>
  namesOf(error).has('InsufficientFundsError') || /insufficient funds/i.test((error as Error).message)

/** The first line of an error: the rest is the request, which holds nothing that the log does not. */
const summary = (error: unknown): string => {
  const { message, details } = error as Error & { readonly details?: string }
  return [message.split('\n')[0], details].filter(Boolean).join(' ')
}

const TOO_LATE = ({ call, deadline }: Intent, now: number): Fault => ({
  code: 'deadline-passed',
  field: call.name,
  value: now,
  limit: deadline ?? '',
  remedy:
    'It was not sent, or was stuck and has been replaced by nothing. Send earlier, or pay more for gas.',
})
const POOR = ({ call, account }: Intent, error: Error): Fault => ({
  code: 'insufficient-funds',
  field: call.name,
  value: summary(error),
  limit: `what ${account} has`,
  remedy: 'Nothing was sent. Give the key coins for gas, and try again.',
})
const REJECTED = ({ call }: Intent, error: Error): Fault => ({
  code: 'call-rejected',
  field: call.name,
  value: summary(error),
  limit: 'what the chain takes',
  remedy: 'Nothing was sent. The server said this each time it was asked; see to its cause, and try again.',
})
const REVERTED = (
  { call }: Intent,
  { transactionHash }: TransactionReceipt,
  reason: Fault | undefined,
): Fault => ({
  code: 'reverted',
  field: call.name,
  value: reason?.value ?? 'reverted',
  limit: reason?.limit ?? '',
  remedy: `Only gas was spent, in ${transactionHash}: the chain changed after the call was tried. Read the chain again.`,
})
const GIVEN_UP = ({ call }: Intent): Fault => ({
  code: 'given-up',
  field: call.name,
  value: 'replaced by nothing',
  limit: 'one transaction for each nonce',
  remedy: 'It had no effect. Read the chain again, and send it again where it is still wanted.',
})
