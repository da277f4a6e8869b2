import type { NetworkFile } from '@lockstep/client'
import {
  type AccountView as AccountHistory,
  type Address,
  earningsOf,
  explainAccount,
  explainJob,
  explainScore,
  follow,
  type History,
  historyOf,
  type JobView as JobHistory,
  type Line,
  type SliceView,
} from '@lockstep/market'
import { type Hex, isAddressEqual } from 'viem'
import type { ChainEvent, Cursor } from '../chain/event-log.ts'
import type { NodeConfig } from '../config/schema.ts'
import type { NodeMetrics } from '../http/metrics.ts'
import type { EarningsView, Explanation, JobView, NodeViews } from '../http/views.ts'
import { scopesOf } from '../keys/delegation.ts'
import type { LockstepNode } from './start-node.ts'

export type NodeViewsOptions = {
  readonly node: LockstepNode
  readonly config: NodeConfig
  /** What others are told who ask how to join; this node's own addresses are put before its peers. */
  readonly network: NetworkFile
  readonly version: string
  readonly metrics: NodeMetrics
  /** Seconds since 1970. */
  readonly now: () => number
}

/** Blocks that a node may be behind and still count as ready. */
const MOST_BEHIND = 64

type EntryKind = EarningsView['entries'][number]['kind']
const KINDS: { readonly [kind: string]: EntryKind } = {
  provided: 'provided',
  audited: 'audited',
  bounty: 'bounty',
  slashed: 'slashed',
  'auditor-slashed': 'slashed',
  refunded: 'refund',
}
const MADE = new Set<EntryKind>(['provided', 'audited', 'bounty'])

/** What a node tells about itself and the market: from its parts, and from the history that its index holds. */
export const nodeViews = (options: NodeViewsOptions): NodeViews => {
  const { node, config, version, metrics, now } = options
  const { indexer, parts, peer, provider } = node
  const { account, key } = parts.self
  const started = Math.floor(now())
  const past = indexedHistory(node, metrics)
  let pausedBy: string | undefined
  observe(node, metrics)

  return {
    health: async () => {
      const reasons: { part: string; code: string; message: string }[] = []
      const { state, head, indexedTo, fault } = indexer.status()
      if (state === 'failing')
        reasons.push({ part: 'chain', code: 'chain-unreachable', message: fault ?? 'no answer' })
      else if (head - indexedTo > MOST_BEHIND)
        reasons.push({ part: 'chain', code: 'chain-behind', message: `${head - indexedTo} blocks behind` })
      if (peer.peers().length === 0 && config.network.bootstrap.length > 0)
        reasons.push({ part: 'network', code: 'no-peers', message: 'no peer is connected' })
      for (const { account: who, fault: trouble } of await node.transactor.status())
        if (trouble !== undefined)
          reasons.push({ part: 'transactions', code: 'transactions-held', message: `${who}: ${trouble}` })
      const due = node.loop.fault()
      if (due !== undefined) reasons.push({ part: 'duties', code: 'duties-unseen', message: due })
      if (provider !== undefined && node.capability() === undefined)
        reasons.push({ part: 'capability', code: 'unmeasured', message: 'speed is being measured' })
      if (pausedBy !== undefined) reasons.push({ part: 'policy', code: 'paused', message: pausedBy })
      return { live: true, ready: reasons.length === 0, reasons }
    },

    status: async () => {
      const { head, indexedTo, state } = indexer.status()
      const market = await node.view.market()
      const measured = node.capability()
      const part = (name: string, good: boolean) => ({
        name,
        state: good ? ('running' as const) : ('failing' as const),
        restarts: 0,
        since: started,
      })
      return {
        name: config.name,
        version,
        roles: [...config.roles],
        account,
        key,
        started,
        peer: { id: peer.id, addresses: peer.addresses(), peers: peer.peers().length },
        chain: { id: parts.chainId, block: Math.max(0, indexedTo), behind: Math.max(0, head - indexedTo) },
        paused: pausedBy === undefined ? null : { by: 'owner' as const, reason: pausedBy },
        capability:
          measured === undefined
            ? null
            : {
                executor: measured.executor,
                unitsPerSecond: measured.unitsPerSecond,
                threads: measured.threads,
                memory: measured.memory,
              },
        runs: (provider?.running() ?? []).map(({ job, slice, attempt, step, steps, started: since }) => ({
          job,
          slice,
          attempt,
          step,
          steps,
          started: since,
          until: market.jobs.get(job)?.slices[slice]?.progress.until ?? since,
        })),
        parts: [part('chain', state !== 'failing'), part('duties', node.loop.fault() === undefined)],
      }
    },

    jobs: async ({ status, own, before, limit }) => {
      const { jobs } = await past()
      const found = [...jobs.values()]
        .filter(
          (job) =>
            (before === undefined || job.number < before) &&
            (status === undefined || job.status === status) &&
            (own === undefined || own === isOwn(job, account)),
        )
        .sort((a, b) => b.number - a.number)
      const shown = found.slice(0, limit)
      return {
        jobs: shown.map((job) => summaryOf(job, account)),
        next: found.length > shown.length ? (shown.at(-1)?.number ?? null) : null,
      }
    },

    job: async (number) => {
      const history = await past()
      const job = history.jobs.get(number)
      if (job === undefined) return undefined
      const settled = job.slices.flatMap(({ attempts }) => attempts.flatMap((one) => one.settled ?? []))
      return {
        ...summaryOf(job, account),
        slices: job.slices.map((slice) => sliceOf(history, slice)),
        manifest: job.post.manifest,
        paid: settled.reduce(
          (sum, { paid, subsidised, audits, fee }) => sum + paid - subsidised + audits + fee,
          0n,
        ),
        refund: job.closed?.refund ?? null,
      }
    },

    account: async (asked) => {
      const of = asked.toLowerCase() as Address
      const known = (await past()).accounts.get(of)
      const keys = await keysOf(node, of)
      if (known === undefined && keys.length === 0) return undefined
      const { credit = 0n, stake = 0n, locked = 0n, unbonding = 0n } = known ?? {}
      const { score, completed, late, failed, declined, slashed } = await parts.read.reputation(of)
      const discount = Number(await parts.read.discountOf(of))
      const reputation = { score, completed, late, failed, declined, slashed }
      return { account: of, credit, stake, locked, unbonding, discount, reputation, keys }
    },

    earnings: async ({ account: asked = account, from = 0, to }) => {
      const of = asked.toLowerCase() as Address
      const end = to ?? Math.ceil(now())
      const history = await past()
      const entries = entriesOf(history.accounts.get(of)).filter(
        ({ source: { time } }) => time >= from && time <= end,
      )
      const sum = (wanted: (kind: EntryKind) => boolean): bigint =>
        entries.reduce((total, { kind, amount }) => total + (wanted(kind) ? amount : 0n), 0n)
      const { expected, atRisk } = earningsOf(history, of)
      return {
        account: of,
        from,
        to: end,
        made: sum((kind) => MADE.has(kind)),
        lost: sum((kind) => kind === 'slashed'),
        expected: expected.provided + expected.audited,
        atRisk,
        entries,
      }
    },

    explainJob: async (number) => {
      const history = await past()
      return history.jobs.has(number) ? explained(`job ${number}`, explainJob(history, number)) : undefined
    },

    explainAccount: async (asked) => {
      const of = asked.toLowerCase() as Address
      const history = await past()
      if (!history.accounts.has(of)) return undefined
      return explained(of, [...explainAccount(history, of), ...explainScore(history, of)])
    },

    network: async () => {
      const { network } = options
      const { chainId, fromBlock, rpc, addresses, bootstrap } = network
      return {
        format: 'lockstep-network-1',
        chainId,
        fromBlock,
        rpc,
        addresses: Object.fromEntries(
          Object.entries(addresses).map(([name, at]) => [name, at.toLowerCase() as Hex]),
        ),
        bootstrap: [...new Set([...peer.addresses(), ...bootstrap])].slice(0, 64),
      }
    },

    pause: async (reason) => {
      pausedBy = reason
      node.setPaused(true)
    },
    resume: async () => {
      pausedBy = undefined
      node.setPaused(false)
    },
  }
}

/** The market's history, read on from the node's index each time that it is asked for. */
const indexedHistory = ({ indexer, parts }: LockstepNode, metrics: NodeMetrics): (() => Promise<History>) => {
  let history = historyOf([])
  let cursor: Cursor | undefined
  let counted = { block: -1, logIndex: -1 }
  const readOn = async (): Promise<History> => {
    for (;;) {
      const batch = await indexer.eventsSince(cursor)
      if (batch.rolledBackTo !== undefined) {
        history = historyOf([])
        cursor = undefined
        continue
      }
      follow(history, batch.events)
      for (const event of batch.events) {
        // What was counted before a rollback is not counted again: counters only rise.
        if (event.block < counted.block) continue
        if (event.block === counted.block && event.logIndex <= counted.logIndex) continue
        counted = event
        countEvent(event, parts.self.account, metrics)
      }
      cursor = batch.cursor
      if (!batch.more) return history
    }
  }
  let last: Promise<History> = Promise.resolve(history)
  return () => {
    last = last.then(readOn, readOn)
    return last
  }
}

/** What the chain says that became of this account's work. */
const countEvent = ({ contract, name, args }: ChainEvent, self: Address, metrics: NodeMetrics): void => {
  const { account } = args
  const own = typeof account === 'string' && account.toLowerCase() === self
  if (!own) return
  if (contract === 'market' && name === 'SliceAssigned') metrics.slices.inc({ outcome: 'assigned' })
  if (contract === 'market' && name === 'SliceSettled') metrics.slices.inc({ outcome: 'settled' })
  if (contract === 'market' && name === 'AttemptFailed') metrics.slices.inc({ outcome: 'failed' })
  if (contract === 'audits' && name === 'SeatDrawn') metrics.audits.inc({ outcome: 'drawn' })
  if (contract === 'market' && name === 'AuditorPaid') metrics.audits.inc({ outcome: 'paid' })
  if (contract === 'verifiers' && name === 'VerifierSlashed') metrics.audits.inc({ outcome: 'slashed' })
}

const observe = (
  { indexer, peer, view, provider, parts, capability }: LockstepNode,
  metrics: NodeMetrics,
): void => {
  metrics.observe('lockstep_peers', 'Connected peers', () => peer.peers().length)
  metrics.observe('lockstep_chain_block', 'The last block that is indexed', () => indexer.status().indexedTo)
  metrics.observe('lockstep_chain_behind', 'Blocks that are not indexed yet', () => {
    const { head, indexedTo } = indexer.status()
    return Math.max(0, head - indexedTo)
  })
  metrics.observe('lockstep_jobs_open', 'Jobs that are not closed', () => view.jobs().size)
  metrics.observe('lockstep_runs', 'Slices that run now', () => provider?.running().length ?? 0)
  metrics.observe('lockstep_units_per_second', 'Units of 10^6 scalar instructions a second', () => {
    return capability()?.unitsPerSecond
  })
  metrics.observe('lockstep_blob_bytes', 'Bytes of blobs that are kept', () =>
    parts.blobStore.list().reduce((sum, { length, complete }) => sum + (complete ? length : 0), 0),
  )
}

const isOwn = (job: JobHistory, account: Address): boolean =>
  job.requester === account ||
  job.slices.some(({ attempts }) => attempts.some(({ leaders }) => leaders.at(-1)?.account === account))

const summaryOf = (job: JobHistory, account: Address) => ({
  job: job.number,
  status: job.status,
  requester: job.requester,
  posted: job.posted.time,
  deadline: job.post.times.deadline,
  ceiling: job.post.ceiling,
  escrow: job.escrow,
  slices: job.slices.length,
  settled: job.slices.filter(({ status }) => status === 'settled').length,
  own: isOwn(job, account),
})

const sliceOf = (history: History, slice: SliceView): JobView['slices'][number] => {
  const attempt = slice.attempts.at(-1)
  const leader = attempt?.leaders.at(-1)
  const claim = attempt?.claimed?.claim
  return {
    slice: slice.number,
    status: slice.status,
    attempt: attempt?.number ?? 0,
    since: slice.since,
    until: slice.status === 'bidding' ? slice.until : (attempt?.until ?? null),
    work: slice.slice.work,
    provider: leader?.account ?? null,
    price: leader?.pricePerUnit ?? null,
    claim: claim ?? null,
    audit: (claim && history.audits.get(claim)?.status) ?? null,
    paid: attempt?.settled?.paid ?? null,
  }
}

const entriesOf = (known: AccountHistory | undefined): EarningsView['entries'] =>
  (known?.entries ?? []).flatMap((entry) => {
    const kind = KINDS[entry.kind]
    if (kind === undefined) return []
    const { job = null, slice = null, amount, source } = entry
    return [{ job, slice, kind, amount, source }]
  })

const explained = (subject: string, lines: readonly Line[]): Explanation => ({
  subject,
  lines: lines.map(({ what, how, amount, differs, source }) => ({
    text: [what, how && `(${how})`, differs !== undefined && `the arithmetic gives ${differs}`]
      .filter(Boolean)
      .join(' '),
    amount: amount ?? null,
    sources: [source],
  })),
})

const keysOf = async ({ indexer, parts }: LockstepNode, account: Address) => {
  const events = await indexer.events({ contract: 'delegations', names: ['Delegated'] })
  const named = new Set(
    events
      .filter(({ args }) => String(args.account).toLowerCase() === account)
      .map(({ args }) => String(args.key).toLowerCase() as Hex),
  )
  const keys = []
  for (const key of named) {
    const found = await parts.read.delegationOf(key)
    if (found === undefined || !isAddressEqual(found.account, account)) continue
    keys.push({ key, scopes: scopesOf(found.scopes), expiry: found.expiry, revoked: found.revoked })
  }
  return keys
}
