import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fault, FaultError } from '@lockstep/tensor'
import fc from 'fast-check'
import { swarmMessage, swarmsTopic } from './message.ts'
import { canonicalSwarmManifest, parseSwarmManifest, swarmManifestHash } from './parse.ts'
import { swarmTermsOf } from './terms.ts'

const parse = (text: string) => parseSwarmManifest(new TextEncoder().encode(text))
const SMALL = { families: [{ family: 'sorting', level: 1 }] }
const refusal = (change: object): Fault => {
  try {
    parse(JSON.stringify({ ...SMALL, ...change }))
  } catch (error) {
    assert.ok(error instanceof FaultError, String(error))
    return error.fault
  }
  return assert.fail(`accepted: ${JSON.stringify(change)}`)
}

test('a manifest of families alone is whole, and its canonical text is itself again', () => {
  const manifest = parse('families: [{family: sorting, level: 1}]')
  assert.deepEqual(parse(canonicalSwarmManifest(manifest)), manifest)
  assert.deepEqual(parse(JSON.stringify(SMALL)), manifest)
  assert.match(swarmManifestHash(manifest), /^0x[0-9a-f]{64}$/)
  // Whatever is changed is another swarm.
  const other = parse(JSON.stringify({ ...SMALL, learning: { rate: 0.001 } }))
  assert.notEqual(swarmManifestHash(other), swarmManifestHash(manifest))
  const spelt = parse(JSON.stringify({ ...SMALL, stake: '100.0' }))
  assert.equal(swarmManifestHash(spelt), swarmManifestHash(manifest))
})

test('who says nothing of it guards itself against others and refills nothing, and a budget is part of the hash', () => {
  const { learning } = parse(JSON.stringify(SMALL))
  assert.deepEqual([learning.fromOthers, learning.others, learning.budget], ['even', 'better', undefined])
  const open = { fromOthers: 'useful', others: 'whole', budget: 24 }
  const other = parse(JSON.stringify({ ...SMALL, learning: open }))
  assert.deepEqual(other.learning, { ...learning, ...open })
  assert.deepEqual(parse(canonicalSwarmManifest(other)), other)
  const hashes = [{}, { budget: 24 }, { fromOthers: 'useful' }, { others: 'whole' }].map((change) =>
    swarmManifestHash(parse(JSON.stringify({ ...SMALL, learning: change }))),
  )
  assert.equal(new Set(hashes).size, hashes.length)
})

test('what the chain or the programs would refuse is refused here, with the field', () => {
  const wrong: readonly [object, string][] = [
    [{ families: [] }, 'families'],
    [{ families: [{ family: 'nonsense' }] }, 'families.0.family'],
    [{ families: [{ family: 'sorting', level: 16 }] }, 'families.0.level'],
    [{ families: [{ family: 'sorting', level: 2, most: 1 }] }, 'families.0.most'],
    [{ families: [{ family: 'sorting', level: 2, most: 16 }] }, 'families.0.most'],
    [{ name: 'Not A Name' }, 'name'],
    [{ strange: 1 }, 'strange'],
    [{ learning: { strange: 1 } }, 'learning.strange'],
    [{ model: { layers: 1, width: 16, heads: 3 } }, 'model.heads'],
    [{ lengths: { prompt: 400, answer: 400 } }, 'lengths'],
    [{ learning: { local: 0, external: 0 } }, 'learning.local'],
    [{ learning: { groups: 2, local: 3 } }, 'learning.local'],
    [{ learning: { batch: 24 } }, 'learning.batch'],
    [{ learning: { budget: 7 } }, 'learning.budget'],
    [{ learning: { budget: 65 } }, 'learning.budget'],
    [{ learning: { choosing: 'best' } }, 'learning.choosing'],
    [{ learning: { fromOthers: 'all' } }, 'learning.fromOthers'],
    [{ learning: { others: 'worse' } }, 'learning.others'],
    [{ warmStart: { examples: 96 } }, 'warmStart.examples'],
    [{ warmStart: { steps: 10 } }, 'warmStart.warmup'],
    [{ weights: { critique: 1 } }, 'weights.critique'],
    [{ weights: { resolve: 1 } }, 'weights.resolve'],
    [{ participants: { minimum: 17 } }, 'participants.minimum'],
    [{ reward: '0' }, 'reward'],
    [{ reward: '101' }, 'stake'],
    [{ deposit: '101' }, 'deposit'],
    [{ stake: 'much' }, 'stake'],
    [{ proof: { step: 60 } }, 'proof.step'],
    [{ proof: { segment: 150 } }, 'proof.segment'],
    [{ tokenizer: { bpe: 256 } }, 'tokenizer.bpe'],
    [{ rounds: { tasks: 17 } }, 'rounds.tasks'],
  ]
  for (const [change, field] of wrong) {
    const fault = refusal(change)
    assert.equal(fault.field, field, JSON.stringify(change))
    assert.ok(fault.limit !== '' && fault.remedy !== '')
  }
})

test('any bytes are a manifest or a fault', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 60 }),
        fc.json().map((t) => Buffer.from(t)),
      ),
      (bytes) => {
        try {
          parseSwarmManifest(bytes)
        } catch (error) {
          assert.ok(error instanceof FaultError, String(error))
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('terms follow from the manifest and the time', () => {
  const manifest = parse(JSON.stringify({ ...SMALL, rounds: { count: 3, tasks: 2 }, stake: '7', reward: 2 }))
  const terms = swarmTermsOf(manifest, { now: 1_000, minimumBond: 5n })
  assert.equal(terms.manifest, swarmManifestHash(manifest))
  assert.deepEqual(
    [terms.rounds, terms.tasks, terms.stake, terms.reward, terms.expiry, terms.proof.bond],
    [3, 2, 7n * 10n ** 18n, 2n * 10n ** 18n, 1_000 + manifest.rounds.expiry, 5n],
  )
  assert.deepEqual(
    terms.families.map(({ level }) => level),
    [1],
  )
})

test('a message is read within its bounds, and a group that nobody can read is not passed on', async () => {
  const answers = {
    ...{ kind: 'answers', swarm: 1, round: 1, stage: 0 },
    ...{ participant: `0x${'0a'.repeat(20)}`, answers: ['1 2 3'] },
  }
  assert.ok(swarmMessage.safeParse(answers).success)
  for (const change of [
    { stage: 3 },
    { round: 0 },
    { answers: [] },
    { answers: ['a\n'] },
    { answers: ['x'.repeat(97)] },
    { answers: Array(17).fill('a') },
    { participant: '0x' },
    { strange: 1 },
  ])
    assert.ok(!swarmMessage.safeParse({ ...answers, ...change }).success, JSON.stringify(change))
  const metrics = {
    ...{ kind: 'metrics', swarm: 1, round: 2, participant: answers.participant, agreement: null },
    rewards: [{ family: 'sorting', level: 1, reward: 0.5, answers: 8 }],
    ...{ useful: 1, local: 1, external: 2, heard: 4, refused: 0, nats: 1.5, tokensPerSecond: 9, bytes: 99 },
  }
  assert.ok(swarmMessage.safeParse(metrics).success)
  for (const change of [{ nats: -1 }, { nats: Number.NaN }, { rewards: Array(65).fill(metrics.rewards[0]) }])
    assert.ok(!swarmMessage.safeParse({ ...metrics, ...change }).success, JSON.stringify(change))
  const judge = async (body: unknown) =>
    swarmsTopic.validate!({ body: swarmMessage.parse(body), author: 'a', source: 'b', sentAt: 0 })
  assert.equal(await judge(answers), 'accept')
  assert.equal(await judge({ kind: 'group', swarm: 1, group: 'AAAA' }), 'reject')
})
