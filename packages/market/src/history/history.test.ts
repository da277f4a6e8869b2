import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { providers, type Simulated, simulateMarket } from '../../test/simulate-market.ts'
import {
  type ChainEvent,
  earningsOf,
  explainAccount,
  explainBid,
  explainJob,
  explainScore,
  follow,
  historyOf,
} from '../index.ts'

/** A number below `below` from a seed: the course of a market in one integer. */
const pickFrom = (seed: number) => {
  let state = seed >>> 0
  return (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const marketOf = (seed: number): Simulated => simulateMarket(pickFrom(seed), 1 + (seed % 4))

test('the books agree with the vault, and no token appears or goes', () => {
  fc.assert(
    fc.property(seeds, (course) => {
      const { events, balances, escrows, minted } = marketOf(course)
      const history = historyOf(events)
      assert.equal(history.unknown, 0)
      let sum = 0n
      for (const [account, { credit, stake, locked }] of balances) {
        const view = history.accounts.get(account)!
        assert.deepEqual([view.credit, view.stake, view.locked], [credit, stake, locked])
        sum += credit + stake
      }
      for (const [number, amount] of escrows) {
        assert.equal(history.escrows.get(`0x${'aa'.repeat(20)} ${number}`) ?? 0n, amount)
        assert.ok(amount >= 0n)
        sum += amount
      }
      assert.equal(sum, minted)
    }),
    { numRuns: 30 },
  )
})

test('every reward, slash and refund is explained by arithmetic that gives its amount', () => {
  fc.assert(
    fc.property(seeds, (course) => {
      const { events } = marketOf(course)
      const history = historyOf(events)
      for (const job of history.jobs.keys()) {
        const lines = explainJob(history, job)
        const differing = lines.find(({ differs }) => differs !== undefined)
        assert.equal(differing, undefined, `${differing?.what}; ${differing?.how}; ${differing?.differs}`)
        assert.ok(lines.length > 1)
      }
      for (const account of providers) {
        const lines = explainAccount(history, account)
        assert.ok(lines.every(({ what, differs }) => differs === undefined && what.includes(account)))
        assert.ok(explainScore(history, account).every(({ differs }) => differs === undefined))
      }
    }),
    { numRuns: 30 },
  )
})

test('an account has made what it holds above what it brought, and nothing is expected when all is closed', () => {
  fc.assert(
    fc.property(seeds, (course) => {
      const { events, minted } = marketOf(course)
      const history = historyOf(events)
      const brought = minted / BigInt(providers.length + 1)
      for (const account of providers) {
        const { provided, audited, bounties, slashed, expected, atRisk, held } = earningsOf(history, account)
        assert.equal(held, brought + provided + audited + bounties - slashed)
        assert.deepEqual(expected, { provided: 0n, audited: 0n })
        assert.equal(atRisk, 0n)
      }
    }),
    { numRuns: 30 },
  )
})

test('while slices run, what they would pay is expected and their stake is at risk', () => {
  const { events } = simulateMarket(pickFrom(7), 3)
  let seen = 0
  for (let end = 1; end < events.length; end++) {
    if (events[end]!.transactionHash === events[end - 1]!.transactionHash) continue
    const history = historyOf(events.slice(0, end))
    const running = [...history.jobs.values()].flatMap(({ slices }) =>
      slices.filter(({ status }) => ['assigned', 'running', 'claimed'].includes(status)),
    )
    const earnings = providers.map((account) => earningsOf(history, account))
    const expected = running.map(
      ({ slice, attempts }) => attempts.at(-1)!.leaders.at(-1)!.pricePerUnit * slice.work,
    )
    assert.equal(
      earnings.reduce((sum, { expected: { provided } }) => sum + provided, 0n),
      expected.reduce((sum, price) => sum + price, 0n),
    )
    for (const one of earnings) if (one.expected.provided > 0n) assert.ok(one.atRisk >= one.expected.provided)
    seen += running.length
  }
  assert.ok(seen > 10)
})

test('the order in which events are handed in makes no difference, nor do repetitions or pieces', () => {
  fc.assert(
    fc.property(seeds, seeds, (course, seed) => {
      const { events } = marketOf(course)
      const pick = pickFrom(seed)
      const expected = historyOf(events)
      const mixed = [...events, ...events.filter(() => pick(3) === 0)]
      for (let i = mixed.length - 1; i > 0; i--) {
        const j = pick(i + 1)
        ;[mixed[i], mixed[j]] = [mixed[j]!, mixed[i]!]
      }
      assert.deepEqual(historyOf(mixed), expected)
      const pieces = historyOf([])
      for (let at = 0; at < events.length; ) {
        const next = at + 1 + pick(9)
        follow(pieces, events.slice(Math.max(0, at - pick(5)), next))
        at = next
      }
      assert.deepEqual(pieces, expected)
    }),
    { numRuns: 30 },
  )
})

test('a history that misses events, or holds strange ones, counts what it cannot place and goes on', () => {
  fc.assert(
    fc.property(seeds, seeds, (course, seed) => {
      const { events } = marketOf(course)
      const pick = pickFrom(seed)
      const some = events.filter(() => pick(4) > 0)
      const strange: ChainEvent = { ...events[0]!, contract: 'constructor', name: 'toString', block: 10 ** 9 }
      const history = historyOf([...some, strange, { ...strange, contract: 'market', logIndex: 1 }])
      assert.equal(history.events, some.length + 2)
      for (const job of history.jobs.keys()) explainJob(history, job)
      for (const account of history.accounts.keys()) {
        explainAccount(history, account)
        earningsOf(history, account)
      }
    }),
    { numRuns: 30 },
  )
})

test('a lie about an amount shows: the arithmetic gives another one', () => {
  const { events } = simulateMarket(pickFrom(11), 4)
  const amounts: { readonly [event: string]: string } = {
    JobPosted: 'escrow',
    SliceAssigned: 'locked',
    AttemptFailed: 'slashed',
    SliceSettled: 'fee',
    AuditorPaid: 'amount',
    JobClosed: 'refund',
    Recorded: 'score',
  }
  for (const [name, field] of Object.entries(amounts)) {
    const at = events.findIndex((event) => event.name === name)
    assert.ok(at >= 0, name)
    const event = events[at]!
    const lie = {
      ...event,
      args: { ...event.args, [field]: (event.args as { readonly [field: string]: bigint })[field]! + 1n },
    }
    const history = historyOf([...events.slice(0, at), lie, ...events.slice(at + 1)])
    const lines = [...history.jobs.keys()].flatMap((job) => explainJob(history, job))
    lines.push(...providers.flatMap((account) => explainScore(history, account)))
    assert.ok(
      lines.some(({ differs, source }) => differs !== undefined && source.logIndex === event.logIndex),
      name,
    )
  }
})

test('a bid that got nothing is explained by the score that it would have needed', () => {
  const { events } = simulateMarket(pickFrom(3), 1)
  const history = historyOf(events)
  const leader = history.jobs.get(1)!.slices[0]!.attempts[0]!.leaders.at(-1)!
  const bid = {
    job: 1,
    account: providers[0]!,
    key: providers[0]!,
    time: 1,
    slices: 1,
    expiry: 2 ** 40,
    salt: 1n,
  }
  const of = (key: `0x${string}`, pricePerUnit: bigint, expiry = bid.expiry) =>
    explainBid(history, { ...bid, key, pricePerUnit, expiry }, 0, 0n)[0]
  const other = `0x${'99'.repeat(20)}` as const
  assert.match(of(other, leader.score + 1n)?.what ?? '', /and 0x.* led/)
  assert.match(of(other, 0n)?.what ?? '', /nobody put it in/)
  assert.match(of(other, 0n, 5)?.what ?? '', /was over at 5/)
  assert.match(of(other, leader.score)?.how ?? '', /x \(10000 - 100\) \/ 10000/)
})
