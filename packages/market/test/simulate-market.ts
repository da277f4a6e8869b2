import { type Hex, toHex } from '@lockstep/proof'
import {
  type Address,
  ATTEMPT_FAULT,
  AUDIT_STATUS,
  auditPay,
  type ChainEvent,
  type Charges,
  escrowAtPosting,
  feeOn,
  GIVEN,
  NO_ADDRESS,
  NO_REPUTATION,
  OUTCOMES,
  type Post,
  type Reputation,
  type ReputationOutcome,
  recorded,
  requiredStake,
  SEAT_STATUS,
  segmentsOf,
  stepsOf,
} from '../src/index.ts'
import { somePost, someSlice } from './some-post.ts'

/**
 * The events of a small market in which everybody does anything: what the contracts emit, in their order, for a course
 * that `pick` chooses. Money is kept apart from the code under test, so that the two can be compared.
 */

export const CHARGES: Charges = {
  feeShare: 137,
  minimumImprovement: 100,
  noShowShare: 500,
  lateShare: 2_000,
  bountyShare: 3_000,
  minimumStake: 5_000n,
  auditorSlash: 700n,
}

export type Balance = { credit: bigint; stake: bigint; locked: bigint }
export type Simulated = {
  readonly events: readonly ChainEvent[]
  readonly balances: ReadonlyMap<Address, Balance>
  readonly escrows: ReadonlyMap<bigint, bigint>
  readonly minted: bigint
}

const MARKET: Address = `0x${'aa'.repeat(20)}`
const TREASURY: Address = `0x${'ee'.repeat(20)}`
const SPONSOR: Address = `0x${'dd'.repeat(20)}`
export const providers: readonly Address[] = [1, 2, 3, 4].map((n): Address => `0x${`${n}${n}`.repeat(20)}`)
const FUNDS = 10n ** 24n

/** `pick(n)` gives a number below n. */
export const simulateMarket = (pick: (below: number) => number, jobs: number): Simulated => {
  const events: ChainEvent[] = []
  const balances = new Map<Address, Balance>()
  const escrows = new Map<bigint, bigint>()
  let minted = 0n
  let time = 86_400 * 100
  let block = 1
  let transaction = 0
  let numbers = 1
  const fresh = (): Hex =>
    toHex(Uint8Array.from({ length: 32 }, (_, i) => (i < 4 ? numbers++ >> (8 * i) : 7)))
  const mine = (): void => {
    time += pick(200_000)
    block++
    transaction++
  }
  const emit = (contract: string, name: string, args: ChainEvent['args']): void => {
    const hash = `0x${transaction.toString(16).padStart(64, '0')}` as const
    events.push({ contract, name, args, block, logIndex: events.length, transactionHash: hash, time })
  }
  const of = (account: Address): Balance => {
    const known = balances.get(account) ?? { credit: 0n, stake: 0n, locked: 0n }
    balances.set(account, known)
    return known
  }
  const escrow = (number: bigint, change: bigint): void => {
    escrows.set(number, (escrows.get(number) ?? 0n) + change)
  }
  const vault = (name: string, args: ChainEvent['args']): void => emit('vault', name, args)
  const lock = (account: Address, obligation: Hex, amount: bigint): void => {
    of(account).locked += amount
    const shown = amount < 0n ? -amount : amount
    vault(amount < 0n ? 'Unlocked' : 'Locked', { office: MARKET, account, obligation, amount: shown })
  }
  const slashInto = (account: Address, obligation: Hex, amount: bigint, number: bigint): void => {
    of(account).locked -= amount
    of(account).stake -= amount
    escrow(number, amount)
    vault('Slashed', { office: MARKET, account, obligation, amount, to: NO_ADDRESS, escrow: number })
  }
  const pay = (number: bigint, to: Address, amount: bigint): void => {
    if (amount === 0n) return
    escrow(number, -amount)
    of(to).credit += amount
    vault('Paid', { office: MARKET, escrow: number, to, amount })
  }
  const records = new Map<Address, Reputation>()
  const record = (account: Address, outcome: ReputationOutcome, fee: bigint): void => {
    const after = recorded(records.get(account) ?? NO_REPUTATION, outcome, fee, time)
    records.set(account, after)
    const said = { outcome: OUTCOMES.indexOf(outcome), fee, score: after.score }
    emit('reputation', 'Recorded', { account, office: MARKET, ...said })
  }

  for (const account of [SPONSOR, ...providers]) {
    mine()
    minted += 2n * FUNDS
    of(account).credit += FUNDS
    of(account).stake += FUNDS
    vault('Deposited', { from: account, account, amount: 2n * FUNDS })
    vault('Staked', { account, amount: FUNDS })
  }

  for (let job = 1; job <= jobs; job++) {
    mine()
    const slices = Array.from({ length: 1 + pick(4) }, (_, i) =>
      someSlice({
        initialFrom: i > 0 && pick(2) === 0 ? pick(i) : GIVEN,
        work: BigInt(1 + pick(5_000)),
        steps: 1 + pick(60),
        segmentLength: 1 + pick(9),
      }),
    )
    const ceiling = BigInt(1 + pick(1_000))
    const post: Post = somePost({
      slices,
      ceiling,
      auditPrice: ceiling,
      auditors: 1 + pick(3),
      auditRate: 1 + pick(10_000),
    })
    const put = escrowAtPosting(post, CHARGES)
    emit('market', 'JobPosted', {
      job: BigInt(job),
      requester: SPONSOR,
      manifest: post.manifest,
      escrow: put,
      terms: NO_ADDRESS,
      charges: CHARGES,
      post: {
        ...post,
        programs: post.programs.map((header) => ({
          ...header,
          interfaceDigest: toHex(header.interfaceDigest),
          itemsRoot: toHex(header.itemsRoot),
        })),
        slices: post.slices.map((slice) => ({ ...slice, steps: BigInt(slice.steps) })),
        times: { ...post.times, deadline: BigInt(post.times.deadline) },
      },
    })
    of(SPONSOR).credit -= put
    escrow(BigInt(job), put)
    vault('Funded', { office: MARKET, escrow: BigInt(job), account: SPONSOR, amount: put })

    const ends: ('settled' | 'cancelled')[] = []
    slices.forEach((spec, slice) => {
      const about = { job: BigInt(job), slice }
      if (spec.initialFrom !== GIVEN) {
        mine()
        if (ends[spec.initialFrom] === 'cancelled') {
          emit('market', 'SliceCancelled', about)
          ends[slice] = 'cancelled'
          return
        }
        emit('market', 'SliceOpened', { ...about, attempt: 1, until: time })
      }
      const stake = requiredStake(post, spec, CHARGES.minimumStake)
      let firstPrice = 0n
      let subsidy = 0n
      const dropSubsidy = (): void => {
        pay(BigInt(job), TREASURY, subsidy)
        subsidy = 0n
      }
      for (let attempt = 1; ; attempt++) {
        const obligation = fresh()
        const leads = (account: Address, pricePerUnit: bigint): void => {
          const bid = { account, key: account, pricePerUnit, score: pricePerUnit, time: 10n, locked: stake }
          emit('market', 'SliceAssigned', { ...about, attempt, ...bid, firm: time + 10, until: time + 300 })
          lock(account, obligation, stake)
        }
        let account = providers[pick(4)]!
        let price = 1n + (ceiling * BigInt(pick(100))) / 100n
        mine()
        leads(account, price)
        while (price > 10n && pick(3) === 0) {
          mine()
          lock(account, obligation, -stake)
          account = providers[pick(4)]!
          price = (price * 9n) / 10n
          leads(account, price)
        }
        mine()
        const course = pick(8)
        let claim: Hex | undefined
        let random: Hex | undefined
        const seats: { account: Address; pay: bigint; matched: boolean }[] = []
        if (course > 1) {
          if (firstPrice === 0n) firstPrice = price
          emit('market', 'SliceReceived', { ...about, attempt, task: fresh(), until: time + 60 })
          mine()
        }
        if (course > 2) {
          claim = fresh()
          random = fresh()
          emit('disputes', 'Claimed', {
            claim,
            task: fresh(),
            claimant: account,
            root: fresh(),
            until: BigInt(time),
          })
          mine()
          const roots = { root: fresh(), stateRoot: fresh(), outputsRoot: fresh() }
          emit('market', 'SliceClaimed', { ...about, attempt, claim, ...roots })
          const fullPay = post.auditPrice * spec.work
          emit('audits', 'AuditBegun', { ...about, claim, terms: { account, fullPay }, deadline: time })
          mine()
          for (let seat = 0; seat < post.auditors; seat++) {
            const auditor = providers[pick(4)]!
            const steps = stepsOf(spec, segmentsOf({ random, claim, auditRate: post.auditRate }, spec, seat))
            if (seats.some((one) => one.account === auditor)) continue
            seats.push({
              account: auditor,
              pay: auditPay(fullPay, steps, spec.steps),
              matched: pick(2) === 0,
            })
            emit('audits', 'SeatDrawn', { claim, account: auditor, seat: BigInt(seats.length - 1) })
          }
          // Seats are numbered without gaps: what was drawn twice takes the next number.
          seats.forEach((seat, number) => {
            const steps = stepsOf(
              spec,
              segmentsOf({ random: random!, claim: claim!, auditRate: post.auditRate }, spec, number),
            )
            seat.pay = auditPay(fullPay, steps, spec.steps)
          })
          emit('audits', 'AuditDrawn', { claim, random, seats: BigInt(seats.length), deadline: time })
        }
        const revealSeats = (): void => {
          for (const [number, { account, matched }] of seats.entries()) {
            mine()
            emit('audits', 'SeatRevealed', { claim, seat: BigInt(number), account, answer: fresh(), matched })
          }
          mine()
        }
        const endSeats = (fate: 'settled' | 'fallen' | 'silent'): bigint => {
          const wins = (matched: boolean): boolean => matched || fate !== 'settled'
          const cap = (amount: bigint, matched: boolean): bigint =>
            fate === 'fallen' && matched && amount > CHARGES.auditorSlash ? CHARGES.auditorSlash : amount
          const amounts = seats.map(({ pay, matched }) =>
            wins(matched) ? cap(pay, fate !== 'silent' && matched) : 0n,
          )
          for (const [number, { account }] of seats.entries()) {
            const amount = amounts[number]!
            const status = SEAT_STATUS.indexOf(amount > 0n ? 'paid' : 'unpaid')
            emit('audits', 'SeatEnded', { claim, seat: BigInt(number), account, status, amount })
          }
          const status = AUDIT_STATUS.indexOf(fate === 'silent' ? 'silent' : 'done')
          emit('audits', 'AuditOver', { claim, status })
          for (const [number, { account }] of seats.entries()) {
            const amount = amounts[number]!
            if (amount === 0n) continue
            emit('market', 'AuditorPaid', { ...about, account, attempt, amount })
            pay(BigInt(job), account, amount)
          }
          return amounts.reduce((sum, amount) => sum + amount, 0n)
        }
        if (course >= 5) {
          revealSeats()
          const audits = endSeats('settled')
          const paid = price * spec.work
          let subsidised = price > firstPrice ? (price - firstPrice) * spec.work : 0n
          if (subsidised > subsidy) subsidised = subsidy
          subsidy -= subsidised
          const fee = feeOn(paid - subsidised + audits, CHARGES)
          emit('market', 'SliceSettled', { ...about, account, attempt, paid, subsidised, audits, fee })
          record(account, 'completed', fee)
          lock(account, obligation, -stake)
          pay(BigInt(job), account, paid)
          pay(BigInt(job), TREASURY, fee)
          dropSubsidy()
          ends[slice] = 'settled'
          return
        }
        const fault = (['declined', 'noShow', 'late', 'silent', 'fallen'] as const)[course]!
        if (fault === 'fallen') revealSeats()
        const slashed =
          fault === 'declined'
            ? 0n
            : fault === 'noShow'
              ? (stake * BigInt(CHARGES.noShowShare)) / 10_000n
              : fault === 'late'
                ? (stake * BigInt(CHARGES.lateShare)) / 10_000n
                : stake
        if (slashed < stake) lock(account, obligation, slashed - stake)
        let bounty = 0n
        if (slashed > 0n) {
          if (firstPrice === 0n) firstPrice = price
          if (slashed === stake) bounty = (slashed * BigInt(CHARGES.bountyShare)) / 10_000n
          if (bounty > 0n) slashInto(account, obligation, bounty, BigInt(claim!))
          slashInto(account, obligation, slashed - bounty, BigInt(job))
        }
        const audits = fault === 'fallen' || fault === 'silent' ? endSeats(fault) : 0n
        const rest = slashed - bounty - audits
        let aside = 0n
        if (rest > 0n) {
          aside = (ceiling - firstPrice) * spec.work - subsidy
          if (aside > rest) aside = rest
          if (aside < 0n) aside = 0n
          subsidy += aside
          pay(BigInt(job), TREASURY, rest - aside)
        }
        const failed = { slashed, bounty, audits, subsidy: aside }
        emit('market', 'AttemptFailed', {
          ...about,
          account,
          attempt,
          fault: ATTEMPT_FAULT.indexOf(fault),
          ...failed,
        })
        record(account, fault === 'declined' ? 'declined' : course < 3 ? 'late' : 'failed', 0n)
        const isLast = attempt >= 8 || pick(5) === 0
        if (isLast) emit('market', 'SliceCancelled', about)
        else emit('market', 'SliceOpened', { ...about, attempt: attempt + 1, until: time + 30 })
        if (isLast) dropSubsidy()
        if (bounty > 0n && pick(2) === 0) {
          mine()
          emit('market', 'BountyPaid', { claim, dispute: 1n, challenger: providers[0], amount: bounty })
          pay(BigInt(claim!), providers[0]!, bounty)
        }
        if (isLast) {
          ends[slice] = 'cancelled'
          return
        }
      }
    })
    mine()
    const refund = escrows.get(BigInt(job)) ?? 0n
    emit('market', 'JobClosed', { job: BigInt(job), refund })
    pay(BigInt(job), SPONSOR, refund)
  }
  return { events, balances, escrows, minted }
}
