import { setTimeout as sleep } from 'node:timers/promises'
import { ChainError } from '@lockstep/contracts'
import { META, readMeta, writeMeta } from '../store/meta.ts'
import type { Store } from '../store/open-store.ts'
import { isLasting } from '../store/store-error.ts'
import { bindToChain } from './chain-identity.ts'
import {
  type ChainLog,
  type ChainReader,
  eachOf,
  type Header,
  readHead,
  readHeader,
  readLogs,
  rpcOf,
} from './chain-reads.ts'
import {
  appendBlocks,
  type ChainEvent,
  type Cursor,
  type EventBatch,
  type EventFilter,
  readEvents,
  readEventsSince,
  readIndexedTo,
  readRevision,
  rollBack,
  START,
  WHOLE_BLOCK,
} from './event-log.ts'
import { eventDecoder, type IndexedContract, indexKey } from './indexed-contract.ts'

export type IndexerOptions = {
  readonly store: Store
  readonly chain: ChainReader
  readonly contracts: readonly IndexedContract[]
  /** Blocks that have to stand on top of one before it is indexed. */
  readonly confirmations?: number
  /** How many block hashes are kept: deeper reorganisations make the index begin anew. */
  readonly keep?: number
  /** The most blocks whose events are asked for at once, where no reorganisation is to be expected. */
  readonly range?: number
  /** Milliseconds between two looks at the chain. */
  readonly pollingInterval?: number
  /**
   * Milliseconds for which a chain that is merely shorter than before is taken for a server that lags behind. After
   * that it is taken at its word.
   */
  readonly patience?: number
  /** Told about each look that failed; the indexer goes on by itself. */
  readonly onFault?: (error: Error) => void
}

export type IndexerStatus = {
  /** `following` where all of the chain is indexed, `stopped` after `stop` or where it cannot go on. */
  readonly state: 'catching-up' | 'following' | 'failing' | 'stopped'
  /** The chain's last block at the last look; -1 before it. */
  readonly head: number
  readonly indexedTo: number
  /** Looks that failed in a row, and why the last one did. */
  readonly failures: number
  readonly fault?: string
}

export type Indexer = {
  readonly status: () => IndexerStatus
  /** What happened since a cursor; the first time without one. */
  readonly eventsSince: (cursor?: Cursor, filter?: EventFilter, limit?: number) => Promise<EventBatch>
  /** All events of a kind or about a subject, in order. */
  readonly events: (filter: EventFilter) => Promise<readonly ChainEvent[]>
  /** What happens from a cursor on, batch after batch, until the signal or the indexer's end. */
  readonly follow: (cursor?: Cursor, options?: FollowOptions) => AsyncGenerator<EventBatch>
  /** Waits until this block is indexed, or all that the chain now has; throws where that is not so in time. */
  readonly reached: (block?: number, timeout?: number) => Promise<void>
  readonly stop: () => Promise<void>
}
export type FollowOptions = EventFilter & { readonly signal?: AbortSignal; readonly limit?: number }

/** Blocks whose headers and events are fetched together near the head. */
const BATCH = 32
/** Requests under way at once. */
const AT_ONCE = 8
/** Looks in a row that may fail because the chain changed between two answers. */
const CONTRADICTIONS = 20
const LONGEST_PAUSE = 30_000

/**
 * Follows the events of contracts by block hash and keeps them in the store. At any time the store holds exactly the
 * events of the blocks up to `indexedTo` of one chain. Where the chain has taken back blocks, it goes back to the last
 * one that both have, and readers are told by their next batch.
 */
export const startIndexer = async (options: IndexerOptions): Promise<Indexer> => {
  const { store, chain, contracts, confirmations = 0, keep = 256, range = 2_000 } = options
  const { pollingInterval = 500, patience = 10_000, onFault } = options
  const { chainId } = chain
  const rpc = rpcOf(chain)
  const addresses = contracts.map(({ address }) => address)
  const decode = eventDecoder(contracts)
  const start = contracts.reduce((least, { fromBlock = 0 }) => Math.min(least, fromBlock), Infinity)
  if (contracts.length === 0) throw new RangeError('contracts is empty: name at least one to follow')

  let bound = false
  const bind = async (): Promise<void> => {
    await bindToChain(store, rpc, chainId)
    bound = true
  }
  // A wrong chain is refused at once; one that does not answer yet is waited for.
  await bind().catch((error) => {
    if (isLasting(error)) throw error
  })
  await store.change(async (q) => {
    const key = indexKey(contracts)
    const held = await readMeta(q, META.indexed)
    if (held === key) return
    if (held !== undefined) await rollBack(q, start - 1)
    else await writeMeta(q, META.indexedTo, `${start - 1}`)
    await writeMeta(q, META.indexed, key)
  })

  let indexedTo = (await readIndexedTo(store.query)) ?? start - 1
  /** Of what is indexed; undefined where it may be another one than we know. */
  let revision: number | undefined = await readRevision(store.query)
  /** The block that was found to be on the chain last: as long as it is the head, there is nothing to ask for. */
  let settledHead: string | undefined
  let head = -1
  let failures = 0
  let fault: string | undefined
  let looks = 0
  let version = 0
  let contradictions = 0
  let shorterSince: number | undefined
  let width = range
  const ended = new AbortController()
  let changed = Promise.withResolvers<void>()
  const tellChanged = (): void => {
    version++
    changed.resolve()
    changed = Promise.withResolvers<void>()
  }

  const storedBlocks = () =>
    store.query.selectFrom('blocks').select(['number', 'hash']).orderBy('number').execute()

  const storedTip = () =>
    store.query
      .selectFrom('blocks')
      .select(['number', 'hash'])
      .orderBy('number', 'desc')
      .limit(1)
      .executeTakeFirst()

  /** The last stored block that the chain has too; undefined where it has none of them. */
  const ancestorOn = async (chainHead: Header): Promise<number | undefined> => {
    const blocks = (await storedBlocks()).filter(({ number }) => number <= chainHead.number)
    // If the chain has a block it has all before it: search for the last by halves.
    let low = 0
    let high = blocks.length
    while (low < high) {
      const middle = (low + high) >> 1
      const { number, hash } = blocks[middle]!
      if ((await readHeader(rpc, number))?.hash === hash) low = middle + 1
      else high = middle
    }
    return blocks[low - 1]?.number
  }

  const goBackTo = async (ancestor: number): Promise<void> => {
    revision = undefined
    await store.change((q) => rollBack(q, ancestor))
    revision = await readRevision(store.query)
    indexedTo = ancestor
    tellChanged()
  }

  /** Whether what is indexed is still part of the chain; goes back where it is not. */
  const isOnChain = async (chainHead: Header): Promise<boolean> => {
    if (indexedTo < start) return true
    const tip = await storedTip()
    if (tip === undefined) {
      await goBackTo(start - 1)
      return true
    }
    if (chainHead.number >= tip.number) {
      shorterSince = undefined
      if ((await readHeader(rpc, tip.number))?.hash === tip.hash) return true
    }
    const ancestor = await ancestorOn(chainHead)
    if (ancestor === chainHead.number && ancestor < tip.number) {
      // Nothing contradicts what is indexed. Several servers behind one URL are not always equally far.
      shorterSince ??= performance.now()
      if (performance.now() - shorterSince < patience) return false
    }
    shorterSince = undefined
    // None left: another chain with the same id, or a reorganisation deeper than what is kept.
    if (ancestor === undefined) await bind()
    await goBackTo(ancestor ?? start - 1)
    return true
  }

  const inOrder = (found: readonly ChainLog[]): readonly ChainLog[] =>
    [...found].sort((a, b) => a.blockNumber - b.blockNumber || a.logIndex - b.logIndex)

  const store_ = async (headers: readonly Header[], found: readonly ChainLog[]): Promise<void> => {
    const times = new Map(headers.map(({ number, timestamp }) => [number, timestamp]))
    const events = inOrder(found).flatMap((log) => decode(log, times.get(log.blockNumber)!) ?? [])
    await store.change((q) => appendBlocks(q, headers, events, keep))
    indexedTo = headers.at(-1)!.number
    tellChanged()
  }

  /** The hash of the last indexed block; undefined where none is indexed. */
  const tipHash = async (): Promise<string | undefined> =>
    indexedTo < start ? undefined : (await storedTip())?.hash

  /**
   * Block after block, each by its hash: exact also while the chain is being reorganised. Gives a reason where the
   * answers do not fit together, so that one has to look again.
   */
  const advanceNear = async (to: number): Promise<string | undefined> => {
    const numbers = Array.from({ length: Math.min(BATCH, to - indexedTo) }, (_, i) => indexedTo + 1 + i)
    let parent = await tipHash()
    const headers: Header[] = []
    for (const found of await eachOf(numbers, AT_ONCE, (number) => readHeader(rpc, number))) {
      const number = indexedTo + 1 + headers.length
      if (found === undefined) return `block ${number} is not there`
      if (parent !== undefined && found.parentHash !== parent)
        return `block ${number} does not follow block ${number - 1}`
      headers.push(found)
      parent = found.hash
    }
    const logs = await eachOf(headers, AT_ONCE, async ({ hash, number }) => {
      const found = await readLogs(rpc, addresses, { blockHash: hash })
      return found.every((log) => log.blockHash === hash && log.blockNumber === number) ? found : undefined
    })
    if (logs.includes(undefined)) return 'an event is not of the block that was asked for'
    await store_(
      headers,
      logs.flatMap((found) => found ?? []),
    )
    return undefined
  }

  /** Many blocks at once, far below the head. The range's ends and all blocks with events are checked by hash. */
  const advanceFar = async (to: number): Promise<string | undefined> => {
    const from = indexedTo + 1
    const parent = await tipHash()
    const [first, last] = [await readHeader(rpc, from), await readHeader(rpc, to)]
    if (!first || !last) return `of blocks ${from} to ${to} not all are there`
    if (parent !== undefined && first.parentHash !== parent)
      return `block ${from} does not follow block ${from - 1}`
    const logs = await readLogs(rpc, addresses, { from, to })
    const numbers = [...new Set(logs.map(({ blockNumber }) => blockNumber))].filter((number) => number !== to)
    const headers = [...(await eachOf(numbers, AT_ONCE, (number) => readHeader(rpc, number))), last]
    const byNumber = new Map(headers.map((found) => [found?.number, found]))
    const fits = logs.every(
      (log) =>
        log.blockNumber >= from &&
        log.blockNumber <= to &&
        byNumber.get(log.blockNumber)?.hash === log.blockHash,
    )
    if (!fits) return `an event is of no block from ${from} to ${to}`
    if ((await readHeader(rpc, to))?.hash !== last.hash) return `block ${to} has changed in between`
    await store_(
      headers.flatMap((found) => found ?? []).sort((a, b) => a.number - b.number),
      logs,
    )
    return undefined
  }

  /** The chain may have changed between two answers; but if it goes on like this, something is wrong with it. */
  const isContradiction = (reason: string | undefined): boolean => {
    contradictions = reason === undefined ? 0 : contradictions + 1
    if (contradictions > CONTRADICTIONS) {
      throw new ChainError('unknown', `the chain contradicts itself: ${reason}; check the server at the URL`)
    }
    return reason !== undefined
  }

  const look = async (): Promise<void> => {
    // A change that failed may have been stored all the same.
    if (failures > 0) {
      indexedTo = (await readIndexedTo(store.query)) ?? start - 1
      revision = await readRevision(store.query)
    }
    if (!bound) await bind()
    const chainHead = await readHead(rpc)
    head = chainHead.number
    if (chainHead.hash === settledHead) return
    settledHead = undefined
    if (!(await isOnChain(chainHead))) return
    const target = chainHead.number - confirmations
    while (indexedTo < target && !ended.signal.aborted) {
      const far = target - keep
      if (indexedTo >= far) {
        if (isContradiction(await advanceNear(target))) return
        continue
      }
      try {
        if (isContradiction(await advanceFar(Math.min(indexedTo + width, far)))) return
        width = Math.min(range, width * 2)
      } catch (error) {
        // Servers limit ranges and answers by rules of their own.
        if (width === 1 || contradictions > 0) throw error
        width = Math.max(1, width >> 2)
        onFault?.(error as Error)
      }
    }
    if (indexedTo >= target) settledHead = chainHead.hash
  }

  const loop = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      const wasFailing = failures > 0
      try {
        await look()
        failures = 0
        fault = undefined
      } catch (error) {
        failures++
        settledHead = undefined
        fault = (error as Error).message
        onFault?.(error as Error)
        // What only a person can put right: another chain, a store that is lost.
        if (isLasting(error)) ended.abort()
      }
      // Whoever waits has nothing to see where nothing is new.
      if (looks++ === 0 || wasFailing || failures > 0) tellChanged()
      const pause = Math.min(LONGEST_PAUSE, pollingInterval * 2 ** Math.min(failures, 10))
      await sleep(pause, undefined, { signal: ended.signal }).catch(() => undefined)
    }
    tellChanged()
  }
  const running = loop()

  /** Comes back after the next change, or look, or at the end. */
  const nextChange = async (signal?: AbortSignal): Promise<void> => {
    if (signal === undefined) return changed.promise
    const stopped = Promise.withResolvers<void>()
    const onAbort = () => stopped.resolve()
    signal.addEventListener('abort', onAbort)
    await Promise.race([changed.promise, stopped.promise])
    signal.removeEventListener('abort', onAbort)
  }

  const eventsSince: Indexer['eventsSince'] = async (cursor = START, filter, limit) =>
    // Who has seen all that there is need not ask the store.
    cursor.revision === revision && cursor.block === indexedTo && cursor.logIndex === WHOLE_BLOCK
      ? { events: [], cursor, more: false }
      : store.change((q) => readEventsSince(q, cursor, filter, limit))

  return {
    eventsSince,
    events: (filter) => readEvents(store.query, filter),
    status: () => ({
      state: ended.signal.aborted
        ? 'stopped'
        : failures > 0
          ? 'failing'
          : looks > 0 && indexedTo >= head - confirmations
            ? 'following'
            : 'catching-up',
      head,
      indexedTo,
      failures,
      ...(fault === undefined ? {} : { fault }),
    }),
    async *follow(cursor = START, { signal, limit, ...filter } = {}) {
      let at = cursor
      let seen: number | undefined
      while (!signal?.aborted) {
        const next = nextChange(signal)
        if (seen !== version) {
          const before = version
          const batch = await eventsSince(at, filter, limit)
          at = batch.cursor
          seen = batch.more ? undefined : before
          if (batch.events.length > 0 || batch.rolledBackTo !== undefined) yield batch
          if (batch.more) continue
        }
        if (ended.signal.aborted) {
          if (fault !== undefined) throw new Error(`the indexer has stopped: ${fault}`)
          return
        }
        await next
      }
    },
    reached: async (block, timeout = 30_000) => {
      const goal = block ?? (await readHead(rpc)).number - confirmations
      const until = AbortSignal.timeout(timeout)
      while (indexedTo < goal) {
        if (until.aborted || ended.signal.aborted) {
          throw new Error(
            `block ${goal} is not indexed within ${timeout} ms, but ${indexedTo} is${fault ? `: ${fault}` : ''}`,
          )
        }
        await nextChange(until)
      }
    },
    stop: async () => {
      ended.abort()
      await running
    },
  }
}
