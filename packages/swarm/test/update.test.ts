import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_TRAIN, f32Values, initialParameters, type LanguageModel, trainBpe } from '@lockstep/models'
import {
  initialItem,
  rootOf,
  runRemembering,
  type Task,
  taskFields,
  tensorsTree,
  toHex,
} from '@lockstep/proof'
import { createWasmExecutor, referenceExecutor, type Tensor } from '@lockstep/tensor'
import { settle, termsFor } from '../../proof/test/settle.ts'
import { characterCoding, tokenizerCoding } from '../src/learn/coding.ts'
import { createGenerator } from '../src/learn/generate.ts'
import { scoredGroup } from '../src/learn/group.ts'
import { lessonsOf } from '../src/learn/lesson.ts'
import {
  committedUpdate,
  createUpdater,
  parametersIn,
  stateFrom,
  type UpdatePlan,
  updateTask,
} from '../src/learn/update.ts'
import { sorting } from '../src/tasks/sorting.ts'

const PROMPT = 24
const ANSWER = 8
const coding = characterCoding
const model: LanguageModel = {
  kind: 'gpt',
  config: { vocab: coding.vocab, context: PROMPT + ANSWER, width: 8, layers: 1, heads: 2, dropout: 0 },
}
const train = { ...DEFAULT_TRAIN, batch: 4, steps: 100, warmup: 0, rate: 1e-2 }
const plan: UpdatePlan = {
  ...{ model, train, rows: 8, length: PROMPT + ANSWER, epochs: 2, policy: {} },
}
const executor = await createWasmExecutor()
const parameters = initialParameters(model, 4)
const bytesOf = (tensors: readonly Tensor[]): Buffer => Buffer.concat(tensors.map(({ data }) => data))

const task = { seed: 5, level: 1 }
const { prompt, solution } = sorting.play(task.seed, task.level)
const group = scoredGroup(
  sorting,
  task,
  Array.from({ length: 8 }, (_, i) => ({ text: i < 3 ? solution : `${i}`, ended: true })),
)
const lessons = lessonsOf(group, coding, { prompt: PROMPT, answer: ANSWER })

test('answers follow from parameters, prompts and seed alone, on every executor', async () => {
  const shape = { batch: 4, prompt: PROMPT, answer: ANSWER, temperature: 1 }
  const generator = await createGenerator(executor, model, parameters, coding, shape)
  const prompts = Array.from({ length: 6 }, () => prompt)
  const once = await generator.complete(parameters, prompts, 9)
  await generator.complete(initialParameters(model, 5), prompts, 10)
  const again = await generator.complete(parameters, prompts, 9)
  assert.deepEqual(again, once)
  assert.deepEqual(await generator.complete(parameters, prompts.slice(0, 3), 9), once.slice(0, 3))
  assert.notDeepEqual(await generator.complete(parameters, prompts, 11), once)
  for (const { tokens, ended, text } of once) {
    assert.ok(tokens.length <= ANSWER && ended === (tokens.at(-1) === coding.end))
    assert.equal(text.length, [...tokens].filter((t) => t !== coding.end).length)
  }
  const reference = await createGenerator(referenceExecutor, model, parameters, coding, {
    ...shape,
    batch: 2,
  })
  const two = await createGenerator(executor, model, parameters, coding, { ...shape, batch: 2 })
  assert.deepEqual(
    await reference.complete(parameters, prompts.slice(0, 2), 3),
    await two.complete(parameters, prompts.slice(0, 2), 3),
  )
})

test('an update makes good answers likelier, by any coding, and skips rows that are too long', async () => {
  const bpe = tokenizerCoding(
    'bpe',
    trainBpe(new TextEncoder().encode(`${prompt}${solution} `.repeat(9)), 262),
  )
  for (const code of [coding, bpe]) {
    const of: LanguageModel = { kind: 'gpt', config: { ...model.config, vocab: code.vocab } } as LanguageModel
    const updater = await createUpdater(executor, { ...plan, model: of })
    const encoded = lessonsOf(group, code, { prompt: PROMPT, answer: ANSWER })
    assert.equal(encoded.length, 8)
    const good = encoded.filter(({ advantage }) => advantage > 0)
    assert.equal(good.length, 3)
    let state = stateFrom(of, train, initialParameters(of, 4), 1)
    const before = await updater.update(state, good)
    for (let i = 0; i < 4; i++) state = (await updater.update(state, encoded)).state
    const after = await updater.update(state, good)
    assert.ok(after.nats < before.nats, `${code.name}: ${after.nats} after ${before.nats}`)
    updater.close()
  }
  assert.equal(lessonsOf(group, coding, { prompt: PROMPT, answer: 2 }).length < 8, true)
})

/** An update as its owner ran it, and the task that it is. */
const updated = async (from: readonly Tensor[]): Promise<{ task: Task; state: Tensor[] }> => {
  const updater = await createUpdater(executor, plan)
  const { state, inputs } = await updater.update(from, lessons)
  updater.close()
  return { task: updateTask(committedUpdate(plan), plan, from, inputs), state }
}

test('whoever runs an update again comes to the same root', async () => {
  const start = stateFrom(model, train, parameters, 1)
  const { task, state } = await updated(start)
  assert.equal(taskFields(task).initialItem, toHex(initialItem(start)))
  const runner = await referenceExecutor.compile(task.committed.program, task.inputs)
  runner.load(task.initial)
  await runner.step(task.steps)
  assert.deepEqual(bytesOf(runner.state()), bytesOf(state))
  assert.deepEqual(rootOf(tensorsTree(runner.state())), rootOf(tensorsTree(state)))
  assert.ok(f32Values(parametersIn(model, state)[0]!).some((x, i) => x !== f32Values(parameters[0]!)[i]))
})

test('a poisoned update is convicted by the referee: advantages turned round in one step of its run', async () => {
  const start = stateFrom(model, train, parameters, 1)
  const { task } = await updated(start)
  const place = task.committed.program.inputs.findIndex(({ name }) => name === 'advantage')
  // The poisoner claims the task with the committed inputs and runs it on inputs of its own.
  const turned = task.inputs.map((t, i) => {
    if (i !== place) return t
    const data = t.data.slice()
    for (let at = 3; at < data.length; at += 4) data[at]! ^= 0x80
    return { ...t, data }
  })
  const honest = await runRemembering(task, executor)
  const poisoner = await runRemembering({ ...task, inputs: turned }, executor)
  const settled = await settle(task, await termsFor(task, poisoner.trace), poisoner.trace, honest.trace)
  assert.equal(settled.outcome, 'challenger', `${settled.gaveUp}`)
  assert.equal(settled.gaveUp, undefined) // judged, not timed out
  const other = await settle(task, await termsFor(task, honest.trace), honest.trace, poisoner.trace)
  assert.equal(other.outcome, 'claimant', `${other.gaveUp}`)
})
