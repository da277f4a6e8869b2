import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from '@lockstep/proof'
import fc from 'fast-check'
import type { RoundOffer } from './offer.ts'
import { openRound, type Round, type RoundEffect, type RoundEvent, roundStep } from './round.ts'
import type { UpdateMessage } from './update-message.ts'

const root = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
const name = (n: number): Hex => `0x${n.toString(16).padStart(32, '0')}`
const offer: RoundOffer = {
  ...{ format: 'lockstep-round-1', round: 3, training: { name: 'x', program: root(1), steps: 2 } },
  base: { root: root(2), blob: root(3), lineage: null },
  ...{ opened: 0, closes: 100, updates: { least: 2, most: 4 }, norm: 1 },
}
const begins = { state: root(4), parameters: root(2) }
const start = openRound(offer, begins, 1)

const message = (who: number, found: Hex, share: 'update' | 'episodes'): UpdateMessage => ({
  ...{ round: 3, participant: name(who), share, parameters: [], episodes: [] },
  receipt: {
    ...{ program: root(1), steps: 2, before: begins, inputs: [root(8)], outputs: root(9) },
    after: { state: root(10), parameters: found },
  },
})
const given = (who: number, model: number, share: 'update' | 'episodes', at = 1): RoundEvent => ({
  ...{ kind: 'given', at, update: root(100 + who), found: root(model) },
  message: message(who, root(model), share),
})
const run = (events: readonly RoundEvent[]): { round: Round; effects: RoundEffect[] } => {
  const effects: RoundEffect[] = []
  let round = start
  for (const event of events) {
    const step = roundStep(round, event)
    round = step.round
    effects.push(...step.effects)
  }
  return { round, effects }
}

test('a round that is due waits for what is being run again, and merges in the order of names', () => {
  const events = [given(9, 50, 'episodes'), given(7, 51, 'update'), given(8, 52, 'update')]
  const due = run([...events, { kind: 'time', at: 100 }])
  assert.equal(due.round.phase, 'closing')
  assert.deepEqual(run([...events, { kind: 'time', at: 100 }, given(1, 60, 'update', 100)]).effects.at(-1), {
    kind: 'refuse',
    participant: name(1),
    why: 'round-closed',
  })
  const same = run([
    ...events,
    { kind: 'time', at: 100 },
    { kind: 'checked', participant: name(9), same: true },
  ])
  const merge = same.effects.at(-1)
  assert.ok(merge?.kind === 'merge')
  assert.deepEqual(
    merge.members.map(({ participant, checked }) => [participant, checked]),
    [
      [name(7), 'private'],
      [name(8), 'private'],
      [name(9), 're-executed'],
    ],
  )
  const lied = run([
    ...[given(9, 50, 'episodes'), given(7, 51, 'update')],
    ...[
      { kind: 'time', at: 100 },
      { kind: 'checked', participant: name(9), same: false },
    ],
  ] as RoundEvent[])
  assert.deepEqual(
    lied.effects.slice(-2).map(({ kind }) => kind),
    ['refuse', 'too-few'],
  )
  assert.equal(lied.round.phase, 'over')
})

test('a full round is due before its time', () => {
  const full = [1, 2, 3, 4].map((n) => given(n, 50 + n, 'update'))
  assert.deepEqual(run([...full, given(5, 60, 'update')]).effects.at(-1), {
    ...{ kind: 'refuse', participant: name(5), why: 'round-full' },
  })
  assert.equal(run([...full, { kind: 'time', at: 2 }]).effects.at(-1)?.kind, 'merge')
})

test('whatever happens, a round is merged at most once, each name and each model is in it once, and all shared ones were run again', () => {
  const event = fc.oneof(
    fc
      .tuple(fc.nat(5), fc.nat(5), fc.constantFrom('update' as const, 'episodes' as const), fc.nat(120))
      .map(([who, model, share, at]) => given(who, 50 + model, share, at)),
    fc
      .tuple(fc.nat(5), fc.boolean())
      .map(([who, same]): RoundEvent => ({ kind: 'checked', participant: name(who), same })),
    fc.nat(120).map((at): RoundEvent => ({ kind: 'time', at })),
  )
  fc.assert(
    fc.property(fc.array(event, { maxLength: 40 }), (events) => {
      const { effects, round } = run(events)
      const merges = effects.filter((one) => one.kind === 'merge')
      const ends = effects.filter((one) => one.kind === 'merge' || one.kind === 'too-few')
      assert.ok(ends.length <= 1)
      assert.ok(round.refused.length <= 64)
      for (const { members } of merges) {
        assert.ok(members.length >= offer.updates.least && members.length <= offer.updates.most)
        assert.equal(new Set(members.map(({ participant }) => participant)).size, members.length)
        assert.equal(new Set(members.map(({ parameters }) => parameters)).size, members.length)
        for (const { share, checked } of members)
          assert.equal(checked, share === 'episodes' ? 're-executed' : 'private')
      }
    }),
  )
})
