import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import {
  type Mailbox,
  mailboxChecks,
  NETWORK_VERSION,
  openMailbox,
  progressTopic,
  swarmsTopic,
} from '@lockstep/client'
import {
  connect,
  type Deployment,
  disputeChain,
  MARKET_ERRORS,
  marketCalls,
  marketContracts,
  marketReads,
} from '@lockstep/contracts'
import type { Address } from '@lockstep/market'
import { blobService, createPeer, newPeerKey, openBlobStore, type Peer } from '@lockstep/network'
import { type Hex, type ProgramHeader, toHex } from '@lockstep/proof'
import { ok, type Result, unwrap } from '@lockstep/tensor'
import { keccak256 } from 'viem'
import { chainClock } from '../chain/chain-clock.ts'
import { type Indexer, startIndexer } from '../chain/indexer.ts'
import { startTransactor, type Transactor } from '../chain/transactor.ts'
import type { NodeConfig } from '../config/schema.ts'
import { openExecutors } from '../executors/node-executors.ts'
import { keepDuties } from '../flow/keep.ts'
import type { LiveMarket } from '../flow/live.ts'
import { type MarketView, marketView } from '../flow/market-view.ts'
import { readPrivate, writePrivate } from '../keys/private-file.ts'
import type { Secret } from '../keys/secret.ts'
import type { Log } from '../log.ts'
import { type Capability, capabilityOf } from '../policy/capability.ts'
import { createSurroundings } from '../policy/surroundings.ts'
import { keeperHands } from '../roles/keeper.ts'
import type { NodeParts } from '../roles/parts.ts'
import { createProvider, type Provider } from '../roles/provider.ts'
import { acceptForJobs, keepState, serveFaucet } from '../roles/relay.ts'
import { createVerifier, type Verifier } from '../roles/verifier.ts'
import type { ExecutorSpec } from '../run/run-spec.ts'
import { openSpares } from '../run/spares.ts'
import {
  dropAnnouncement,
  readAnnouncements,
  readHistories,
  saveAnnouncement,
  saveHistory,
} from '../store/announcements.ts'
import { endAudits } from '../store/audits.ts'
import { openStore, type Store } from '../store/open-store.ts'
import { endRuns } from '../store/runs.ts'
import { readSecret, writeSecret } from '../store/secrets.ts'
import { type DutyLoop, startDutyLoop } from './duty-loop.ts'
import { unpinClosed } from './unpin-closed.ts'

export type NodeOptions = {
  readonly config: NodeConfig
  /** Where the node's files are: the config's directory, as a whole path. */
  readonly directory: string
  readonly deployment: Deployment
  /** The account that the key acts for. */
  readonly account: Address
  readonly key: Secret
  readonly log: Log
  /** An executor of one's own for runs, not for audits: see ExecutorSpec. */
  readonly executor?: Pick<ExecutorSpec, 'module' | 'options'>
  /** The same for audits and what follows from them: who matches a lie with it is slashed for it. */
  readonly auditExecutor?: Pick<ExecutorSpec, 'module' | 'options'>
  /** Milliseconds between two looks at the chain. */
  readonly pollingInterval?: number
}

/** A node at work. */
export type LockstepNode = {
  readonly peer: Peer
  readonly view: MarketView
  readonly indexer: Indexer
  readonly transactor: Transactor
  readonly store: Store
  readonly parts: NodeParts
  readonly provider: Provider | undefined
  readonly verifier: Verifier | undefined
  readonly loop: DutyLoop
  readonly capability: () => Capability | undefined
  readonly setPaused: (paused: boolean) => void
  readonly stop: () => Promise<void>
}

const PEER_KEY = 'peer.key'
const TIDY_MS = 60_000
const RETELL_MS = 15_000
/** How long the chain's time is taken from this machine's clock. */
const CLOCK_MS = 2_000
/** How long a relay keeps what belongs to a job that is closed. */
const KEEP_MS = 7 * 86_400_000
/** How long a duty waits at most until what it has done is indexed. */
const SEEN_MS = 5_000

/**
 * Starts a node in this process: its store, its eye on the chain, its peer, its blobs, and the roles of its config. It
 * goes on where an earlier start of it ended, however that ended.
 */
export const startNode = async (options: NodeOptions): Promise<Result<LockstepNode>> => {
  const { config, directory, key, log, pollingInterval = 300 } = options
  const { addresses, chainId, fromBlock } = options.deployment
  const account = options.account.toLowerCase() as Address
  const self = { account, key: key.address.toLowerCase() as Address }
  const isProvider = config.roles.includes('provider')
  const isVerifier = config.roles.includes('verifier')
  const isRelay = config.roles.includes('relay')
  const stopping = new AbortController()
  const closers: (() => unknown)[] = []
  const onFault = (what: string) => (error: Error) => log.warn({ err: error }, `${what}: ${error.message}`)
  const undo = async (): Promise<void> => {
    for (const close of closers.reverse()) await Promise.resolve(close()).catch(onFault('stop'))
  }
  try {
    await mkdir(directory, { recursive: true })
    const where = /^postgres(ql)?:/.test(config.store) ? config.store : resolve(directory, config.store)
    const store = await openStore(where)
    closers.push(store.close)
    const signer = key.account()
    const connection = await connect({
      url: config.chain.rpc,
      chainId,
      account: signer,
      pollingInterval,
    })
    const { reader } = connection
    const clock = chainClock(connection)
    await clock.look()
    const contracts = marketContracts(addresses).map((contract) => ({
      ...contract,
      fromBlock,
    }))
    const indexer = await startIndexer({
      store,
      chain: connection,
      contracts,
      confirmations: config.chain.confirmations,
      pollingInterval,
      onFault: onFault('chain'),
    })
    closers.push(indexer.stop)
    const transactor = await startTransactor({
      store,
      chain: connection,
      accounts: [signer],
      errors: MARKET_ERRORS,
      confirmations: 0,
      pollingInterval,
      onFault: onFault('transactions'),
    })
    closers.push(transactor.stop)
    const read = marketReads(reader, addresses)
    const disputes = await disputeChain(connection, addresses.disputes, {
      pollingInterval,
      send: (call, gas) =>
        transactor.send(`${call.name}:${keccak256(call.data)}`, call, { gas, signal: stopping.signal }),
    })

    const peer = await createPeer({
      key: await peerKey(join(directory, PEER_KEY)),
      network: { chainId, market: addresses.market, version: NETWORK_VERSION },
      listen: config.network.listen,
      announce: config.network.announce,
      bootstrap: config.network.bootstrap,
      mdns: config.network.mdns,
      relay: isRelay,
      clock: Date.now,
      log,
    })
    if (!peer.ok) {
      await undo()
      return peer
    }
    closers.push(peer.value.stop)
    const blobStore = await openBlobStore(join(directory, 'blobs'), { maxBytes: config.policy.caps.disk })
    if (!blobStore.ok) {
      await undo()
      return blobStore
    }
    closers.push(() => blobStore.value.close())

    let parts: NodeParts | undefined
    // What is heard before there is a loop is seen in its first look.
    let loop: DutyLoop | undefined
    let eye: MarketView | undefined
    const { query } = store
    const mailbox = await openMailbox({
      peer: peer.value,
      checks: mailboxChecks({ chainId, addresses, read, disputes, now: clock.now }),
      keep: {
        load: async () => (await readAnnouncements(query)) as never,
        save: (message) => saveAnnouncement(query, message.job, message as never),
        loadHistories: async () => (await readHistories(query)) as never,
        saveHistory: (message) => saveHistory(query, message, message as never),
        drop: (job) => dropAnnouncement(query, job),
      },
      heard: ({ job, claim }) => {
        eye?.heard()
        loop?.wake()
        const history = claim && mailbox.history(claim)
        if (isRelay && parts && history) void keepState(parts, history).catch(onFault(`state of job ${job}`))
      },
    })
    closers.push(mailbox.close)
    const view = marketView({ indexer, read, reader, addresses, mailbox, now: clock.now })
    eye = view
    const blobs = blobService(peer.value, blobStore.value, {
      ...(isRelay && {
        accept: acceptForJobs({ mailbox, read, addresses, config, chainId }),
      }),
    })
    blobs.serve()
    closers.push(() => blobs.stop())

    let capability: Capability | undefined
    const threads = threadsOf(config)
    const choice = typeof config.executor === 'string' ? config.executor : 'auto'
    // Whoever computes nothing, or with a module of one's own, asks no driver.
    const mayHaveDevices = (isProvider || isVerifier) && options.executor?.module === undefined
    const executors = await openExecutors({
      choice: mayHaveDevices ? choice : 'auto',
      ...(!mayHaveDevices && { mayHaveDevices: () => false }),
      ...{ threads, log, signal: stopping.signal, runs: config.policy.caps.runs },
      file: join(directory, 'executors.json'),
      processor: () => capability,
      changed: () => loop?.wake(),
    })
    if (!executors.ok) {
      await undo()
      return executors
    }
    closers.push(() => executors.value.close())
    const processor = choice === 'wasm' || choice === 'native' ? { on: choice } : {}
    const surroundings = createSurroundings({
      ...{ directory, now: Date.now },
      // To ask who sits at the desktop is to start a process: only where it makes a difference.
      ...(config.policy.pause.ownerInput === 0 && { loginctl: false as const }),
    })
    closers.push(() => surroundings.close())
    const spares = openSpares({ directory: join(directory, 'spares'), most: config.policy.caps.runs })
    closers.push(spares.close)
    const programs = new Map<number, readonly ProgramHeader[]>()
    parts = {
      ...{
        config,
        self,
        signer,
        addresses,
        store,
        view,
        read,
        transactor,
        disputes,
        mailbox,
        blobs,
        surroundings,
        spares,
      },
      chainId,
      calls: marketCalls(addresses),
      peer: peer.value,
      blobStore: blobStore.value,
      programs: async (job) => {
        const known = programs.get(job)
        if (known) return known
        const { slices = [] } = (await view.market()).jobs.get(job) ?? {}
        const count = 1 + Math.max(-1, ...slices.map(({ slice }) => slice.program))
        const found = await Promise.all(Array.from({ length: count }, (_, i) => read.program(job, i)))
        programs.set(job, found)
        return found
      },
      capability: () => capability,
      executors: executors.value,
      executor: { threads, ...processor, ...options.executor },
      directory,
      log,
      now: clock.now,
      secret: async (name) => {
        await writeSecret(query, name, toHex(randomBytes(32)))
        return (await readSecret(query, name))!
      },
      stopped: stopping.signal,
      seen: async (block) => {
        await indexer.reached(block, SEEN_MS).catch(() => {})
        await view.update()
      },
      wake: () => loop?.wake(),
    }
    // A lie that somebody gives their own runs is not given to their audits: those would only be wrong.
    const provider = isProvider ? createProvider(parts) : undefined
    const verifier = isVerifier
      ? createVerifier({ ...parts, executor: { threads, ...processor, ...options.auditExecutor } })
      : undefined
    await indexer.reached().catch(onFault('chain'))
    await view.update()
    await provider?.restore()
    await verifier?.restore()
    if (isRelay && config.faucet) serveFaucet(parts)
    // Who watches a job, or learns in a swarm, meets relays, and hears what these pass on.
    if (isRelay) {
      closers.push(peer.value.topic(progressTopic).subscribe(() => {}))
      closers.push(peer.value.topic(swarmsTopic).subscribe(() => {}))
    }

    const asked = new Map<number, number>()
    let looked = { head: -1, at: Number.NEGATIVE_INFINITY }
    const due = async () => {
      // The chain's time is another one with its next block at the earliest; in between this machine's clock goes on.
      const { head } = indexer.status()
      if (head !== looked.head || performance.now() - looked.at >= CLOCK_MS) {
        looked = { head, at: performance.now() }
        await clock.look()
      }
      await view.update()
      const market = await view.market()
      askForUnknown(market, parts!, asked)
      await provider?.look(market.jobs, market.now)
      return [
        ...(provider?.duties(market) ?? []),
        ...(verifier?.duties(market) ?? []),
        ...(isProvider || isVerifier ? keepDuties(market, self) : []),
      ]
    }
    const hands = { ...keeperHands(parts), ...provider?.hands, ...verifier?.hands }
    const started = startDutyLoop({ due, hands, log })
    loop = started
    closers.push(started.stop)
    const watch = followChain(indexer, started, stopping.signal)
    const closed = new Map<number, number>()
    const tidyUp = async (): Promise<void> => {
      const open = await tidy(parts!, closed)
      provider?.retain(open)
      for (const job of programs.keys()) if (!open.has(job)) programs.delete(job)
      for (const job of asked.keys()) if (!open.has(job)) asked.delete(job)
    }
    const timers = [
      setInterval(() => void tidyUp().catch(onFault('tidying')), TIDY_MS),
      setInterval(() => void retell(parts!).catch(onFault('telling again')), RETELL_MS),
    ]
    closers.push(() => {
      for (const timer of timers) clearInterval(timer)
      return watch
    })
    const stopRoles = async (): Promise<void> => {
      stopping.abort(new Error('the node was stopped'))
      await provider?.stop()
      await verifier?.stop()
    }
    closers.push(stopRoles)
    if (isProvider) {
      const file = join(directory, 'capability.json')
      const measured = capabilityOf({ file, threads, now: Date.now, ...processor })
      void measured.then((found) => {
        capability = found
        log.info({ ...found }, 'capability')
        started.wake()
      }, onFault('capability'))
    }
    peer.value.onPeer((_, connected) => connected && started.wake())
    log.info(
      { ...self, peer: peer.value.id, addresses: peer.value.addresses(), roles: config.roles },
      'node is up',
    )

    let stopped: Promise<void> | undefined
    return ok({
      ...{ peer: peer.value, view, indexer, transactor, store, parts, provider, verifier, loop: started },
      capability: () => {
        const speed = executors.value.speed([])
        if (!capability || !speed) return undefined
        return { ...capability, executor: speed.name, unitsPerSecond: speed.unitsPerSecond }
      },
      setPaused: (paused) => provider?.setPaused(paused),
      stop: () => {
        stopped ??= undo()
        return stopped
      },
    })
  } catch (error) {
    await undo()
    throw error
  }
}

/** Wakes the loop when something has happened on the chain. */
const followChain = async (indexer: Indexer, loop: DutyLoop, signal: AbortSignal): Promise<void> => {
  try {
    for await (const batch of indexer.follow(undefined, { signal })) if (batch.events.length > 0) loop.wake()
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Asks for the manifests of jobs that were not heard of, each now and then. */
const askForUnknown = (market: LiveMarket, { mailbox, log }: NodeParts, asked: Map<number, number>): void => {
  for (const { number, known } of market.jobs.values()) {
    if (known || (asked.get(number) ?? 0) > market.now) continue
    asked.set(number, market.now + 5)
    mailbox.ask(number).catch((err: Error) => log.warn({ err, job: number }, `asking: ${err.message}`))
  }
}

/** Tells again what others may have missed, while it matters. */
const retell = async ({ mailbox, view, self }: NodeParts): Promise<void> => {
  const { jobs, now } = await view.market()
  for (const { number, slices, job } of jobs.values()) {
    for (const { progress } of slices) {
      const history = progress.status === 'claimed' ? mailbox.history(progress.claim) : undefined
      if (history && progress.key === self.key) await mailbox.tell(history)
    }
    if (!slices.some(({ progress }) => progress.status === 'bidding')) continue
    const own = mailbox.bids(number).find(({ bid }) => bid.key === self.key && bid.expiry > now)
    if (own) await mailbox.bid(own)
    const announced = mailbox.announcement(number)
    if (announced && job.requester === self.account) await mailbox.announce(announced)
  }
}

/** Gives up what belongs to jobs that are closed; gives those that are open. */
const tidy = async (
  { view, mailbox, blobStore, directory, config, store }: NodeParts,
  closed: Map<number, number>,
): Promise<ReadonlySet<number>> => {
  // While a chain that went back is taken in anew, jobs are missing that are open: not before that is over.
  await view.update()
  const open = view.jobs()
  const { audits, disputes } = await view.market()
  const needed = new Set([...audits.keys(), ...disputes.map(({ claim }) => claim)])
  const isRelay = config.roles.includes('relay')
  await mailbox.retain(isRelay ? new Set([...open, ...closedLately(mailbox, open, closed)]) : open)
  unpinClosed(blobStore, open, { ...(isRelay && { keepMs: KEEP_MS }), now: Date.now() })
  await store.change(async (q) => {
    await endRuns(q, (job) => open.has(job))
    await endAudits(q, (claim) => needed.has(claim))
  })
  const runs = join(directory, 'runs')
  for (const name of await readdir(runs).catch(() => [])) {
    const job = /^job-(\d+)-/.exec(name)?.[1]
    if (job !== undefined && !open.has(Number(job)))
      await rm(join(runs, name), { recursive: true, force: true })
  }
  const audited = join(directory, 'audits')
  for (const name of await readdir(audited).catch(() => []))
    if (/^0x[0-9a-f]{64}$/.test(name) && !needed.has(name as Hex))
      await rm(join(audited, name), { recursive: true, force: true })
  return open
}

/** Jobs whose messages a relay keeps, because their requesters may come for their results later. */
const closedLately = (mailbox: Mailbox, open: ReadonlySet<number>, closed: Map<number, number>): number[] => {
  const now = Date.now()
  for (const job of mailbox.jobs()) if (!open.has(job) && !closed.has(job)) closed.set(job, now)
  for (const [job, since] of closed) if (open.has(job) || now - since > KEEP_MS) closed.delete(job)
  return [...closed.keys()]
}

const peerKey = async (path: string): Promise<Uint8Array> => {
  await writePrivate(path, toHex(await newPeerKey()))
  const held = unwrap(await readPrivate(path, 4096, 'Remove the file: the peer then has a new id.'))
  return Uint8Array.from(Buffer.from(new TextDecoder().decode(held).trim().slice(2), 'hex'))
}

/** Threads of one run: its share of the cores that all runs may use. */
const threadsOf = ({ policy: { caps } }: NodeConfig): number => {
  const cores = caps.cores ?? Math.max(1, availableParallelism() - 1)
  return Math.max(1, Math.floor(cores / caps.runs))
}
