import assert from 'node:assert/strict'
import { test } from 'node:test'
import { characterCoding } from '../learn/coding.ts'
import { familyTable } from '../learn/group.ts'
import { copying } from '../tasks/copying.ts'
import { seedOn } from '../tasks/split.ts'
import { resolveAnswers, rightAnswers, studentLessons } from './resolve.ts'

const families = familyTable([copying])
const tasks = [0, 1, 2, 3].map((n) => ({
  family: 'copying',
  level: 1,
  seed: seedOn('train', copying, 1, 100 * n),
}))
const right = tasks.map(({ seed, level }) => copying.play(seed, level).solution)
const said = (...texts: readonly string[]) => texts.map((text) => ({ text, ended: true }))

test('votes weigh what a member scores over all tasks, and a wrong answer that wins is dropped where only right ones stay', () => {
  const written = [
    said(right[0]!, right[1]!, '!', right[3]!), // three right
    said('!', right[1]!, '?', '?'), // one right
    said('!', '?', '?', '?'), // nothing right: its votes weigh nothing
  ]
  assert.deepEqual(
    resolveAnswers(families, tasks, written, 'resolved').map(({ text }) => text),
    [right[0], right[1], '!', right[3]],
  )
  assert.deepEqual(resolveAnswers(families, tasks, written, 'right'), [
    { task: tasks[0], text: right[0] },
    { task: tasks[1], text: right[1] },
    { task: tasks[3], text: right[3] },
  ])
  assert.deepEqual(resolveAnswers(families, tasks, [said('?', '', '?', '?')], 'resolved'), [])
  const cut = [right.map((text) => ({ text, ended: false }))]
  assert.deepEqual(resolveAnswers(families, tasks, cut, 'resolved'), [])
})

test('a student is taught what it can read and write, and answers of rounds stand in one order', () => {
  const answers = tasks.map((task, t) => ({ task, text: right[t]! }))
  const build = { coding: characterCoding, prompt: 20, answer: 12 }
  const lessons = studentLessons(families, answers, build)
  assert.equal(lessons.length, 4)
  assert.ok(lessons.every(({ answer }) => answer.at(-1) === characterCoding.end))
  assert.deepEqual(studentLessons(families, answers, { ...build, answer: 1 }), [])
  assert.deepEqual(studentLessons(families, answers, { ...build, prompt: 3 }), [])
  const ordered = rightAnswers(families, answers)
  assert.equal(ordered.length, 4)
  assert.deepEqual(rightAnswers(families, [...answers.toReversed(), answers[1]!]), ordered)
})
