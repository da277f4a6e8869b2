import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  connect,
  MARKET_ABIS,
  type MarketChain,
  type MarketEvent,
  marketChain,
  permitData,
  readMinimumBond,
  signData,
} from '@lockstep/contracts'
import {
  type Address,
  type Earnings,
  earningsOf,
  escrowAtPosting,
  explainAccount,
  explainJob,
  type History,
  type Job,
  type Line,
  type Progress,
} from '@lockstep/market'
import {
  type BlobService,
  blobService,
  createPeer,
  type Log,
  newPeerKey,
  openBlobStore,
  type Peer,
  silent,
} from '@lockstep/network'
import { type Fault, fail, ok, type Result, unwrap } from '@lockstep/tensor'
import type { LocalAccount } from 'viem'
import { type FetchedModel, fetchResults } from './fetch-results.ts'
import { readHistory } from './history/read-history.ts'
import { type Mailbox, openMailbox } from './mailbox/mailbox.ts'
import { mailboxChecks } from './mailbox/mailbox-checks.ts'
import type { NetworkFile } from './network-file.ts'
import { estimateJob, type JobEstimate } from './plan/estimate-job.ts'
import { postOf } from './plan/job-post.ts'
import type { Plan } from './plan/plan.ts'
import { type ProgressMessage, progressTopic } from './wire/index.ts'

/** The messages' version: peers of another one are of another network. */
export const NETWORK_VERSION = 1

export type ClientOptions = {
  readonly network: NetworkFile
  /** Who posts and pays; a client without one only looks. */
  readonly account: LocalAccount
  readonly log?: Log
  /** Multiaddrs to listen on while the client is open; by default a free port of this machine. */
  readonly listen?: readonly string[]
}

/** What a post goes through, for who waits for it. */
export type PostStage =
  | { readonly stage: 'posting' }
  | { readonly stage: 'posted'; readonly job: number; readonly escrow: bigint }
  | { readonly stage: 'published'; readonly blob: string; readonly holders: number }
  /** Nobody has taken a blob yet; it is tried for some minutes. */
  | { readonly stage: 'unkept'; readonly blob: string; readonly why: Fault }

/** Where a job stands. */
export type JobState = {
  readonly job: Job
  readonly slices: readonly Progress[]
}

/**
 * A requester's side of the network.
 *
 *   const client = await openClient({ network, account })
 *   const { job } = unwrap(await client.post(plan))
 *   await client.settled(job)
 *   const [model] = unwrap(await client.fetch(job))
 *   await client.close()
 */
export type Client = {
  readonly chain: MarketChain
  readonly peer: Peer
  readonly mailbox: Mailbox
  /** What a job takes and costs at most, before anything is posted. `throughput` as for planJob. */
  readonly estimate: (plan: Plan, throughput: number) => Promise<JobEstimate>
  /** Pays a job's escrow, posts it, announces it, and hands its blobs to peers that keep them. */
  readonly post: (plan: Plan, tell?: (stage: PostStage) => void) => Promise<Result<{ readonly job: number }>>
  /** Announces a posted job again and hands out its blobs: for a post that was cut off. */
  readonly publish: (job: number, plan: Plan, tell?: (stage: PostStage) => void) => Promise<Result<void>>
  readonly state: (job: number) => Promise<Result<JobState>>
  /** The market's events about a job as they happen, from its posting on, until the job is closed or the signal. */
  readonly watch: (job: number, signal?: AbortSignal) => AsyncGenerator<MarketEvent>
  /** What providers say about how far they are: unchecked. Returns how to stop. */
  readonly onProgress: (listener: (message: ProgressMessage) => void) => () => void
  /** Waits until no slice of a job is under way. */
  readonly settled: (job: number, signal?: AbortSignal) => Promise<Result<JobState>>
  /** A job's models, checked against what was settled on the chain. */
  readonly fetch: (job: number, signal?: AbortSignal) => Promise<Result<readonly FetchedModel[]>>
  /** Begins no attempt any more; what runs is paid. */
  readonly cancel: (job: number) => Promise<Result<void>>
  readonly history: () => Promise<History>
  readonly earnings: (account: Address) => Promise<Earnings>
  readonly explainJob: (job: number) => Promise<readonly Line[]>
  readonly explainAccount: (account: Address) => Promise<readonly Line[]>
  readonly close: () => Promise<void>
}

/** Peers that are to hold each blob of a job besides its requester. */
const COPIES = 2
const PEER_SECONDS = 20
/** For how long a chain, or the peers of a job that is paid for, may be out of reach: a minute, and coming back from it. */
const OUTAGE_MS = 180_000
const TELL_MS = 5_000
const ANNOUNCE_MS = 5_000
const PERMIT_SECONDS = 3_600
const POLL_MS = 500
const ENDED = new Set(['settled', 'cancelled', 'void'])

export const openClient = async (options: ClientOptions): Promise<Client> => {
  const { network, account, log = silent, listen = ['/ip4/127.0.0.1/tcp/0'] } = options
  const { addresses, chainId } = network
  const connection = await connect({ url: network.rpc, chainId, account, patience: OUTAGE_MS })
  const chain = await marketChain(connection, addresses)
  const { reader } = connection
  const directory = await mkdtemp(join(tmpdir(), 'lockstep-client-'))
  const closers: (() => unknown)[] = [() => rm(directory, { recursive: true, force: true })]
  const close = async (): Promise<void> => {
    for (const step of closers.splice(0).reverse()) await step()
  }
  try {
    const now = (): number => Math.floor(Date.now() / 1000)
    const peer = unwrap(
      await createPeer({
        key: await newPeerKey(),
        network: { chainId, market: addresses.market, version: NETWORK_VERSION },
        listen,
        bootstrap: network.bootstrap,
        clock: Date.now,
        log,
      }),
    )
    closers.push(peer.stop)
    const store = unwrap(await openBlobStore(directory, { maxBytes: 2 ** 40 }))
    closers.push(() => store.close())
    const blobs = blobService(peer, store)
    blobs.serve()
    closers.push(() => blobs.stop())
    const mailbox = await openMailbox({
      peer,
      checks: mailboxChecks({ chainId, addresses, read: chain.read, disputes: chain.disputes, now }),
    })
    closers.push(mailbox.close)
    const listeners = new Set<(message: ProgressMessage) => void>()
    closers.push(
      peer.topic(progressTopic).subscribe(({ body }) => {
        for (const listener of listeners) listener(body)
      }),
    )

    const state = async (number: number): Promise<Result<JobState>> => {
      const job = await chain.read.job(number)
      if (job.status === 'none') return fail(unknownJob(number))
      const slices = await Promise.all(
        Array.from({ length: job.slices }, (_, slice) => chain.read.progress(number, slice)),
      )
      return ok({ job, slices })
    }

    /** Money for a job's escrow: what is missing in the account's credit is taken with a permit as it is posted. */
    const postCall = async (plan: Plan) => {
      const minimumBond = await readMinimumBond(connection, addresses.disputes)
      const post = postOf(plan, { now: await chain.now(), minimumBond })
      const escrow = escrowAtPosting(post, await chain.read.charges())
      const { credit } = await chain.read.account(account.address)
      if (credit >= escrow) return ok({ call: chain.calls.post(post), escrow })
      const missing = escrow - credit
      const tokens = await chain.read.tokens(account.address)
      if (tokens < missing) return fail(poor(tokens + credit, escrow))
      const deadline = (await chain.now()) + PERMIT_SECONDS
      const nonce = await reader.readContract({
        address: addresses.token,
        abi: MARKET_ABIS.token,
        functionName: 'nonces',
        args: [account.address],
      })
      const permit = { owner: account.address, spender: addresses.vault, amount: missing, nonce, deadline }
      const signature = await signData(account, permitData({ chainId, contract: addresses.token }, permit))
      return ok({ call: chain.calls.postWithPermit(post, { amount: missing, deadline, signature }), escrow })
    }

    const publish = async (
      job: number,
      plan: Plan,
      tell: (stage: PostStage) => void = () => {},
    ): Promise<Result<void>> => {
      for (const bytes of plan.blobs.values()) {
        const put = await store.put(bytes, { pin: `job:${job}` })
        if (!put.ok) return put
      }
      const manifest = new TextDecoder().decode(plan.bytes)
      const announce = (): Promise<void> => mailbox.announce({ job, manifest, holders: [peer.id] })
      await announce()
      return handOut(job, plan, { peer, blobs, announce, network }, tell)
    }

    const history = async (): Promise<History> =>
      readHistory(connection, addresses, network.fromBlock, Number(await reader.getBlockNumber()))

    return {
      ...{ chain, peer, mailbox, state, publish, history, close },
      estimate: async (plan, throughput) => estimateJob(plan, throughput, await chain.read.charges()),
      post: async (plan, tell = () => {}) => {
        const prepared = await postCall(plan)
        if (!prepared.ok) return prepared
        const met = await somePeers(peer, PEER_SECONDS)
        if (!met.ok) return met
        tell({ stage: 'posting' })
        const posted = await chain.post(prepared.value.call)
        if (!posted.ok) return posted
        const job = posted.value
        tell({ stage: 'posted', job, escrow: prepared.value.escrow })
        const published = await publish(job, plan, tell)
        return published.ok ? ok({ job }) : published
      },
      watch: (job, signal) => watchJob(chain, network.fromBlock, job, signal),
      onProgress: (listener) => {
        listeners.add(listener)
        return () => listeners.delete(listener)
      },
      settled: async (job, signal) => {
        for (;;) {
          signal?.throwIfAborted()
          const found = await state(job)
          if (!found.ok || found.value.slices.every(({ status }) => ENDED.has(status))) return found
          if (found.value.job.status === 'closed') return found
          await sleep(POLL_MS)
        }
      },
      fetch: async (job, signal = AbortSignal.timeout(600_000)) => {
        const known = await state(job)
        if (!known.ok) return known
        const met = await somePeers(peer, PEER_SECONDS)
        if (!met.ok) return met
        return fetchResults({ chain, mailbox, blobs, store, peer, job, signal })
      },
      cancel: async (job) => {
        const sent = await chain.send(chain.calls.cancel(job))
        return sent.ok ? ok(undefined) : sent
      },
      earnings: async (of) => earningsOf(await history(), of),
      explainJob: async (job) => explainJob(await history(), job),
      explainAccount: async (of) => explainAccount(await history(), of),
    }
  } catch (error) {
    await close()
    throw error
  }
}

const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds))

const somePeers = async (peer: Peer, seconds: number): Promise<Result<void>> => {
  for (let waited = 0; waited < seconds * 1000; waited += 100) {
    if (peer.peers().length > 0) return ok(undefined)
    await sleep(100)
  }
  return fail({
    code: 'no-peers',
    field: 'peers',
    value: 0,
    limit: 'at least one that answers',
    remedy: 'Check that the network is up and that its addresses can be reached from here.',
  })
}

/** Hands a job's blobs to peers that keep them, so that its requester may leave. */
const handOut = async (
  job: number,
  plan: Plan,
  at: {
    readonly peer: Peer
    readonly blobs: BlobService
    readonly announce: () => Promise<void>
    readonly network: NetworkFile
  },
  tell: (stage: PostStage) => void,
): Promise<Result<void>> => {
  const { peer, blobs, announce, network } = at
  const reason = { chain: network.chainId, market: network.addresses.market, job: String(job) }
  const refusing = new Set<string>()
  let announcedAt = performance.now()
  for (const blob of plan.blobs.keys()) {
    let holders = 0
    let last: Fault | undefined
    let isTold = false
    const begin = performance.now()
    for (;;) {
      for (const { id } of peer.peers()) {
        if (holders >= COPIES || refusing.has(id)) continue
        const offered = await blobs.offer(id, blob as never, reason)
        if (offered.ok) holders++
        else {
          last = offered.fault
          if (offered.fault.code === 'offer-refused') refusing.add(id)
        }
      }
      if (holders > 0) break
      const waited = performance.now() - begin
      if (waited >= OUTAGE_MS) return fail(last ?? unkept(blob))
      if (waited >= TELL_MS && !isTold) {
        isTold = true
        tell({ stage: 'unkept', blob, why: last ?? unkept(blob) })
      }
      // A relay that was lost comes back; one that has not heard of the job, because it or we were cut off, has to.
      await sleep(POLL_MS)
      refusing.clear()
      if (performance.now() - announcedAt < ANNOUNCE_MS) continue
      announcedAt = performance.now()
      await announce()
    }
    tell({ stage: 'published', blob, holders })
  }
  return ok(undefined)
}

/** Events of the market that are about a job, directly or through a claim, a dispute or an audit of it. */
const watchJob = async function* (
  chain: MarketChain,
  fromBlock: number,
  job: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<MarketEvent> {
  const claims = new Set<string>()
  const disputes = new Set<string>()
  let next = fromBlock
  while (!signal?.aborted) {
    const head = Number(await chain.connection.reader.getBlockNumber())
    if (head < next) {
      await sleep(POLL_MS)
      continue
    }
    const events = await chain.events(next, head)
    next = head + 1
    for (const event of events) {
      const { job: about, claim, dispute } = event.args as { job?: bigint; claim?: string; dispute?: bigint }
      const mine =
        about === BigInt(job) ||
        (claim !== undefined && claims.has(claim)) ||
        (dispute !== undefined && disputes.has(String(dispute)))
      if (!mine) continue
      if (claim !== undefined) claims.add(claim)
      if (dispute !== undefined) disputes.add(String(dispute))
      yield event
      if (event.name === 'JobClosed') return
    }
  }
}

const unknownJob = (job: number): Fault => ({
  code: 'job-unknown',
  field: 'job',
  value: job,
  limit: 'the number of a job on this chain',
  remedy: 'Check the number, and that the network is the one that it was posted on.',
})

const poor = (has: bigint, needs: bigint): Fault => ({
  code: 'too-few-tokens',
  field: 'tokens and credit of the account',
  value: String(has),
  limit: `at least the escrow, ${needs}`,
  remedy: 'Fund the account, lower market.ceiling, or post less work.',
})

const unkept = (blob: string): Fault => ({
  code: 'offer-refused',
  field: `blob ${blob}`,
  value: 'kept by nobody',
  limit: 'at least one peer that keeps it',
  remedy: 'Stay online, or publish again when a relay can be reached.',
})
