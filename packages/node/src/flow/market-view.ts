import type { Mailbox, SignedBid } from '@lockstep/client'
import { CLAIM_STATUS, disputesAbi, type MarketAddresses, type MarketReads } from '@lockstep/contracts'
import { type Address, type Job, type Progress, type Slice, type Spec, scoreOf } from '@lockstep/market'
import type { Hex } from '@lockstep/proof'
import type { PublicClient } from 'viem'
import type { ChainEvent, Cursor } from '../chain/event-log.ts'
import type { Indexer } from '../chain/indexer.ts'
import type {
  LiveAudit,
  LiveBid,
  LiveClaim,
  LiveDispute,
  LiveJob,
  LiveMarket,
  LiveRound,
  LiveSeat,
  LiveSlice,
  SeatPlace,
} from './live.ts'

export type MarketViewOptions = {
  readonly indexer: Indexer
  readonly read: MarketReads
  readonly reader: PublicClient
  readonly addresses: MarketAddresses
  readonly mailbox: Mailbox
  /** The time of the chain's next block, in its seconds. */
  readonly now: () => number
}

/**
 * The market as it stands. Events say what has changed, and what has changed is read from the contracts: so nothing is
 * worked out a second time here, and a view that is made anew after a restart is the same.
 */
export type MarketView = {
  /** Takes in what has happened since the last call. Gives true where anything has. */
  readonly update: () => Promise<boolean>
  readonly market: () => Promise<LiveMarket>
  /** What peers say has changed: the next `market` is made anew. */
  readonly heard: () => void
  /** Stake that an account has and nothing locks; what its record takes off its price. Asked of the chain once a change. */
  readonly freeStake: (account: Address) => Promise<bigint>
  readonly discount: (account: Address) => Promise<bigint>
  /** Jobs that are not closed. */
  readonly jobs: () => ReadonlySet<number>
}

type KnownJob = { job: Job; readonly spec: Spec; readonly slices: KnownSlice[] }
type KnownSlice = { readonly slice: Slice; readonly stake: bigint; progress: Progress }
type KnownSeat = Omit<LiveSeat, 'defence'> & { readonly defence: Hex | undefined }
type KnownAudit = Omit<LiveAudit, 'seats'> & { readonly seats: readonly KnownSeat[] }
type KnownDispute = Omit<LiveDispute, 'over' | 'owed' | 'defence'>
type SlicePlace = { readonly job: number; readonly slice: number }

/** Events of Disputes that are moves: each has the dispute's number and changes its deadline. */
const OUTCOMES: readonly (LiveDispute['outcome'] | undefined)[] = [
  undefined,
  'open',
  'claimant',
  'challenger',
  'void',
  'void', // closed, because the claim had fallen elsewhere
]
const AT_ONCE = 16

export const marketView = (options: MarketViewOptions): MarketView => {
  const { indexer, read, reader, addresses, mailbox, now } = options
  let cursor: Cursor | undefined
  let jobs = new Map<number, KnownJob>()
  let audits = new Map<Hex, KnownAudit>()
  let disputes = new Map<number, KnownDispute>()
  let rounds = new Map<number, LiveRound>()
  let claims = new Map<Hex, LiveClaim>()
  /** Claims with which seats defend themselves, and whose they are. */
  let defences = new Map<Hex, SeatPlace>()
  /** Claims of the market and where they belong. */
  let places = new Map<Hex, SlicePlace>()
  let paidBounties = new Set<Hex>()
  let weights = { waiting: 0, due: 0 }
  let tried = new Map<string, Set<Address>>()
  const discounts = new Map<Address, Promise<bigint>>()
  const stakes = new Map<Address, Promise<bigint>>()

  const reset = (): void => {
    cursor = undefined
    jobs = new Map()
    audits = new Map()
    disputes = new Map()
    rounds = new Map()
    claims = new Map()
    defences = new Map()
    places = new Map()
    paidBounties = new Set()
    tried = new Map()
    discounts.clear()
    stakes.clear()
  }

  /** What events have touched since the last look. */
  type Touched = {
    readonly jobs: Set<number>
    readonly slices: Map<string, SlicePlace>
    readonly audits: Set<Hex>
    readonly claims: Set<Hex>
    readonly disputes: Map<number, Hex>
    readonly rounds: Set<number>
    readonly closed: Set<number>
    weights: boolean
  }

  const note = (event: ChainEvent, touched: Touched): void => {
    const args = event.args as Record<string, unknown>
    const job = args.job === undefined ? undefined : Number(args.job)
    const claim = args.claim as Hex | undefined
    switch (event.contract) {
      case 'market':
        if (event.name === 'BountyPaid') {
          paidBounties.add(claim!)
          break
        }
        if (job === undefined) break
        if (event.name === 'JobClosed') touched.closed.add(job)
        else if (args.slice === undefined) touched.jobs.add(job)
        else touched.slices.set(`${job}:${args.slice}`, { job, slice: Number(args.slice) })
        if (event.name === 'AttemptFailed') {
          const place = `${job}:${args.slice}`
          tried.set(place, (tried.get(place) ?? new Set()).add(lower(args.account as Address)))
        }
        if (event.name === 'SliceClaimed') {
          places.set(claim!, { job, slice: Number(args.slice) })
          touched.claims.add(claim!)
        }
        if (event.name === 'SliceVoided' || event.name === 'SliceSettled' || event.name === 'JobCancelled')
          touched.jobs.add(job)
        break
      case 'audits':
        if (claim !== undefined) touched.audits.add(claim)
        break
      case 'disputes':
        if (event.name === 'ClaimEnded') touched.claims.add(claim!)
        else if (args.dispute !== undefined) touched.disputes.set(Number(args.dispute), claim ?? '0x')
        break
      case 'draw':
        if (event.name === 'RoundRequested') touched.rounds.add(Number(args.round))
        break
      case 'verifiers':
        touched.weights = true
        break
      case 'vault':
        if (typeof args.account === 'string') stakes.delete(lower(args.account as Address))
        break
      case 'reputation':
        if (typeof args.account === 'string') discounts.delete(lower(args.account as Address))
        break
    }
  }

  const readJob = async (number: number): Promise<void> => {
    const job = lowerJob(await read.job(number))
    if (job.status === 'closed' || job.status === 'none') {
      forgetJob(number)
      return
    }
    const known = jobs.get(number)
    if (known) {
      known.job = job
      return
    }
    const spec = await read.spec(number)
    const slices = await each(
      Array.from({ length: job.slices }, (_, i) => i),
      async (slice) => ({
        slice: await read.slice(number, slice),
        stake: await read.stakeFor(number, slice),
        progress: lowerProgress(await read.progress(number, slice)),
      }),
    )
    jobs.set(number, { job, spec, slices })
  }
  const forgetJob = (number: number): void => {
    jobs.delete(number)
  }
  const readSlice = async ({ job, slice }: SlicePlace): Promise<void> => {
    const known = jobs.get(job)?.slices[slice]
    if (known) known.progress = lowerProgress(await read.progress(job, slice))
  }
  const readClaim = async (claim: Hex): Promise<void> => {
    if (!isKnown(claim)) return
    const found = await reader.readContract({
      address: addresses.disputes,
      abi: disputesAbi,
      functionName: 'getClaim',
      args: [claim],
    })
    const status = CLAIM_STATUS[found.status]!
    if (status === 'none') claims.delete(claim)
    else claims.set(claim, { status, until: Number(found.until), open: found.open })
  }
  /** Disputes also serves claims that are none of the market's. */
  const isKnown = (claim: Hex): boolean => places.has(claim) || defences.has(claim)
  const readAudit = async (claim: Hex): Promise<void> => {
    const audit = await read.audit(claim)
    if (audit.status === 'none') {
      audits.delete(claim)
      return
    }
    const seats = await each(
      Array.from({ length: audit.seats }, (_, i) => i),
      (seat) => read.seat(claim, seat),
    )
    const { job, slice, status, ended, auditRate, deadline, round, random, segments } = audit
    const known: KnownAudit = {
      ...{ claim, job, slice, status, ended, auditRate, deadline, round, random, segments },
      account: lower(audit.account),
      seats: seats.map((seat) => ({
        account: lower(seat.account),
        status: seat.status,
        deadline: seat.deadline,
        segment: seat.segment,
        defence: BigInt(seat.defence) === 0n ? undefined : seat.defence,
      })),
    }
    for (const [seat, { defence }] of known.seats.entries()) {
      if (defence === undefined || defences.has(defence)) continue
      defences.set(defence, { claim, seat })
      await readClaim(defence)
    }
    if (ended && known.seats.every(({ status: s }) => OVER.has(s))) audits.delete(claim)
    else audits.set(claim, known)
  }
  const readDispute = async (number: number): Promise<void> => {
    const found = await reader.readContract({
      address: addresses.disputes,
      abi: disputesAbi,
      functionName: 'getDispute',
      args: [BigInt(number)],
    })
    const outcome = OUTCOMES[found.place.outcome]
    // Whose claim it is about may only be known later: nobody has to wait with a challenge.
    if (outcome === undefined || (outcome !== 'open' && !isKnown(found.claim))) {
      disputes.delete(number)
      return
    }
    const { claimant } = await reader.readContract({
      address: addresses.disputes,
      abi: disputesAbi,
      functionName: 'getClaim',
      args: [found.claim],
    })
    disputes.set(number, {
      number,
      claim: found.claim,
      claimant: lower(claimant),
      challenger: lower(found.challenger),
      outcome,
      deadline: Number(found.place.deadline),
      segment: Number(found.place.segment),
      // A challenger wins in its own turn where the referee says so, in the claimant's where that one is late.
      judged: outcome === 'challenger' && found.place.turn === CHALLENGER,
    })
  }

  const nothing = (): Touched => ({
    jobs: new Set(),
    slices: new Map(),
    audits: new Set(),
    claims: new Set(),
    disputes: new Map(),
    rounds: new Set(),
    closed: new Set(),
    weights: false,
  })
  /** Claims of jobs that have been closed, but for those with a dispute: its bounty may still be owed. */
  const forgetClaims = (): void => {
    const disputed = new Set([
      ...touched.disputes.values(),
      ...[...disputes.values()].map(({ claim }) => claim),
    ])
    for (const [claim, { job }] of places) {
      if (!touched.closed.has(job) || disputed.has(claim)) continue
      places.delete(claim)
      claims.delete(claim)
    }
  }
  /** Kept until all of it has been read: the cursor is beyond its events, and nobody tells of them again. */
  let touched = nothing()
  let any = false
  /** Changes so far of what `market` is made of. */
  let version = 0

  const takeIn = async (): Promise<boolean> => {
    for (;;) {
      const batch = await indexer.eventsSince(cursor)
      if (batch.rolledBackTo !== undefined) {
        reset()
        any = true
        touched = nothing()
        continue
      }
      for (const event of batch.events) note(event, touched)
      any ||= batch.events.length > 0
      cursor = batch.cursor
      if (!batch.more) break
    }
    if (!any) return false
    for (const job of touched.closed) {
      touched.jobs.delete(job)
      forgetJob(job)
    }
    if (touched.closed.size > 0) forgetClaims()
    await each([...touched.jobs], readJob)
    await each([...touched.slices.values()], readSlice)
    await each([...touched.claims], readClaim)
    await each([...touched.audits], readAudit)
    await each([...touched.disputes.keys()], readDispute)
    for (const claim of new Set([...touched.disputes.keys()].flatMap((n) => disputes.get(n)?.claim ?? [])))
      await readClaim(claim)
    if (touched.weights) {
      const { count, due } = await read.changesWaiting()
      weights = { waiting: count, due }
    }
    await each([...touched.rounds], async (number) => {
      const { begin, half, end } = await read.roundTimes(number)
      rounds.set(number, { number, begin, middle: half, end })
    })
    touched = nothing()
    any = false
    version++
    return true
  }

  let running: Promise<boolean> | undefined
  let next: Promise<boolean> | undefined
  /** One at a time; all who ask meanwhile share the next one, which sees what they wait for. */
  const update = (): Promise<boolean> => {
    if (running === undefined) {
      running = takeIn().finally(() => {
        running = undefined
      })
      return running
    }
    const again = (): Promise<boolean> => {
      next = undefined
      return update()
    }
    next ??= running.then(again, again)
    return next
  }

  const discount = (account: Address): Promise<bigint> => once(discounts, account, read.discountOf)
  const freeStake = (account: Address): Promise<bigint> => once(stakes, account, read.freeStake)
  const bidOf = async (signed: SignedBid, stake: bigint): Promise<LiveBid> => {
    const { account, pricePerUnit } = signed.bid
    const free = await freeStake(account)
    return { ...signed, score: scoreOf(pricePerUnit, await discount(account)), staked: free >= stake }
  }

  const make = async (time: number): Promise<LiveMarket> => {
    const live = new Map<number, LiveJob>()
    for (const [number, { job, spec, slices }] of jobs) {
      const open = slices.some(({ progress: { status } }) => status === 'bidding' || status === 'assigned')
      const stake = slices.reduce((most, slice) => (slice.stake > most ? slice.stake : most), 0n)
      live.set(number, {
        number,
        job,
        spec,
        slices: slices.map(
          ({ slice, stake: locked, progress }, n): LiveSlice => ({
            number: n,
            slice,
            stake: locked,
            progress,
            tried: tried.get(`${number}:${n}`) ?? NOBODY,
            claim: progress.status === 'claimed' ? claims.get(progress.claim) : undefined,
          }),
        ),
        bids: await each(open ? mailbox.bids(number).filter(({ bid }) => bid.expiry > time) : [], (bid) =>
          bidOf(bid, stake),
        ),
        known: mailbox.announcement(number) !== undefined,
      })
    }
    for (const [number, { end }] of rounds) if (time > end + ROUND_MEMORY) rounds.delete(number)
    return {
      now: time,
      jobs: live,
      audits: new Map([...audits].map(([claim, audit]) => [claim, liveAudit(audit)])),
      disputes: [...disputes.values()].flatMap(liveDispute),
      rounds: [...rounds.values()],
      weights,
    }
  }
  const liveAudit = (audit: KnownAudit): LiveAudit => ({
    ...audit,
    seats: audit.seats.map(({ defence, ...seat }) => {
      const claim = defence === undefined ? undefined : claims.get(defence)
      return { ...seat, ...(defence !== undefined && claim && { defence: { id: defence, ...claim } }) }
    }),
  })
  const liveDispute = (dispute: KnownDispute): LiveDispute[] => {
    const { claim, outcome } = dispute
    if (!isKnown(claim)) return []
    const owed = outcome === 'challenger' && !paidBounties.has(claim) && isBehind(claim)
    const matters =
      outcome === 'open' ||
      owed ||
      // Seats are accused with it.
      (outcome === 'challenger' && audits.has(claim)) ||
      // Whoever has lost it does not challenge a second time.
      (outcome === 'claimant' && claims.get(claim)?.status === 'standing')
    const status = claims.get(claim)?.status
    const over = outcome === 'open' && (status === 'fallen' || status === 'void')
    return matters ? [{ ...dispute, over, owed, defence: defences.get(claim) }] : []
  }
  let made: { readonly of: string; readonly market: Promise<LiveMarket> } | undefined
  /** Whoever asks in the same second, with nothing new, sees the same. */
  const market = (): Promise<LiveMarket> => {
    const time = now()
    const of = `${time} ${version}`
    if (made?.of !== of) {
      const own = { of, market: make(time) }
      made = own
      own.market.catch(() => {
        if (made === own) made = undefined
      })
    }
    return made.market
  }
  /** Whether the market has dealt with a claim that fell: its bounty is there from then on. */
  const isBehind = (claim: Hex): boolean => {
    const place = places.get(claim)
    if (place === undefined) return false
    const { job, slice } = place
    const progress = jobs.get(job)?.slices[slice]?.progress
    return progress === undefined || progress.claim !== claim || progress.status !== 'claimed'
  }

  const heard = (): void => {
    version++
  }
  return { update, market, heard, freeStake, discount, jobs: () => new Set(jobs.keys()) }
}

/** The challenger's turn, in Disputes. */
const CHALLENGER = 1
/** Seat statuses after which nothing is to come. */
const OVER = new Set(['paid', 'unpaid', 'slashed', 'missing', 'none'])
const NOBODY: ReadonlySet<Address> = new Set()
/** Seconds for which a round that is over is remembered. */
const ROUND_MEMORY = 600

const lower = (address: Address): Address => address.toLowerCase() as Address
const lowerJob = (job: Job): Job => ({ ...job, requester: lower(job.requester) })
const lowerProgress = (progress: Progress): Progress => ({
  ...progress,
  account: lower(progress.account),
  key: lower(progress.key),
})

/** The answer is kept until somebody removes it, also while it is on its way: it may be out of date when it comes. */
const once = <K, V>(known: Map<K, Promise<V>>, key: K, ask: (key: K) => Promise<V>): Promise<V> => {
  const found = known.get(key)
  if (found) return found
  const asked = ask(key)
  known.set(key, asked)
  asked.catch(() => {
    if (known.get(key) === asked) known.delete(key)
  })
  return asked
}

const each = async <T, R>(list: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> => {
  const results: R[] = []
  for (let i = 0; i < list.length; i += AT_ONCE)
    results.push(...(await Promise.all(list.slice(i, i + AT_ONCE).map(task))))
  return results
}
