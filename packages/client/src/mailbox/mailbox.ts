import type { Bid } from '@lockstep/market'
import type { Peer, PeerId, Topic, TopicDefinition, TopicMessage, Verdict } from '@lockstep/network'
import type { Hex } from '@lockstep/proof'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import {
  type Announcement,
  announcement as announcementSchema,
  bidsProtocol,
  bidsTopic,
  fromBidText,
  type HistoryMessage,
  historiesTopic,
  historyProtocol,
  historyMessage as historySchema,
  jobProtocol,
  jobsTopic,
  MAX_BIDS,
  type SignedBid,
  toBidText,
} from '../wire/index.ts'

/**
 * What can be checked of a message against the chain. `ignore`: not known there, or not yet. `reject`: no honest peer
 * passes it on.
 */
export type MailboxChecks = {
  readonly announcement: (message: Announcement) => Promise<Verdict>
  readonly bid: (bid: SignedBid) => Promise<Verdict>
  readonly history: (message: HistoryMessage) => Promise<Verdict>
}

/** What is kept over a restart: announcements, and where final states and checkpoints are to be had. */
export type MailboxKeep = {
  readonly load: () => Promise<readonly Announcement[]>
  readonly save: (message: Announcement) => Promise<void>
  readonly loadHistories: () => Promise<readonly HistoryMessage[]>
  readonly saveHistory: (message: HistoryMessage) => Promise<void>
  readonly drop: (job: number) => Promise<void>
}

export type MailboxOptions = {
  readonly peer: Peer
  readonly checks: MailboxChecks
  readonly keep?: MailboxKeep
  /** Jobs that are remembered at most; the oldest give way. */
  readonly maxJobs?: number
  /** Called when something new was heard. */
  readonly heard?: (what: { readonly job: number; readonly claim?: Hex }) => void
}

/** What peers say about jobs: sent, heard, checked and remembered, for as long as somebody may ask. */
export type Mailbox = {
  readonly announce: (message: Announcement) => Promise<void>
  readonly bid: (bid: SignedBid) => Promise<void>
  readonly tell: (message: HistoryMessage) => Promise<void>
  readonly announcement: (job: number) => Announcement | undefined
  readonly bids: (job: number) => readonly SignedBid[]
  readonly history: (claim: `0x${string}`) => HistoryMessage | undefined
  /** Asks some peers for a job's manifest and its bids, where they were missed. */
  readonly ask: (job: number) => Promise<void>
  readonly askHistory: (claim: `0x${string}`) => Promise<void>
  /** The jobs that something is remembered of. */
  readonly jobs: () => readonly number[]
  /** Forgets all jobs but these. */
  readonly retain: (jobs: ReadonlySet<number>) => Promise<void>
  readonly close: () => void
}

const MAX_JOBS = 4096
/** Claims that are remembered of a job: each of its slices, at each of its attempts. */
const MAX_HISTORIES = 2048
const MAX_HOLDERS = 16
/** Bids that are remembered of one account, each from a key of its own: a bid costs nothing, an account's stake does. */
const MAX_ACCOUNT_BIDS = 16
/** Peers that are asked for one thing. */
const ASKED = 4

type Letters = {
  announcement: Announcement | undefined
  readonly bids: Map<string, SignedBid>
  readonly histories: Map<string, HistoryMessage>
}

export const openMailbox = async (options: MailboxOptions): Promise<Mailbox> => {
  const { peer, checks, keep, maxJobs = MAX_JOBS, heard = () => {} } = options
  const jobs = new Map<number, Letters>()
  const claims = new Map<string, number>()

  const lettersOf = (job: number): Letters => {
    let letters = jobs.get(job)
    if (letters === undefined) {
      letters = { announcement: undefined, bids: new Map(), histories: new Map() }
      jobs.set(job, letters)
      if (jobs.size > maxJobs) forget(jobs.keys().next().value!)
    }
    return letters
  }
  const forget = (job: number): void => {
    for (const claim of jobs.get(job)?.histories.keys() ?? []) claims.delete(claim)
    jobs.delete(job)
  }

  const keepAnnouncement = async (message: Announcement): Promise<void> => {
    const letters = lettersOf(message.job)
    const isNew = letters.announcement === undefined
    const holders = merged(message.holders, letters.announcement?.holders ?? [])
    letters.announcement = { ...message, holders }
    if (isNew) await keep?.save(letters.announcement)
    heard({ job: message.job })
  }
  const keepBid = (bid: SignedBid): void => {
    const { bids } = lettersOf(bid.bid.job)
    // A key's newest bid takes the place of its older ones, also where an older one is told again.
    if ((bids.get(bid.bid.key)?.bid.expiry ?? 0) > bid.bid.expiry) return
    bids.delete(bid.bid.key)
    bids.set(bid.bid.key, bid)
    const own = [...bids].filter(([, other]) => other.bid.account === bid.bid.account)
    if (own.length > MAX_ACCOUNT_BIDS) bids.delete(dearest(own))
    if (bids.size > MAX_BIDS) bids.delete(dearest(bids))
    heard({ job: bid.bid.job })
  }
  const keepHistory = async (message: HistoryMessage): Promise<void> => {
    const { histories } = lettersOf(message.job)
    const held = histories.get(message.claim)
    // Names of blobs are not on the chain: of two that differ the newer one may be the right one, and holders of both.
    const same = held?.state === message.state && sameTexts(held.checkpoints, message.checkpoints)
    histories.delete(message.claim)
    histories.set(
      message.claim,
      same ? { ...message, holders: merged(message.holders, held.holders) } : message,
    )
    claims.set(message.claim, message.job)
    if (histories.size > MAX_HISTORIES) {
      const [first] = histories.keys()
      histories.delete(first!)
      claims.delete(first!)
    }
    if (!same) await keep?.saveHistory(message)
    heard({ job: message.job, claim: message.claim })
  }

  const topicFor = <T>(definition: TopicDefinition<T>, check: (body: T) => Promise<Verdict>): Topic<T> =>
    peer.topic<T>({ ...definition, validate: ({ body }: TopicMessage<T>) => check(body) })
  const jobsHeard = topicFor(jobsTopic, checks.announcement)
  const bidsHeard = topicFor(bidsTopic, (text) => checks.bid(fromBidText(text)))
  const historiesHeard = topicFor(historiesTopic, checks.history)
  const stops = [
    jobsHeard.subscribe(({ body }) => keepAnnouncement(body)),
    bidsHeard.subscribe(({ body }) => keepBid(fromBidText(body))),
    historiesHeard.subscribe(({ body }) => keepHistory(body)),
  ]

  const jobAsked = peer.protocol(jobProtocol)
  const bidsAsked = peer.protocol(bidsProtocol)
  const historyAsked = peer.protocol(historyProtocol)
  jobAsked.serve(({ job }) => found(jobs.get(job)?.announcement, 'job', job))
  bidsAsked.serve(({ job }) => ok({ bids: [...(jobs.get(job)?.bids.values() ?? [])].map(toBidText) }))
  const historyOf = (claim: string): HistoryMessage | undefined => {
    const job = claims.get(claim)
    return job === undefined ? undefined : jobs.get(job)?.histories.get(claim)
  }
  historyAsked.serve(({ claim }) => found(historyOf(claim), 'claim', claim))

  /** Some connected peers, those in good standing first. */
  const somePeers = (): PeerId[] =>
    [...peer.peers()]
      .sort((a, b) => b.standing - a.standing)
      .slice(0, ASKED)
      .map(({ id }) => id)

  for (const message of (await keep?.load()) ?? []) {
    const parsed = announcementSchema.safeParse(message)
    if (parsed.success) lettersOf(parsed.data.job).announcement = parsed.data
  }
  for (const message of (await keep?.loadHistories()) ?? []) {
    const parsed = historySchema.safeParse(message)
    if (!parsed.success) continue
    lettersOf(parsed.data.job).histories.set(parsed.data.claim, parsed.data)
    claims.set(parsed.data.claim, parsed.data.job)
  }

  return {
    // A message that reaches nobody now is told again, or asked for: see `ask`.
    announce: async (message) => {
      await keepAnnouncement(message)
      await jobsHeard.publish(message)
    },
    bid: async (bid) => {
      keepBid(bid)
      await bidsHeard.publish(toBidText(bid))
    },
    tell: async (message) => {
      await keepHistory(message)
      await historiesHeard.publish(message)
    },
    announcement: (job) => jobs.get(job)?.announcement,
    bids: (job) => [...(jobs.get(job)?.bids.values() ?? [])],
    history: historyOf,
    ask: async (job) => {
      for (const id of somePeers()) {
        if (jobs.get(job)?.announcement === undefined) {
          const answer = await jobAsked.request(id, { job })
          if (answer.ok) {
            const verdict = answer.value.job === job ? await checks.announcement(answer.value) : 'reject'
            if (verdict === 'accept') await keepAnnouncement(answer.value)
            if (verdict === 'reject')
              peer.penalise(id, 'rejected', `an announcement that is not job ${job}'s`)
          }
        }
        const answer = await bidsAsked.request(id, { job })
        for (const text of answer.ok ? answer.value.bids : []) {
          const bid = fromBidText(text)
          const isOf = bid.bid.job === job
          if (isOf && !isNewer(bid.bid, jobs.get(job)?.bids.get(bid.bid.key)?.bid)) continue
          const verdict = isOf ? await checks.bid(bid) : 'reject'
          if (verdict === 'accept') keepBid(bid)
          if (verdict !== 'reject') continue
          // One is enough: the rest of the answer is not worth the checking.
          peer.penalise(id, 'rejected', `a forged bid for job ${job}`)
          break
        }
      }
    },
    askHistory: async (claim) => {
      for (const id of somePeers()) {
        const answer = await historyAsked.request(id, { claim })
        if (!answer.ok) continue
        const verdict = answer.value.claim === claim ? await checks.history(answer.value) : 'reject'
        if (verdict === 'accept') await keepHistory(answer.value)
        if (verdict === 'reject') peer.penalise(id, 'rejected', `a history that is not claim ${claim}'s`)
      }
    },
    jobs: () => [...jobs.keys()],
    retain: async (kept) => {
      for (const job of [...jobs.keys()]) {
        if (kept.has(job)) continue
        forget(job)
        await keep?.drop(job)
      }
    },
    close: () => {
      for (const stop of stops) stop()
    },
  }
}

const isNewer = (bid: Bid, held: Bid | undefined): boolean => held === undefined || bid.expiry > held.expiry

const dearest = (bids: Iterable<readonly [string, SignedBid]>): string => {
  let most: [string, bigint] = ['', -1n]
  for (const [key, { bid }] of bids) if (bid.pricePerUnit > most[1]) most = [key, bid.pricePerUnit]
  return most[0]
}

const merged = (first: readonly string[], then: readonly string[]): string[] =>
  [...new Set([...first, ...then])].slice(0, MAX_HOLDERS)

const sameTexts = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((text, i) => text === b[i])

const found = <T>(value: T | undefined, field: string, asked: string | number): Result<T> =>
  value === undefined ? fail(unknown(field, asked)) : ok(value)

const unknown = (field: string, value: string | number): Fault => ({
  code: 'unknown',
  field,
  value,
  limit: 'one that this peer has heard of',
  remedy: 'Ask another peer.',
})
