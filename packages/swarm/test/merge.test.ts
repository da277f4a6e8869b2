import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DEFAULT_TRAIN,
  f32Tensor,
  f32Values,
  initialParameters,
  type LanguageModel,
  trainBpe,
} from '@lockstep/models'
import { rootOf, taskFields, tensorsTree, toHex } from '@lockstep/proof'
import { createWasmExecutor, FaultError, referenceExecutor, type Tensor, unwrap } from '@lockstep/tensor'
import { characterCoding, tokenizerCoding } from '../src/learn/coding.ts'
import { familyTable } from '../src/learn/group.ts'
import type { Lesson } from '../src/learn/lesson.ts'
import { solvedExamples, warmStart, withOthersAnswers } from '../src/learn/warm-start.ts'
import { checkLineage, type LineageEvidence } from '../src/merge/check-lineage.ts'
import type { MergeBuild } from '../src/merge/judge.ts'
import { decodeLineage, encodeLineage, type Lineage, type Method } from '../src/merge/lineage.ts'
import { parametersFromRow } from '../src/merge/member-table.ts'
import { type MetaMember, type MetaPlan, makeMetaModel, parametersRoot } from '../src/merge/meta-model.ts'
import { copying } from '../src/tasks/copying.ts'
import { seedOn } from '../src/tasks/split.ts'

const executor = await createWasmExecutor()
const families = familyTable([copying])
const LEVEL = 1
const [PROMPT, ANSWER] = [20, 12]
const sizes = { context: PROMPT + ANSWER, width: 32, heads: 2 }

const gpt: LanguageModel = {
  kind: 'gpt',
  config: { ...sizes, vocab: characterCoding.vocab, layers: 2, dropout: 0 },
}
const text = Array.from({ length: 40 }, (_, seed) => copying.play(seed, LEVEL).prompt).join(' ')
const bpe = tokenizerCoding('bpe', trainBpe(new TextEncoder().encode(text), 264))
const llama: LanguageModel = {
  kind: 'llama',
  config: {
    ...{ ...sizes, vocab: bpe.vocab, layers: 1, keyHeads: 1, inner: 48 },
    ...{ theta: 100, epsilon: 1e-5, tied: true },
  },
}
const builds: readonly MergeBuild[] = [
  { model: gpt, coding: characterCoding, prompt: PROMPT, answer: ANSWER },
  { model: llama, coding: bpe, prompt: PROMPT, answer: ANSWER },
]

const lessonsBy = (seed: number, build: number): Lesson[] =>
  solvedExamples(
    families,
    (drawn) => ({ family: 'copying', level: LEVEL, seed: seedOn('train', copying, LEVEL, drawn.word()) }),
    { ...builds[build]!, examples: 512, seed },
  )
const trained = async (
  build: number,
  seed: number,
  { steps, rate }: { readonly steps: number; readonly rate: number },
  from: readonly Tensor[] = [],
  lessons: readonly Lesson[] = lessonsBy(seed, build),
): Promise<Tensor[]> => {
  const train = { ...DEFAULT_TRAIN, batch: 32, steps, warmup: Math.min(4, steps), rate, decay: 0.01 }
  const plan = { ...builds[build]!, train, examples: 512, seed, from }
  return (await warmStart(executor, plan, lessons)).parameters
}

/** Where participants began, and what three honest ones have learned from there: something, and not all. */
const base = await trained(0, 1, { steps: 52, rate: 1e-2 })
const honest: Tensor[][] = []
for (const seed of [2, 3, 4]) honest.push(await trained(0, seed, { steps: 10, rate: 3e-3 }, base))
const other = await trained(1, 5, { steps: 80, rate: 1e-2 })

const memberOf = (parameters: readonly Tensor[], m: number, build = 0): MetaMember => ({
  ...{ name: `member ${m}`, build, round: 3, receipts: [`0x${'ab'.repeat(32)}`], parameters },
})
const planOf = (method: Method, members: readonly (readonly Tensor[])[] = honest): MetaPlan => ({
  ...{ swarm: null, families, builds: builds.slice(0, 1), base, method },
  members: members.map((parameters, m) => memberOf(parameters, m)),
  measure: {
    ...{ kinds: [{ family: 'copying', level: LEVEL }], validation: 48, heldOut: 48 },
    ...{ reward: 'right', temperature: 0, seed: 5 },
  },
})
const soup: Method = { kind: 'average', build: 0, choice: 'greedy' }
const ties: Method = { kind: 'ties', build: 0, choice: 'greedy', keep: 300, scale: 1000 }
const each = (parameters: readonly Tensor[], change: (x: number) => number): Tensor[] =>
  parameters.map((tensor) => f32Tensor(tensor.shape, f32Values(tensor).map(change)))

const wrong = (right: number): Lesson[] => withOthersAnswers(lessonsBy(9, 0), right, 9)
const poisoned = [
  initialParameters(gpt, 77),
  each(honest[0]!, (x) => -x),
  each(honest[1]!, () => Number.NaN),
  each(honest[2]!, (x) => 1e20 * x),
  await trained(0, 9, { steps: 40, rate: 1e-2 }, base, wrong(0)),
]

for (const method of [soup, ties])
  test(`poisoned members change no bit of a greedy ${method.kind}, and ruin one of all`, async () => {
    const clean = await makeMetaModel(executor, planOf(method))
    const { lineage, parameters } = await makeMetaModel(executor, planOf(method, [...poisoned, ...honest]))
    assert.equal(parametersRoot(parameters), parametersRoot(clean.parameters))
    assert.ok(lineage.made.kind === 'merged' && clean.lineage.made.kind === 'merged')
    assert.deepEqual(lineage.made.weights, [...poisoned.map(() => 0), ...clean.lineage.made.weights])
    const { validation, heldOut } = lineage.result
    assert.deepEqual(lineage.result, clean.lineage.result)
    assert.ok(heldOut > 2000, `the honest members know something: ${heldOut} of 4800`)
    if (method === soup) assert.ok(validation >= Math.max(...lineage.members.map((one) => one.validation)))
    const everybody = { ...method, choice: 'all' } as Method
    const ruined = await makeMetaModel(executor, planOf(everybody, [...poisoned, ...honest]))
    assert.ok(ruined.lineage.result.heldOut < heldOut / 2, `${ruined.lineage.result.heldOut}`)
  })

/** Points of 100 for each of 48 held-out tasks: what a member that is poisoned a little may cost. */
const TOLERANCE = 48 * 5

test('a member poisoned a little costs no more than the tolerance', async () => {
  const clean = (await makeMetaModel(executor, planOf(soup))).lineage.result
  for (const steps of [1, 3, 8]) {
    const sly = await trained(0, 9, { steps, rate: 3e-3 }, honest[0], wrong(300))
    const { result, members } = (await makeMetaModel(executor, planOf(soup, [...honest, sly]))).lineage
    assert.ok(result.validation >= Math.max(...members.map((one) => one.validation)))
    assert.ok(result.heldOut >= clean.heldOut - TOLERANCE, `${result.heldOut} after ${clean.heldOut}`)
  }
})

const train = { batch: 32, steps: 60, warmup: 4, rate: 1e-2 }
const taught: Method = {
  ...{ kind: 'distil', build: 1, start: 'fresh', answers: 'members', keep: 'right', tasks: 160, train },
}
const mixed = (method: Method): MetaPlan => ({
  ...planOf(method),
  builds,
  members: [...honest.slice(0, 2), other].map((one, m) => memberOf(one, m, m === 2 ? 1 : 0)),
})
const evidenceOf = (plan: MetaPlan, result?: readonly Tensor[]): LineageEvidence => ({
  ...{ families, codings: plan.builds.map(({ coding }) => coding), base: plan.base, answers: plan.answers },
  ...{ members: plan.members.map(({ parameters }) => parameters), result },
})
const check = (lineage: Lineage, evidence: LineageEvidence) => checkLineage(executor, lineage, evidence)

test('a student of another build learns what members of two builds answer, and its lineage is true', async () => {
  const plan = mixed(taught)
  const { lineage, parameters } = await makeMetaModel(executor, plan)
  const read = unwrap(decodeLineage(encodeLineage(lineage)))
  assert.deepEqual(read, lineage)
  assert.ok(lineage.made.kind === 'taught' && lineage.made.rows > 80)
  const untrained = { ...taught, train: { ...train, rate: 0 } } as Method
  const before = (await makeMetaModel(executor, mixed(untrained))).lineage.result
  assert.ok(lineage.result.heldOut > before.heldOut + 480, `${lineage.result.heldOut}`)
  assert.deepEqual(await check(read, evidenceOf(plan, parameters)), [])
})

test('a student learns the right answers of rounds, in whichever order and among whatever they come', async () => {
  const method: Method = { ...taught, build: 0, start: 'base', answers: 'rounds', tasks: 0 }
  const answers = Array.from({ length: 200 }, (_, i) => {
    const seed = seedOn('train', copying, LEVEL, 9000 + i)
    return { task: { family: 'copying', level: LEVEL, seed }, text: copying.play(seed, LEVEL).solution }
  })
  const held = seedOn('held-out', copying, LEVEL, 3)
  const junk = [
    { ...answers[0]!, text: 'nonsense' },
    { task: { ...answers[0]!.task, seed: held }, text: copying.play(held, LEVEL).solution },
    { task: { ...answers[0]!.task, family: 'unknown' }, text: 'a' },
    { task: { ...answers[0]!.task, level: 99 }, text: 'a' },
    { task: { ...answers[0]!.task, seed: 0.5 }, text: 'a' },
    answers[3]!,
  ]
  const plan = { ...planOf(method), answers }
  const { lineage, parameters } = await makeMetaModel(executor, plan)
  const again = await makeMetaModel(executor, { ...plan, answers: [...junk, ...answers.toReversed()] })
  assert.deepEqual(again.lineage, lineage)
  assert.equal(parametersRoot(again.parameters), parametersRoot(parameters))
  const start = Math.max(...lineage.members.map(({ heldOut }) => heldOut))
  assert.ok(lineage.result.heldOut > start, `${lineage.result.heldOut} after ${start}`)
})

test('a merge is a proof task: whoever runs it again comes to the root of its lineage', async () => {
  const { lineage, task } = await makeMetaModel(executor, planOf(soup))
  assert.deepEqual(taskFields(task), lineage.task)
  const runner = await referenceExecutor.compile(task.committed.program, task.inputs)
  runner.load(task.initial)
  await runner.step(task.steps)
  const parameters = parametersFromRow(gpt, runner.state()[0]!)
  assert.equal(parametersRoot(parameters), lineage.result.modelRoot)
  assert.equal(toHex(rootOf(tensorsTree(parameters))), lineage.result.modelRoot)
})

test('a lineage that says what is not so is refused with the field', async () => {
  const plan = planOf(soup)
  const { lineage, parameters } = await makeMetaModel(executor, plan)
  const evidence = evidenceOf(plan, parameters)
  const { result, members, measure } = lineage
  const lies: readonly [Partial<Lineage>, string][] = [
    [{ result: { ...result, heldOut: result.heldOut + 100 } }, 'result.heldOut'],
    [{ members: members.with(1, { ...members[1]!, validation: 100 }) }, 'members.1.validation'],
    [{ measure: { ...measure, seed: 6 } }, 'members.'],
    [{ method: { ...soup, choice: 'all' } as Method }, 'made.'],
    [{ task: { ...lineage.task, program: `0x${'00'.repeat(32)}` } }, 'task.program'],
    [{ members: members.toReversed() }, 'members[0].modelRoot'],
    [{ measure: { ...measure, kinds: [{ family: 'unknown', level: 0 }] } }, 'measure.kinds'],
  ]
  for (const [lie, field] of lies) {
    const found = await check({ ...lineage, ...lie }, evidence)
    assert.ok(found[0]?.field.startsWith(field), `${field}: ${JSON.stringify(found)}`)
  }
  const strange: readonly [Partial<LineageEvidence>, string][] = [
    [{ result: base }, 'result.modelRoot'],
    [{ members: [base, ...honest.slice(1)] }, 'members[0].modelRoot'],
    [{ members: honest.slice(1) }, 'members'],
    [{ codings: [bpe] }, 'builds[0].coding.digest'],
  ]
  for (const [change, field] of strange)
    assert.equal((await check(lineage, { ...evidence, ...change }))[0]?.field, field)
  assert.deepEqual(await check(lineage, evidence), [])
  const other = (await makeMetaModel(executor, planOf(ties))).lineage
  assert.equal(
    (await check(other, { ...evidence, result: undefined, base: honest[0] }))[0]?.field,
    'baseRoot',
  )
})

test('a plan that cannot be carried out is refused with the field', async () => {
  const plans: readonly [MetaPlan, string][] = [
    [planOf({ ...soup, build: 1 } as Method), 'method.build'],
    [{ ...planOf(ties), base: undefined }, 'base'],
    [planOf(soup, [poisoned[2]!]), 'members'],
    [planOf(soup, [other]), 'members[0].'],
    [{ ...planOf(ties), base: other }, 'base.'],
    [planOf({ ...taught, build: 0, answers: 'rounds' } as Method), 'answers'],
    [planOf({ ...taught, build: 0, tasks: 0 } as Method), 'answers'],
  ]
  for (const [plan, field] of plans)
    await assert.rejects(
      makeMetaModel(executor, plan),
      (e) => e instanceof FaultError && e.fault.field.startsWith(field),
      field,
    )
})
