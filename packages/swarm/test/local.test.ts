import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_TRAIN, type LanguageModel, trainBpe } from '@lockstep/models'
import type { Hex } from '@lockstep/proof'
import { createWasmExecutor, unwrap } from '@lockstep/tensor'
import { characterCoding, tokenizerCoding } from '../src/learn/coding.ts'
import { familyTable } from '../src/learn/group.ts'
import { solvedExamples, warmStart } from '../src/learn/warm-start.ts'
import { decodeLocalState, encodeLocalState } from '../src/local/checkpoint.ts'
import type { Build, LocalPlan } from '../src/local/plan.ts'
import {
  accountOf,
  type Intruder,
  type LocalState,
  localSwarm,
  type RoundReport,
} from '../src/local/swarm.ts'
import { decodeSharedGroup, encodeSharedGroup } from '../src/share/shared-group.ts'
import { sorting } from '../src/tasks/sorting.ts'
import { seedOn } from '../src/tasks/split.ts'

const PROMPT = 20
const ANSWER = 8
const executor = await createWasmExecutor()
const families = familyTable([sorting])
const text = Array.from({ length: 40 }, (_, seed) => sorting.play(seed, 1).prompt).join(' ')
const codings = [
  characterCoding,
  tokenizerCoding('bpe', trainBpe(new TextEncoder().encode(text), 264)),
] as const

/** A small model that has begun to answer: right now and then, in the form that is asked for. */
const started = async (model: LanguageModel, coding: Build['coding']): Promise<Build> => {
  const train = { ...DEFAULT_TRAIN, batch: 16, steps: 80, warmup: 8, rate: 1e-2 }
  const how = { model, coding, train, examples: 256, prompt: PROMPT, answer: ANSWER, seed: 3 }
  const lessons = solvedExamples(
    families,
    (draws) => ({ family: sorting.name, level: 1, seed: seedOn('train', sorting, 1, draws.word()) }),
    how,
  )
  const { parameters } = await warmStart(executor, how, lessons)
  const learn = { ...DEFAULT_TRAIN, batch: 8, steps: 1000, warmup: 0, rate: 1e-3, decay: 0 }
  return { model, coding, start: parameters, prompt: PROMPT, answer: ANSWER, train: learn }
}

const gpt = await started(
  {
    kind: 'gpt',
    config: { vocab: codings[0].vocab, context: 28, width: 16, layers: 1, heads: 2, dropout: 0 },
  },
  codings[0],
)
const llama = await started(
  {
    kind: 'llama',
    config: {
      ...{ vocab: codings[1].vocab, context: 28, width: 16, layers: 1, heads: 2, keyHeads: 1, inner: 32 },
      ...{ theta: 100, epsilon: 1e-5, tied: true },
    },
  },
  codings[1],
)

const plan: LocalPlan = {
  ...{ seed: 11, families, kinds: [{ family: sorting.name, level: 1 }], builds: [gpt], members: [0, 0] },
  ...{ groups: 4, groupSize: 4, reward: 'score', local: 2, external: 2, choosing: 'useful', temperature: 1 },
  ...{ epochs: 1, policy: {}, heldOut: 4 },
}

const run = async (of: LocalPlan, rounds: number, from?: LocalState, intruder?: Intruder) => {
  const swarm = await localSwarm(executor, of, intruder)
  let state = from ?? swarm.first()
  const reports: RoundReport[] = []
  for (let r = 0; r < rounds; r++) {
    const done = await swarm.round(state)
    state = done.state
    reports.push(done.report)
  }
  const rewards = await swarm.evaluate(state, 0)
  swarm.close()
  return { state, reports, rewards, bytes: encodeLocalState(of, state) }
}

const whole = await run(plan, 2)

test('a swarm that is stopped and gone on from its bytes comes to the same bytes', async () => {
  const first = await run(plan, 1)
  const read = unwrap(decodeLocalState(plan, first.bytes))
  const second = await run(plan, 1, read)
  assert.deepEqual(second.bytes, whole.bytes)
  assert.deepEqual([...first.reports, ...second.reports], whole.reports)
  assert.deepEqual(second.rewards, whole.rewards)
  for (const bytes of [
    first.bytes.subarray(0, -1),
    new Uint8Array([...first.bytes, 0]),
    first.bytes.with(0, 9),
  ])
    assert.equal(decodeLocalState(plan, bytes).ok, false)
})

test('participants learn from their own groups and from others, and alone from their own only', async () => {
  const [first] = whole.reports
  assert.ok(first!.useful.every((n) => n > 0) && first!.learned.every((n) => n > 2 && n <= 4))
  assert.notDeepEqual(whole.state.members[0]![0]!.data, gpt.start[0]!.data)
  const alone = await run({ ...plan, local: 4, external: 0 }, 1)
  assert.deepEqual(alone.reports[0]!.tokens, first!.tokens)
  assert.deepEqual(alone.reports[0]!.reward, first!.reward)
  assert.deepEqual(alone.reports[0]!.learned, alone.reports[0]!.useful)
})

test('who has too few groups that teach writes more, up to the budget, and receivers take them', async () => {
  const wanting: LocalPlan = { ...plan, reward: 'right', local: 6, external: 2, budget: 12 }
  const [report] = (await run(wanting, 1)).reports
  for (const [member, written] of report!.written.entries()) {
    const enough = report!.useful[member]! >= wanting.local
    assert.ok(enough ? written >= 4 : written === 12, `${written} groups, ${report!.useful[member]} useful`)
  }
  assert.ok(report!.written.some((n) => n > 4))
  assert.equal(report!.refused, 0)
  const [plain] = (await run({ ...wanting, budget: 4 }, 1)).reports
  const [without] = (await run({ ...plan, reward: 'right', local: 6, external: 2 }, 1)).reports
  assert.deepEqual(plain, without)
  assert.deepEqual(plain!.written, [4, 4])
})

test('models of two architectures and two tokenizers learn from each other in one swarm', async () => {
  const mixed: LocalPlan = { ...plan, builds: [gpt, llama], members: [0, 1], local: 0, external: 4 }
  const { reports, state } = await run(mixed, 1)
  assert.ok(reports[0]!.learned.every((n) => n > 0))
  for (const [member, build] of [gpt, llama].entries())
    assert.notDeepEqual(state.members[member]![0]!.data, build.start[0]!.data)
})

test('garbage, false rewards, copies and floods change no bit of what honest participants learn', async () => {
  const stranger: Hex = accountOf(99)
  const attack: Intruder = (_, honest) => {
    const [{ sender, bytes }, other] = [honest[0]!, honest.at(-1)!]
    const group = unwrap(decodeSharedGroup(bytes))
    const boast = { ...group, rollouts: group.rollouts.map((one) => ({ ...one, score: 100, ended: true })) }
    return [
      { sender: stranger, bytes: encodeSharedGroup({ ...group, participant: stranger }) },
      { sender, bytes: new Uint8Array(100_000) },
      { sender, bytes: encodeSharedGroup(boast) },
      { sender: other.sender, bytes: encodeSharedGroup({ ...group, participant: other.sender }) },
      ...Array.from({ length: 50 }, () => ({ sender, bytes })),
    ]
  }
  const attacked = await run(plan, 2, undefined, attack)
  assert.deepEqual(attacked.bytes, whole.bytes)
  assert.deepEqual(
    attacked.reports.map(({ refused }) => refused),
    [54, 54],
  )
})
