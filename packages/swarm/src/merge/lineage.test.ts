import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Hex } from '@lockstep/proof'
import fc from 'fast-check'
import { decodeLineage, encodeLineage, LINEAGE_LIMITS, type Lineage, lineageHash } from './lineage.ts'

const root = (n: number): Hex => `0x${n.toString(16).padStart(64, '0')}`
const member = {
  ...{ name: '0x0a', build: 0, round: 4, modelRoot: root(1), receipts: [root(2), root(3)] },
  ...{ validation: 300, heldOut: 200 },
}
const lineage: Lineage = {
  format: 'lockstep-lineage-1',
  swarm: { chainId: 31337, market: `0x${'0b'.repeat(20)}`, number: 7, manifest: root(4) },
  builds: [
    {
      model: {
        kind: 'gpt',
        config: { vocab: 96, context: 32, width: 16, layers: 1, heads: 2, dropout: 0 },
      },
      ...{ coding: { name: 'character', digest: root(5) }, prompt: 20, answer: 12 },
    },
  ],
  measure: {
    ...{ kinds: [{ family: 'copying', level: 1 }], validation: 8, heldOut: 8 },
    ...{ reward: 'right', temperature: 0.5, seed: 1 },
  },
  ...{ tasks: { validation: 8, heldOut: 8 }, baseRoot: null, members: [member, member] },
  method: { kind: 'average', build: 0, choice: 'greedy' },
  made: { kind: 'merged', weights: [1, 0], tasted: [{ member: 1, points: 5, taken: false }] },
  task: {
    ...{ program: root(6), initialItem: root(7), inputsRoot: root(8) },
    ...{ steps: 2, segmentLength: 1 },
  },
  result: { modelRoot: root(9), validation: 300, heldOut: 400 },
}
const bytesOf = (value: unknown): Uint8Array => encodeLineage(value as Lineage)
const faultOf = (bytes: Uint8Array) => {
  const read = decodeLineage(bytes)
  return read.ok ? undefined : read.fault
}

test('a lineage has one text and one hash', () => {
  const read = decodeLineage(encodeLineage(lineage))
  assert.deepEqual(read, { ok: true, value: lineage })
  const turned = Object.fromEntries(Object.entries(lineage).toReversed()) as Lineage
  assert.equal(lineageHash(turned), lineageHash(lineage))
  assert.notEqual(lineageHash({ ...lineage, baseRoot: root(1) }), lineageHash(lineage))
  const text = new TextDecoder().decode(encodeLineage(lineage))
  for (const other of [text.trimEnd(), text.replace('  ', ' '), JSON.stringify(lineage), `${text} `])
    assert.equal(faultOf(new TextEncoder().encode(other))?.field, 'text')
  assert.equal(faultOf(new TextEncoder().encode(`\ufeff${text}`))?.field, 'text')
})

test('what is out of bounds is refused with the field', () => {
  const distil = {
    ...{ kind: 'distil', build: 0, start: 'fresh', answers: 'members', keep: 'right', tasks: 9 },
    train: { batch: 8, steps: 9, warmup: 0, rate: 0.01 },
  }
  const lies: readonly [object, string][] = [
    [{ format: 'lockstep-lineage-2' }, 'lineage.format'],
    [{ strange: 1 }, 'lineage.strange'],
    [{ swarm: { ...lineage.swarm, number: 0 } }, 'lineage.swarm.number'],
    [{ builds: [] }, 'lineage.builds'],
    [{ builds: [{ ...lineage.builds[0], prompt: 1 }] }, 'lineage.builds[0].prompt'],
    [
      { builds: [{ ...lineage.builds[0], model: { kind: 'mlp', config: {} } }] },
      'lineage.builds[0].model.kind',
    ],
    [
      { builds: [{ ...lineage.builds[0], model: { kind: 'gpt', config: { vocab: 3 } } }] },
      'lineage.builds[0].model.config, gpt.context',
    ],
    [
      { builds: [{ ...lineage.builds[0], model: { kind: 'gpt', config: 1 } }] },
      'lineage.builds[0].model.config',
    ],
    [{ measure: { ...lineage.measure, temperature: -1 } }, 'lineage.measure.temperature'],
    [{ measure: { ...lineage.measure, kinds: [] } }, 'lineage.measure.kinds'],
    [{ members: Array(65).fill(member) }, 'lineage.members'],
    [{ members: [{ ...member, build: 1 }, member] }, 'lineage.members[0].build'],
    [{ members: [{ ...member, receipts: ['0x'] }, member] }, 'lineage.members[0].receipts[0]'],
    [{ members: [{ ...member, name: 'a\n' }, member] }, 'lineage.members[0].name'],
    [{ members: [member] }, 'lineage.made.weights'],
    [{ method: { kind: 'vote' } }, 'lineage.method.kind'],
    [{ method: { ...lineage.method, build: 1 } }, 'lineage.method.build'],
    [{ method: { ...lineage.method, keep: 5 } }, 'lineage.method.keep'],
    [{ method: distil }, 'lineage.made.kind'],
    [{ made: { kind: 'taught', rows: 0 }, method: distil }, 'lineage.made.rows'],
    [{ made: { ...lineage.made, weights: [2, 0] } }, 'lineage.made.weights[0]'],
    [
      { made: { ...lineage.made, tasted: [{ member: 2, points: 0, taken: true }] } },
      'lineage.made.tasted[0].member',
    ],
    [
      { made: { ...lineage.made, tasted: [{ member: 0, points: 0, taken: 1 }] } },
      'lineage.made.tasted[0].taken',
    ],
    [{ task: { ...lineage.task, program: root(6).toUpperCase() } }, 'lineage.task.program'],
    [{ result: { ...lineage.result, heldOut: 0.5 } }, 'lineage.result.heldOut'],
    [{ result: null }, 'lineage.result'],
  ]
  for (const [lie, field] of lies) {
    const fault = faultOf(bytesOf({ ...lineage, ...lie }))
    assert.equal(fault?.field, field, JSON.stringify(lie))
    assert.ok(fault.limit !== '' && fault.remedy !== '')
  }
  assert.equal(faultOf(new Uint8Array(LINEAGE_LIMITS.bytes + 1))?.field, 'length')
  assert.ok(decodeLineage(bytesOf({ ...lineage, method: distil, made: { kind: 'taught', rows: 3 } })).ok)
})

test('any bytes are a lineage or a fault', () => {
  const text = encodeLineage(lineage)
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.json().map((one) => new TextEncoder().encode(one)),
        fc.tuple(fc.nat(text.length - 1), fc.nat(255)).map(([at, byte]) => text.with(at, byte)),
      ),
      (bytes) => {
        const read = decodeLineage(bytes)
        if (read.ok) assert.deepEqual(encodeLineage(read.value), new Uint8Array(bytes))
      },
    ),
    { numRuns: 300 },
  )
})
