import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { DEFAULT_TRAIN, initialParameters, type LanguageModel } from '@lockstep/models'
import { claimRoot, runRemembering, type Task, taskFields, toHex } from '@lockstep/proof'
import { createWasmExecutor, referenceExecutor, type Tensor, unwrap } from '@lockstep/tensor'
import {
  checkReceipt,
  type LearnedGroup,
  type ReceiptPart,
  receiptOf,
  receiptTask,
} from '../src/learn/check-receipt.ts'
import { characterCoding } from '../src/learn/coding.ts'
import { familyTable, type Group, onlyRight, scoredGroup } from '../src/learn/group.ts'
import { type Lesson, lessonsOf } from '../src/learn/lesson.ts'
import { committedOld, oldClaim, oldTask } from '../src/learn/old-task.ts'
import { receiptClaimRoot, receiptTaskFields, type UpdateReceipt } from '../src/learn/receipt.ts'
import {
  committedUpdate,
  createUpdater,
  parametersIn,
  stateFrom,
  type UpdatePlan,
} from '../src/learn/update.ts'
import { encodeSharedGroup } from '../src/share/shared-group.ts'
import { sorting } from '../src/tasks/sorting.ts'

/** What a receipt of an update shows, and which lies it does not hide. */

const lengths = { prompt: 16, answer: 6 }
const coding = characterCoding
const length = lengths.prompt + lengths.answer
const model: LanguageModel = {
  kind: 'gpt',
  config: { vocab: coding.vocab, context: length, width: 8, layers: 1, heads: 2, dropout: 0 },
}
const train = { ...DEFAULT_TRAIN, batch: 4, steps: 100, warmup: 0, rate: 1e-2 }
const plan: UpdatePlan = { model, train, rows: 8, length, epochs: 1, policy: {} }
const executor = await createWasmExecutor()
const updater = await createUpdater(executor, plan)
const committed = committedUpdate(plan)
after(async () => {
  updater.close()
  await executor.close()
})

const families = familyTable([sorting])
const before = stateFrom(model, train, initialParameters(model, 4), 1)
const who = { participant: `0x${'0a'.repeat(20)}` as const, swarm: 3, round: 2 }
const groups = [5, 6].map((seed) => {
  const { solution } = sorting.play(seed, 1)
  const texts = [solution, '1', solution.slice(0, 2), '4'].map((text) => ({ text, ended: true }))
  return scoredGroup(sorting, { seed, level: 1 }, texts)
})
const evidence: LearnedGroup[] = groups.map(({ task, rollouts }) => ({
  message: encodeSharedGroup({ ...who, modelRoot: `0x${'0b'.repeat(32)}`, task, rollouts }),
}))
const messages = evidence.map(({ message }) => message)
const learned = groups.flatMap((group) => lessonsOf(group, coding, lengths))

const told = async (lessons: readonly Lesson[], from: readonly Tensor[] = before): Promise<UpdateReceipt> => {
  const update = await updater.update(from, lessons)
  return receiptOf({ ...who, plan, committed, before, update, messages })
}
const honest = await told(learned)
const check = (
  receipt: UpdateReceipt,
  given: readonly LearnedGroup[] = evidence,
  rewarded = (group: Group) => group,
) => checkReceipt(receipt, { families, coding, lengths, before, groups: given, rewarded }, updater, committed)
const differs = async (receipt: UpdateReceipt): Promise<readonly ReceiptPart[]> =>
  unwrap(await check(receipt)).differs

test('whoever has the state and the groups comes to the same receipt, on another executor too', async () => {
  const found = unwrap(await check(honest, [...evidence].reverse()))
  assert.deepEqual(found.differs, [])
  assert.deepEqual(found.receipt, honest)
  const other = await createUpdater(referenceExecutor, plan)
  const given = { families, coding, lengths, before, groups: evidence }
  assert.deepEqual(unwrap(await checkReceipt(honest, given, other, committed)).differs, [])
  other.close()
})

test('what a receipt lies about is named, the cause before what follows from it', async () => {
  const flip = (root: `0x${string}`): `0x${string}` =>
    `0x${root.slice(2, 3) === '0' ? '1' : '0'}${root.slice(3)}`
  const { after: end } = honest
  assert.deepEqual(await differs({ ...honest, after: { ...end, state: flip(end.state) } }), ['after.state'])
  assert.deepEqual(await differs({ ...honest, after: { ...end, parameters: flip(end.parameters) } }), [
    'after.parameters',
  ])
  assert.deepEqual(await differs({ ...honest, outputs: flip(honest.outputs) }), ['outputs'])
  assert.deepEqual(await differs({ ...honest, steps: 3 }), ['steps'])
  assert.deepEqual(await differs({ ...honest, program: flip(honest.program) }), ['program'])
  const lied = { ...honest, before: { ...honest.before, parameters: flip(honest.before.parameters) } }
  assert.deepEqual(await differs(lied), ['before.parameters'])
  // Learned from other advantages than the scores give, and said so.
  const turned = learned.map((lesson) => ({ ...lesson, advantage: -lesson.advantage }))
  assert.deepEqual(await differs(await told(turned)), [
    'inputs.advantage',
    'outputs',
    'after.state',
    'after.parameters',
  ])
  // Learned from another answer than was shared.
  const answer = coding.encode('666')
  const other = await differs(await told([{ ...learned[0]!, answer }, ...learned.slice(1)]))
  assert.equal(other[0], 'inputs.tokens')
  assert.ok(other.includes('inputs.old'))
  // By the swarm's rule only right answers are rewarded.
  assert.equal(unwrap(await check(honest, evidence, onlyRight)).differs[0], 'inputs.advantage')
})

test('without the evidence nothing is said of a receipt', async () => {
  const refused = async (receipt: UpdateReceipt, given?: readonly LearnedGroup[]): Promise<string> => {
    const found = await check(receipt, given)
    assert.ok(!found.ok)
    return found.fault.field
  }
  assert.equal(await refused(honest, evidence.slice(1)), 'groups[0]')
  const elsewhere = { ...honest.before, state: honest.after.state }
  assert.equal(await refused({ ...honest, before: elsewhere }), 'before.state')
})

test('a receipt is a claim: its task and its root follow from it', async () => {
  const { inputs } = await updater.update(before, learned)
  const task: Task = receiptTask(committed, plan, before, inputs)
  assert.deepEqual(receiptTaskFields(honest), taskFields(task))
  const { claim, trace } = await runRemembering(task, executor)
  assert.equal(receiptClaimRoot(honest), toHex(claimRoot(claim)))
  trace.close()
})

test('what the policy thought before is the output of a task, and says which claim about it is true', async () => {
  const { inputs } = await updater.update(before, learned)
  const [tokens, , , , old] = inputs
  const task = oldTask(committedOld(plan), plan, parametersIn(model, before), tokens!)
  const { claim, trace } = await runRemembering(task, executor)
  assert.deepEqual(oldClaim(plan, old!), claim)
  const data = old!.data.slice()
  data[17]! ^= 1
  assert.notDeepEqual(claimRoot(oldClaim(plan, { ...old!, data })), claimRoot(claim))
  trace.close()
})
