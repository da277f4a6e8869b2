import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defaultConfig } from '../config/template.ts'
import { type Conditions, type Load, mayBid, type Offer, type OfferedSlice, pausedBy } from './may-bid.ts'

const GIB = 2 ** 30
const policy = defaultConfig().policy
const slice: OfferedSlice = {
  slice: 0,
  work: 100_000n,
  time: 3600,
  memory: GIB,
  disk: GIB,
  stake: 10n ** 18n,
}
const offer: Offer = {
  job: 1,
  ceiling: 10n ** 15n,
  minimumImprovement: 100n,
  discount: 0n,
  slices: [slice],
  receipt: 60,
  deadline: 2_000_000_000,
}
const idle: Load = { runs: 0, memory: 0, disk: 0, stake: 0n }
const conditions: Conditions = {
  now: 1_800_000_000,
  wall: { weekday: 1, minute: 600 },
  onBattery: false,
  inputIdle: undefined,
  othersLoad: undefined,
  freeMemory: 8 * GIB,
  freeDisk: 100 * GIB,
  capability: {
    executor: 'wasm 2 fused',
    threads: 2,
    unitsPerSecond: 1000,
    memory: 8 * GIB,
    machine: 'm',
    measuredAt: 0,
  },
  freeStake: 10n ** 21n,
}

test('a machine with nothing to do bids for what fits, promising its time with slack', () => {
  assert.deepEqual(mayBid(offer, policy, idle, conditions), {
    kind: 'bid',
    price: 9n * 10n ** 14n,
    time: 550,
    slices: 1,
    fitting: [0],
  })
})

test('each cap and condition keeps it from bidding, and says so', () => {
  const withSlice = (change: Partial<OfferedSlice>) => ({ slices: [{ ...slice, ...change }] })
  const caps = (change: object) => ({ caps: { ...policy.caps, ...change } })
  const cases: [reason: string, offer: object, policy: object, load: object, conditions: object][] = [
    ['battery', {}, {}, {}, { onBattery: true }],
    ['owner-input', {}, { pause: { ...policy.pause, ownerInput: 300 } }, {}, { inputIdle: 299 }],
    ['owner-load', {}, { pause: { ...policy.pause, ownerLoad: 0.5 } }, {}, { othersLoad: 0.51 }],
    ['hours', {}, caps({ hours: [{ from: '22:00', to: '07:00' }] }), {}, {}],
    ['runs', {}, {}, { runs: 1 }, {}],
    ['unmeasured', {}, {}, {}, { capability: undefined }],
    ['deadline', { deadline: 1_800_000_000 }, {}, {}, {}],
    ['no-slices', { slices: [] }, {}, {}, {}],
    ['ceiling-below-floor', { ceiling: 1n }, {}, {}, {}],
    ['leader-below-floor', { leader: { score: 10n ** 14n, own: false } }, {}, {}, {}],
    ['leading', { leader: { score: 10n ** 15n, own: true } }, {}, {}, {}],
    ['memory', withSlice({ memory: 4 * GIB + 1 }), {}, {}, {}],
    ['memory', {}, {}, { memory: 3 * GIB + 1 }, {}],
    ['memory', {}, {}, {}, { freeMemory: GIB - 1 }],
    ['disk', {}, {}, { disk: 20 * GIB }, {}],
    ['disk', {}, {}, {}, { freeDisk: 0 }],
    ['time', withSlice({ time: 309 }), {}, {}, {}],
    ['stake', {}, {}, {}, { freeStake: 10n ** 18n - 1n }],
    ['stake', {}, {}, { stake: 10n ** 21n }, {}],
  ]
  for (const [reason, ...changes] of cases) {
    const [o, p, l, c] = changes
    const decision = mayBid(
      { ...offer, ...o },
      { ...policy, ...p },
      { ...idle, ...l },
      { ...conditions, ...c },
    )
    assert.equal(decision.kind, 'skip', reason)
    assert.equal(decision.kind === 'skip' && decision.reason, reason)
    if (decision.kind === 'skip') assert.ok(decision.value.length > 0 && decision.limit.length > 0)
  }
})

test('what cannot be seen is no reason to pause, and what is switched off is not looked at', () => {
  const unseen = { onBattery: undefined, inputIdle: undefined, othersLoad: undefined }
  const all = { battery: true, ownerInput: 300, ownerLoad: 1, runs: false }
  assert.equal(pausedBy(all, unseen), undefined)
  const none = { battery: false, ownerInput: 0, ownerLoad: 0, runs: false }
  assert.equal(pausedBy(none, { onBattery: true, inputIdle: 0, othersLoad: 9 }), undefined)
  assert.equal(pausedBy(all, { onBattery: true, inputIdle: 0, othersLoad: 9 })?.reason, 'battery')
})

test('a bid is for slices that all fit its one time, and no more of them at a time than fit beside each other', () => {
  const slices: OfferedSlice[] = [
    { ...slice, slice: 0 },
    { ...slice, slice: 3, memory: 5 * GIB },
    { ...slice, slice: 4, work: 1_000_000n },
    { ...slice, slice: 5, time: 400 },
  ]
  const several = { ...policy, caps: { ...policy.caps, runs: 8 } }
  const decision = mayBid({ ...offer, slices }, several, idle, conditions)
  assert.deepEqual(decision, {
    kind: 'bid',
    price: 9n * 10n ** 14n,
    time: 400,
    slices: 2,
    fitting: [0, 5],
  })
})

test('whatever is offered, a bid keeps within every bound', () => {
  // Many of each kind are small, so that several fit beside each other.
  const big = fc.oneof(fc.bigInt({ min: 0n, max: 10n ** 22n }), fc.constant(0n))
  const size = fc.oneof(fc.nat(10 * GIB), fc.nat(GIB), fc.constant(0))
  const one = fc.record({
    slice: fc.nat(255),
    work: fc.oneof(fc.bigInt({ min: 1n, max: 10n ** 4n }), fc.bigInt({ min: 1n, max: 10n ** 9n })),
    time: fc.integer({ min: 1, max: 100_000 }),
    memory: size,
    disk: size,
    stake: big,
  })
  const promised = ({ work }: OfferedSlice) => Math.ceil((Number(work) / 1000) * policy.slack) + 10
  fc.assert(
    fc.property(
      fc.array(one, { maxLength: 8 }),
      fc.record({ runs: fc.nat(16), memory: size, disk: size, stake: big }),
      fc.record({ freeMemory: size, freeDisk: size, freeStake: big }),
      fc.integer({ min: 1, max: 4 }),
      (slices, load, free, runs) => {
        const caps = { ...policy.caps, runs }
        const decision = mayBid({ ...offer, slices }, { ...policy, caps }, load, { ...conditions, ...free })
        if (decision.kind === 'skip') return
        assert.ok(decision.slices >= 1 && decision.slices <= runs)
        // Its last run begins after those before it, within half of the time for the receipt.
        const before = Math.ceil((decision.slices + load.runs) / runs) - 1
        assert.ok(before * 2 * Math.max(10, ...slices.map(promised)) <= offer.receipt)
        assert.ok(decision.fitting.length >= 1)
        const taken = slices.filter((s) => decision.fitting.includes(s.slice))
        assert.ok(taken.some((s) => s.time >= decision.time && s.memory <= free.freeMemory))
        assert.ok(decision.time >= 10)
      },
    ),
    { numRuns: 1000 },
  )
})
