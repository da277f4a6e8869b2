import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f32Tensor, f32Values, u32Values } from '@lockstep/models'
import { characterCoding } from './coding.ts'
import type { Group } from './group.ts'
import { lessonsOf, ofOthers, policyInputs } from './lesson.ts'

const group: Group = {
  task: { family: 'any', seed: 1, level: 0 },
  prompt: 'ab=',
  rollouts: [
    { text: 'x', ended: true, score: 100 },
    { text: 'yy', ended: false, score: 0 },
    { text: 'much too long', ended: true, score: 0 },
    { text: '', ended: false, score: 0 },
  ],
}
const ids = (text: string): number[] => [...characterCoding.encode(text)]
const { end } = characterCoding
const limits = { prompt: 4, answer: 3 }

test('rows hold prompt, end and answer, and what is learned is the answer and its end', () => {
  const lessons = lessonsOf(group, characterCoding, limits)
  assert.equal(lessons.length, 2) // what is too long or nothing at all cannot be learned
  const old = f32Tensor([3, 6], new Float32Array(18))
  const [tokens, from, until, advantage] = policyInputs(
    [lessons[0], undefined, lessons[1]],
    { rows: 3, length: 7, dtype: 'u32' },
    old,
  )
  assert.deepEqual(
    [...u32Values(tokens!)],
    [
      [...ids('ab='), end, ...ids('x'), end, 0],
      [0, 0, 0, 0, 0, 0, 0],
      [...ids('ab='), end, ...ids('yy'), 0],
    ].flat(),
  )
  assert.deepEqual([...u32Values(from!)], [4, 1, 4])
  assert.deepEqual([...u32Values(until!)], [6, 1, 6])
  const [good, nothing, bad] = f32Values(advantage!)
  assert.ok(good! > 1.7 && nothing === 0 && bad! < -0.5)
})

test('what was written is learned as it was written, token by token', () => {
  const written = group.rollouts.map(() => ({ tokens: Uint32Array.of(5, 6) }))
  for (const { answer } of lessonsOf(group, characterCoding, limits, written))
    assert.deepEqual([...answer], [5, 6])
})

test("of another's group a participant may learn what is right and leave what is called wrong", () => {
  const lessons = lessonsOf(group, characterCoding, limits)
  assert.deepEqual(ofOthers(lessons, 'whole'), lessons)
  assert.deepEqual(ofOthers(lessons, 'better'), [lessons[0]])
})
