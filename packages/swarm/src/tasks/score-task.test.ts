import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  claimRoot,
  digestOf,
  initialItem,
  parentDigest,
  rootOf,
  runClaim,
  sha256,
  taskFields,
  tensorsTree,
  toHex,
} from '@lockstep/proof'
import { createWasmExecutor } from '@lockstep/tensor'
import { codeTensor } from '../machine/code.ts'
import { family } from './family.ts'
import {
  claimScore,
  familyRoot,
  opensScore,
  SCORE_CHECKPOINTS,
  scoreProgram,
  scoreTask,
} from './score-task.ts'
import { sorting } from './sorting.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const question = { family: sorting, seed: 5, level: 4, answer: bytes('034489') }

test('the claim made by the interpreter is the claim of the tensor program', async () => {
  const executor = await createWasmExecutor()
  const task = scoreTask(question)
  const runner = await executor.compile(task.committed.program, task.inputs)
  const { claim, score, root, opening } = claimScore(question)
  assert.equal(score, sorting.run(5, 4, '034489').score)
  assert.equal(score, 68)
  const made = await runClaim(task, runner)
  assert.deepEqual(claim.checkpoints.map(toHex), made.checkpoints.map(toHex))
  assert.equal(claim.checkpoints.length, SCORE_CHECKPOINTS)
  assert.deepEqual(root, claimRoot(made))
  assert.ok(opensScore(root, 68, opening))
  runner.close()
  await executor.close()
})

test('a run that never halts has a claim like any other, of score 0', async () => {
  const endless = family({
    name: 'endless',
    about: 'Never ends.',
    levels: 1,
    write: (m) => {
      const count = m.variable(0)
      m.while(
        () => m.word(1),
        () => count.increase(1),
      )
      m.score(100)
    },
  })
  const question = { family: endless, seed: 1, level: 0, answer: bytes('a') }
  const executor = await createWasmExecutor()
  const task = scoreTask(question)
  const runner = await executor.compile(task.committed.program, task.inputs)
  const { score, root, opening } = claimScore(question)
  assert.equal(score, 0)
  assert.ok(opensScore(root, 0, opening) && !opensScore(root, 100, opening))
  assert.deepEqual(root, claimRoot(await runClaim(task, runner)))
  runner.close()
  await executor.close()
})

test('an opening shows one score of one claim', () => {
  const { root, opening } = claimScore(question)
  assert.ok(!opensScore(root, 69, opening))
  assert.ok(!opensScore(root, 68, { ...opening, siblings: opening.siblings.slice(1) }))
  assert.ok(!opensScore(root, 68, { ...opening, stateRoot: opening.siblings[0]! }))
  const other = claimScore({ ...question, answer: bytes('034488') })
  assert.equal(other.score, 100)
  assert.ok(!opensScore(other.root, 68, opening))
})

test('a contract can make the task out of a code root, a seed, a level and an answer, as docs/tasks.md says', () => {
  const hash = (...parts: readonly (readonly number[] | Uint8Array)[]): Uint8Array =>
    sha256(Uint8Array.from(parts.flatMap((part) => [...part])))
  const request = Uint8Array.from([
    ...[5, 0, 0, 0, 0, 0, 0, 0],
    4,
    question.answer.length,
    ...[0, 0, 0, 0, 0, 0],
    ...question.answer,
    ...new Array(112 - question.answer.length).fill(0),
  ])
  const requestDigest = hash([2, 4, 1, 0, 0, 0, 128], hash([0], request))
  const task = scoreTask(question)
  const { inputsRoot, initialItem: initial, program, steps, segmentLength } = taskFields(task)
  assert.equal(toHex(hash([1], familyRoot(sorting), requestDigest)), inputsRoot)
  assert.deepEqual([steps, segmentLength], [65_536, 1_024])
  assert.deepEqual(familyRoot(sorting), digestOf(codeTensor(sorting.code)))
  // What is the same for all scores: a contract holds them as constants.
  assert.equal(initial, toHex(initialItem(task.initial)))
  assert.equal(initial, toHex(parentDigest(rootOf(tensorsTree(task.initial)), new Uint8Array(32))))
  assert.equal(program, toHex(scoreProgram().id))
  assert.equal(program, PROGRAM)
  assert.equal(initial, INITIAL)

  const { score, root, opening } = claimScore(question)
  const scoreDigest = hash([2, 1, 1, 0, 0, 0, 1], hash([0], [score, 0, 0, 0]))
  let digest = hash([1], opening.stateRoot, scoreDigest)
  for (const sibling of opening.siblings) digest = hash([1], sibling, digest)
  assert.deepEqual(digest, root)
})

// These change only with the word machine: then every score is another task.
const PROGRAM = '0x38e856fe4ec979a82663a69155c3ea70ccb5e348622f76bcf60e1143d85cd245'
const INITIAL = '0xaea8f96846fd9f6a3ca4eb86ae441f6c1eb4ef7284a0b290c6410e8c346bdd5a'
