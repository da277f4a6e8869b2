import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAudited, type Progress, type Slice, type SliceStatus } from '@lockstep/market'
import type { Hex } from '@lockstep/proof'
import { dutyKey } from './duty.ts'
import { keepDuties } from './keep.ts'
import type { LiveAudit, LiveBid, LiveJob, LiveMarket, LiveSlice, Self } from './live.ts'
import { provideDuties, type WorkStage, type Works } from './provide.ts'
import { type Findings, verifyDuties } from './verify.ts'

const hex = (byte: number, length: number): Hex => `0x${byte.toString(16).padStart(2, '0').repeat(length)}`
const me: Self = { account: hex(1, 20), key: hex(2, 20) }
const other: Self = { account: hex(3, 20), key: hex(4, 20) }
const requester = hex(5, 20)
const CLAIM = hex(6, 32)

const spec = {
  times: { deadline: 1000 },
  charges: { minimumImprovement: 100 },
} as LiveJob['spec']
const slice = { initialFrom: 0xffff, inputsFrom: [], group: 0, time: 60 } as unknown as Slice

const sliceAt = (
  status: SliceStatus,
  progress: Partial<Progress> = {},
  more: Partial<LiveSlice> = {},
): LiveSlice => ({
  number: 0,
  slice,
  stake: 1n,
  claim: undefined,
  tried: new Set(),
  progress: { status, attempt: 1, since: 0, until: 100, firm: 50, ...nobody, ...progress } as Progress,
  ...more,
})
const nobody = { account: hex(0, 20), key: hex(0, 20), claim: hex(0, 32), score: 0n }

const bidBy = ({ account, key }: Self, score: bigint, slices = 1): LiveBid => ({
  bid: { job: 1, account, key, pricePerUnit: score, time: 30, slices, expiry: 900, salt: 0n },
  signature: '0x00',
  score,
  staked: true,
})

const jobWith = (slices: readonly LiveSlice[], more: Partial<LiveJob> = {}): LiveJob => ({
  number: 1,
  job: { requester, status: 'open', posted: 0, slices: slices.length, invalid: [], escrow: 0n },
  spec,
  slices: slices.map((s, number) => ({ ...s, number })),
  bids: [],
  known: true,
  ...more,
})
const marketAt = (now: number, job: LiveJob, more: Partial<LiveMarket> = {}): LiveMarket => ({
  now,
  jobs: new Map([[1, job]]),
  audits: new Map(),
  disputes: [],
  rounds: [],
  weights: { waiting: 0, due: 0 },
  ...more,
})
const works = (stage?: WorkStage, bid?: LiveBid): Works => ({
  stage: () => stage,
  wants: () => true,
  runs: 1,
  ownBid: () => bid,
})
const kinds = (duties: readonly { do: string }[]): string[] => duties.map((duty) => duty.do)

test('a provider bids once for a job with slices to come, and not where it does not want to', () => {
  const job = jobWith([sliceAt('waiting')])
  assert.deepEqual(kinds(provideDuties(marketAt(10, job), me, works())), ['bid'])
  assert.deepEqual(kinds(provideDuties(marketAt(10, job), me, works(undefined, bidBy(me, 5n)))), [])
  assert.deepEqual(kinds(provideDuties(marketAt(10, job), me, { ...works(), wants: () => false })), [])
  assert.deepEqual(kinds(provideDuties(marketAt(1000, job), me, works())), [])
  assert.deepEqual(kinds(provideDuties(marketAt(10, { ...job, known: false }), me, works())), [])
})

test('the best bid is put in by its bidder when bids can lead, and by others a little later', () => {
  const own = bidBy(me, 5n)
  const job = jobWith([sliceAt('bidding')], { bids: [bidBy(other, 7n), own] })
  const due = (now: number, self: Self) =>
    provideDuties(marketAt(now, job), self, works(undefined, own)).filter((duty) => duty.do === 'assign')
  assert.equal(due(99, me).length, 0)
  assert.deepEqual(due(100, me), [{ do: 'assign', job: 1, slice: 0, bid: own }])
  assert.equal(due(100, other).length, 0)
  assert.deepEqual(due(103, other), [{ do: 'assign', job: 1, slice: 0, bid: own }])
})

test('a bid counts for as many slices as it says, and a better one left out is put in while that is possible', () => {
  const taken = sliceAt('running', { ...me })
  const open = sliceAt('bidding')
  const own = bidBy(me, 5n)
  const theirs = bidBy(other, 7n)
  const full = jobWith([taken, open], { bids: [own, theirs] })
  const [duty] = provideDuties(marketAt(110, full), me, works('fetched', own)).filter(
    (d) => d.do === 'assign',
  )
  assert.deepEqual(duty, { do: 'assign', job: 1, slice: 1, bid: theirs })

  const led = (score: bigint) => jobWith([sliceAt('assigned', { ...other, score })], { bids: [own, theirs] })
  const puts = (now: number, score: bigint) =>
    kinds(provideDuties(marketAt(now, led(score)), me, works(undefined, own)))
  assert.deepEqual(puts(40, 7n), ['assign'])
  assert.deepEqual(puts(40, 5n), [], 'no better than the leader')
  assert.deepEqual(puts(50, 7n), [], 'too late')
})

test('whoever has failed a slice is not put in for it again', () => {
  const own = bidBy(me, 5n)
  const theirs = bidBy(other, 7n)
  const job = jobWith([sliceAt('bidding', {}, { tried: new Set([me.account]) })], { bids: [own, theirs] })
  const assigned = (self: Self, now: number) =>
    provideDuties(marketAt(now, job), self, works(undefined, own)).filter((duty) => duty.do === 'assign')
  assert.deepEqual(assigned(other, 100), [{ do: 'assign', job: 1, slice: 0, bid: theirs }])
  assert.deepEqual(assigned(me, 103), [{ do: 'assign', job: 1, slice: 0, bid: theirs }])
})

test('an assigned slice is fetched, then received when it is firm; what cannot be had is declined', () => {
  const job = jobWith([sliceAt('assigned', { ...me })])
  const at = (now: number, stage?: WorkStage) =>
    kinds(provideDuties(marketAt(now, job), me, works(stage, bidBy(me, 5n))))
  assert.deepEqual(at(10), ['fetch'])
  assert.deepEqual(at(10, 'fetched'), [])
  assert.deepEqual(at(50, 'fetched'), ['receipt'])
  assert.deepEqual(at(50, 'missing'), ['decline'])
  assert.deepEqual(at(98), ['decline'], 'no time is left to fetch')
})

test('a slice is received when it can be run, the most pressing first, and declined when its turn has not come', () => {
  const pressing = sliceAt('assigned', { ...me, until: 90 })
  const [first, second] = [sliceAt('running', { ...me }), sliceAt('assigned', { ...me })]
  const stages = (run: WorkStage | undefined): Works => ({
    ...works('fetched', bidBy(me, 5n)),
    stage: ({ slice }) => (slice === 0 ? run : 'fetched'),
  })
  const job = jobWith([first, second, pressing])
  const at = (now: number, run?: WorkStage) =>
    provideDuties(marketAt(now, job), me, stages(run)).filter((duty) => duty.do !== 'run')
  assert.deepEqual(at(60), [], 'the only run there may be is under way')
  assert.deepEqual(at(60, 'done').slice(1), [{ do: 'receipt', job: 1, slice: 2, attempt: 1 }])
  assert.deepEqual(at(88), [{ do: 'decline', job: 1, slice: 2, attempt: 1 }])
})

test('a running slice is run, also by a node that has forgotten it, and then claimed', () => {
  const job = jobWith([sliceAt('running', { ...me })])
  const at = (now: number, stage?: WorkStage) =>
    kinds(provideDuties(marketAt(now, job), me, works(stage, bidBy(me, 5n))))
  assert.deepEqual(at(10), ['run'])
  assert.deepEqual(at(10, 'fetched'), ['run'])
  assert.deepEqual(at(10, 'done'), ['claim'])
  assert.deepEqual(at(10, 'impossible'), [])
  assert.deepEqual(at(100, 'done'), [], 'too late')
})

const auditWith = (status: LiveAudit['status'], more: Partial<LiveAudit> = {}): LiveAudit => ({
  claim: CLAIM,
  job: 1,
  slice: 0,
  status,
  ended: false,
  account: me.account,
  auditRate: 10_000,
  deadline: 60,
  round: 1,
  random: hex(0, 32),
  segments: 4,
  seats: [],
  ...more,
})
const seat = (self: Self, status: LiveAudit['seats'][number]['status']) => ({
  account: self.account,
  status,
  deadline: 60,
  segment: 0,
})

const over = { deadline: 20, segment: 3, judged: false, over: false, owed: false }
test('a provider opens its tallies in its turn and defends what it has claimed', () => {
  const job = jobWith([sliceAt('claimed', { ...me, claim: CLAIM })])
  const audits = (audit: LiveAudit) => new Map([[CLAIM, audit]])
  const opening = marketAt(10, job, { audits: audits(auditWith('opening')) })
  assert.deepEqual(kinds(provideDuties(opening, me, works('done', bidBy(me, 5n)))), ['open'])
  const dispute = { number: 4, claim: CLAIM, claimant: me.key, challenger: other.key, ...over }
  const attacked = marketAt(10, job, { disputes: [{ ...dispute, outcome: 'open' }] })
  assert.deepEqual(kinds(provideDuties(attacked, me, works('done', bidBy(me, 5n)))), ['defend'])
  assert.deepEqual(kinds(provideDuties(attacked, other, works())), [])
})

const nothing: Findings = {
  runs: 1,
  audit: () => undefined,
  isFalse: () => false,
  round: () => undefined,
  holds: () => false,
  defence: () => undefined,
  bonds: () => [],
}

test('a verifier executes, commits, reveals, and says in time where it cannot', () => {
  const job = jobWith([sliceAt('claimed', { ...other, claim: CLAIM })])
  const at = (now: number, audit: LiveAudit, findings: Partial<Findings> = {}) =>
    kinds(
      verifyDuties(marketAt(now, job, { audits: new Map([[CLAIM, audit]]) }), me, {
        ...nothing,
        ...findings,
      }),
    )
  const drawn = auditWith('committing', { seats: [seat(other, 'drawn'), seat(me, 'drawn')] })
  assert.deepEqual(at(10, drawn), ['audit'])
  assert.deepEqual(at(10, drawn, { audit: () => 'answered' }), ['commit'])
  assert.deepEqual(at(10, drawn, { audit: () => 'missing' }), ['miss'])
  assert.deepEqual(at(58, drawn), ['miss'], 'no time is left to execute')
  assert.deepEqual(at(58, drawn, { audit: () => 'answered' }), ['commit'])
  const committed = [seat(me, 'committed')]
  assert.deepEqual(at(10, auditWith('committing', { seats: committed })), [])
  assert.deepEqual(at(10, auditWith('revealing', { seats: committed })), ['reveal'])
})

test('of several audits the most pressing are executed first, as many as go beside each other', () => {
  const claims = [hex(7, 32), hex(8, 32), hex(9, 32)]
  const audits = new Map(
    claims.map((claim, i): [Hex, LiveAudit] => [
      claim,
      auditWith('committing', { claim, deadline: 60 - i, seats: [seat(me, 'drawn')] }),
    ]),
  )
  const market = marketAt(10, jobWith([]), { audits })
  assert.deepEqual(verifyDuties(market, me, { ...nothing, runs: 2 }), [
    { do: 'audit', claim: claims[2], seat: 0 },
    { do: 'audit', claim: claims[1], seat: 0 },
  ])
})

test('a false claim is challenged once while it stands, attacked to the end, and its bounty fetched', () => {
  const standing = { status: 'standing', until: 100, open: 0 } as const
  const job = jobWith([sliceAt('claimed', { ...other, claim: CLAIM }, { claim: standing })])
  const findings = { ...nothing, isFalse: (claim: Hex) => claim === CLAIM }
  const dispute = { number: 4, claim: CLAIM, claimant: other.key, challenger: me.key, ...over }
  const at = (now: number, outcome?: 'open' | 'challenger' | 'claimant') =>
    kinds(
      verifyDuties(
        marketAt(now, job, {
          disputes: outcome === undefined ? [] : [{ ...dispute, outcome, owed: outcome === 'challenger' }],
        }),
        me,
        findings,
      ),
    )
  assert.deepEqual(at(10), ['challenge'])
  assert.deepEqual(at(100), [], 'the window is over')
  assert.deepEqual(at(10, 'open'), ['attack'])
  assert.deepEqual(at(10, 'challenger'), ['bounty'])
  assert.deepEqual(at(10, 'claimant'), [])
})

test('where another dispute has ended the claim, nobody plays on, and the challenger takes its bond out', () => {
  const dispute = { number: 4, claim: CLAIM, claimant: other.key, challenger: me.key, ...over }
  const job = jobWith([sliceAt('claimed', { ...other, claim: CLAIM })])
  const market = marketAt(90, job, { disputes: [{ ...dispute, outcome: 'open', over: true }] })
  assert.deepEqual(verifyDuties(market, me, nothing), [{ do: 'closeDispute', dispute: 4 }])
  assert.deepEqual(kinds(provideDuties(market, other, works('done', bidBy(other, 5n)))), [])
  assert.deepEqual(kinds(keepDuties(market, other)), [])
})

const DEFENCE = hex(8, 32)
const won = {
  ...{ number: 4, claim: CLAIM, claimant: hex(9, 20), challenger: other.key, ...over },
  outcome: 'challenger' as const,
  judged: true as boolean,
}
/** A claim that fell: half of its four segments, and the last, were audited by each seat. */
const fallenWith = (
  seats: LiveAudit['seats'],
  disputes: LiveMarket['disputes'] = [won],
): ((now: number) => LiveMarket) => {
  const job = jobWith([sliceAt('bidding')], { spec: { ...spec, times: { ...spec.times, answer: 40 } } })
  const audit = auditWith('done', { ended: true, seats, auditRate: 5_000, account: requester })
  return (now) => marketAt(now, job, { audits: new Map([[CLAIM, audit]]), disputes })
}

test('a suspect seat is accused by whoever won the dispute, and a little later by whoever sees it', () => {
  const suspect = seat({ account: hex(7, 20), key: hex(7, 20) }, 'suspect')
  const market = fallenWith([suspect])
  const accusation = [{ do: 'accuse', claim: CLAIM, seat: 0, dispute: 4 }]
  assert.deepEqual(verifyDuties(market(20), other, nothing), accusation, 'as soon as it is suspect')
  assert.deepEqual(verifyDuties(market(22), me, nothing), [])
  assert.deepEqual(verifyDuties(market(40), me, nothing), accusation, 'before half of the time is over')
  assert.deepEqual(verifyDuties(market(60), me, nothing), accusation)
  assert.deepEqual(verifyDuties(market(61), me, nothing), [], 'too late')
  assert.deepEqual(verifyDuties({ ...market(22), jobs: new Map() }, me, nothing), accusation, 'a closed job')
})

test('nobody is accused by a clock, of a segment that it has not audited, or of one that was found right', () => {
  const suspect = seat({ account: hex(7, 20), key: hex(7, 20) }, 'suspect')
  const at = (dispute: Partial<typeof won>, findings = nothing, self = me) =>
    kinds(verifyDuties(fallenWith([suspect], [{ ...won, ...dispute }])(50), self, findings))
  assert.deepEqual(at({}), ['accuse'])
  assert.deepEqual(at({ judged: false }), [])
  const drawn = { random: hex(0, 32), claim: CLAIM, auditRate: 5_000 }
  for (const segment of [0, 1, 2]) {
    const audited = isAudited(drawn, { steps: 4, segmentLength: 1 }, 0, segment)
    assert.deepEqual(at({ segment }), audited ? ['accuse'] : [])
  }
  assert.deepEqual(at({}, { ...nothing, holds: (_, segment) => segment === 3 }), [])
  assert.deepEqual(at({}, { ...nothing, holds: (_, segment) => segment === 2 }), ['accuse'])
  assert.deepEqual(at({}, nothing, { account: suspect.account, key: me.key }), [], 'its own node')
})

test('an accused seat is defended while there is time, its defence upheld, and the bond taken back', () => {
  const at = (now: number, status: 'accused' | 'defending', findings: Partial<Findings> = {}) => {
    const mine = { ...seat(me, status), segment: 2 }
    return verifyDuties(fallenWith([mine])(now), me, { ...nothing, ...findings })
  }
  assert.deepEqual(at(59, 'accused'), [{ do: 'defendSeat', claim: CLAIM, seat: 0, segment: 2 }])
  assert.deepEqual(at(60, 'accused'), [])
  assert.deepEqual(at(59, 'accused', { defence: () => 'false' }), [], 'it would be a lie')
  const place = { claim: CLAIM, seat: 0 }
  const bonds = () => [place]
  assert.deepEqual(at(59, 'defending', { bonds }), [])
  assert.deepEqual(kinds(verifyDuties(marketAt(90, jobWith([])), me, { ...nothing, bonds })), ['takeBond'])

  const attacked = { ...won, claim: DEFENCE, claimant: me.key, outcome: 'open' as const, defence: place }
  const market = fallenWith([seat(me, 'defending')], [attacked])(50)
  assert.deepEqual(verifyDuties(market, me, nothing), [{ do: 'uphold', dispute: 4, ...place }])
  assert.deepEqual(kinds(provideDuties(market, me, works())), ['bid'], 'no claim of a run')
})

test('a defence is challenged once by whoever knows the claim to be false, and attacked to the end', () => {
  const standing = { id: DEFENCE, status: 'standing', until: 100, open: 0 } as const
  const defending = { ...seat(other, 'defending'), segment: 3, defence: standing }
  const knowing = { ...nothing, isFalse: () => true }
  const at = (now: number, findings: Findings, disputes: LiveMarket['disputes'] = []) =>
    kinds(verifyDuties(fallenWith([defending], disputes)(now), me, findings))
  assert.deepEqual(at(70, knowing), ['challengeDefence'])
  assert.deepEqual(at(70, nothing), [])
  assert.deepEqual(at(100, knowing), [], 'its window is over')
  assert.deepEqual(at(70, { ...knowing, defence: () => 'sound' }), [], 'the claim is false elsewhere')
  const place = { claim: CLAIM, seat: 0 }
  const own = { ...won, claim: DEFENCE, claimant: other.key, challenger: me.key, defence: place }
  assert.deepEqual(at(70, knowing, [{ ...own, outcome: 'open', judged: false }]), ['attackDefence'])
  assert.deepEqual(at(70, knowing, [{ ...own, outcome: 'claimant' }]), [], 'once')
})

test('a seat ends when nobody has accused it, when it is not defended, and when its defence has ended', () => {
  const mine = seat(me, 'suspect')
  const at = (now: number, found: LiveAudit['seats'][number]) =>
    kinds(keepDuties(fallenWith([found])(now), me))
  assert.deepEqual(at(60, mine), [])
  assert.deepEqual(at(61, mine), ['finishSeat'])
  assert.deepEqual(at(61, seat(me, 'accused')), [], 'others are in no hurry')
  assert.deepEqual(at(70, seat(me, 'accused')), ['finishSeat'])
  const standing = { id: DEFENCE, status: 'standing', until: 100, open: 0 } as const
  const defending = { ...seat(me, 'defending'), defence: standing }
  assert.deepEqual(at(90, defending), [])
  assert.deepEqual(at(101, defending), ['finishSeat'])
  assert.deepEqual(at(101, { ...defending, defence: { ...standing, open: 1 } }), [])
  assert.deepEqual(at(90, { ...defending, defence: { ...standing, status: 'fallen' } }), ['finishSeat'])
})

test('a verifier commits in the first half of a round and reveals in the second what it committed', () => {
  const rounds = [{ number: 9, begin: 10, middle: 12, end: 14 }]
  const at = (now: number, stage?: 'committed' | 'revealed') =>
    kinds(verifyDuties(marketAt(now, jobWith([]), { rounds }), me, { ...nothing, round: () => stage }))
  assert.deepEqual(at(9), [])
  assert.deepEqual(at(10), ['drawCommit'])
  assert.deepEqual(at(11, 'committed'), [])
  assert.deepEqual(at(12), [], 'too late to begin')
  assert.deepEqual(at(12, 'committed'), ['drawReveal'])
  assert.deepEqual(at(13, 'revealed'), [])
  assert.deepEqual(at(14, 'committed'), [])
})

test('whatever somebody left lying is moved on by the next one, at once by whom it serves', () => {
  const overdue = (status: SliceStatus) => jobWith([sliceAt(status, { ...other })])
  for (const status of ['assigned', 'running'] as const) {
    assert.deepEqual(kinds(keepDuties(marketAt(100, overdue(status)), other)), [])
    assert.deepEqual(kinds(keepDuties(marketAt(101, overdue(status)), other)), ['advance'])
    assert.deepEqual(kinds(keepDuties(marketAt(101, overdue(status)), me)), [])
    assert.deepEqual(kinds(keepDuties(marketAt(110, overdue(status)), me)), ['advance'])
  }
  const chain = (first: SliceStatus) =>
    jobWith([sliceAt(first), sliceAt('waiting', {}, { slice: { ...slice, initialFrom: 0 } })])
  assert.deepEqual(kinds(keepDuties(marketAt(40, chain('running')), me)), [])
  assert.deepEqual(kinds(keepDuties(marketAt(40, chain('settled')), me)), ['advance'])
  assert.deepEqual(kinds(keepDuties(marketAt(40, chain('cancelled')), me)), ['advance'])
})

test('a claim is settled when its audit is over and its window has passed, or as soon as it has fallen', () => {
  const at = (now: number, status: LiveAudit['status'], claim: Partial<NonNullable<LiveSlice['claim']>>) => {
    const standing = { status: 'standing', until: 70, open: 0, ...claim } as const
    const job = jobWith([sliceAt('claimed', { ...me, claim: CLAIM }, { claim: standing })])
    return kinds(keepDuties(marketAt(now, job, { audits: new Map([[CLAIM, auditWith(status)]]) }), me))
  }
  assert.deepEqual(at(60, 'done', {}), [])
  assert.deepEqual(at(70, 'done', {}), ['advance'])
  assert.deepEqual(at(70, 'done', { open: 1 }), [], 'a dispute is open')
  assert.deepEqual(at(10, 'done', { status: 'fallen' }), ['advance'])
  assert.deepEqual(at(10, 'silent', {}), ['advance'])
  assert.deepEqual(at(61, 'committing', {}), ['finish'], 'its auditors have let the time pass')
})

test('a job is closed when all of it has ended, or no attempt can begin any more', () => {
  const at = (now: number, status: SliceStatus) =>
    kinds(keepDuties(marketAt(now, jobWith([sliceAt(status)])), { ...me, account: requester }))
  assert.deepEqual(at(10, 'settled'), ['close'])
  assert.deepEqual(at(10, 'bidding'), [])
  assert.deepEqual(at(1001, 'bidding').at(-1), 'close')
  assert.deepEqual(at(50, 'running'), [])
})

test('weights that are due are applied by somebody', () => {
  const at = (now: number, waiting: number) =>
    kinds(keepDuties(marketAt(now, jobWith([]), { jobs: new Map(), weights: { waiting, due: 20 } }), me))
  assert.deepEqual(at(19, 1), [])
  assert.deepEqual(at(24, 1), ['applyWeights'])
  assert.deepEqual(at(24, 0), [])
})

test('equal duties have equal keys, and others others', () => {
  const place = { job: 1, slice: 2, attempt: 3 }
  assert.equal(dutyKey({ do: 'run', ...place }), 'run:1:2:3')
  assert.notEqual(dutyKey({ do: 'run', ...place }), dutyKey({ do: 'claim', ...place }))
  const [a, b] = [bidBy(me, 5n), bidBy(other, 5n)]
  assert.equal(
    dutyKey({ do: 'assign', job: 1, slice: 0, bid: a }),
    dutyKey({ do: 'assign', job: 1, slice: 0, bid: b }),
  )
})
