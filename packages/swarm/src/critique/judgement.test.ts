import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '@lockstep/tensor'
import { CRITIQUE_CHARACTERS, judgementOf, partingOf, readCritique, writeCritique } from './judgement.ts'

test('a judgement is an integer of 0 to 100', () => {
  assert.deepEqual([-1, 0, 0.004, 0.006, 0.5, 0.999, 1, 7].map(judgementOf), [0, 0, 0, 1, 50, 100, 100, 100])
})

test('a critique comes back from its text, and what is no critique does not', () => {
  for (const critique of [
    { judgement: 0, explanation: '' },
    { judgement: 100, explanation: '1 2 3' },
    { judgement: 7, explanation: ' 100 ' },
  ])
    assert.deepEqual(readCritique(writeCritique(critique)), critique)
  for (const text of [
    '',
    '5',
    '101 x',
    '-1 x',
    '05 x',
    '1.5 x',
    '5 é',
    '5 \n',
    `5 ${'x'.repeat(CRITIQUE_CHARACTERS)}`,
  ])
    assert.equal(readCritique(text), undefined, text)
  assert.equal(writeCritique({ judgement: 5, explanation: 'x'.repeat(200) }).length, CRITIQUE_CHARACTERS)
  for (const critique of [
    { judgement: 1.5, explanation: '' },
    { judgement: 101, explanation: '' },
    { judgement: 5, explanation: '\n' },
  ])
    assert.throws(() => writeCritique(critique), FaultError)
})

test('an explanation says where the answer parts from what the judge would have said', () => {
  assert.equal(partingOf('1 2 3', '1 2 3'), undefined)
  assert.equal(partingOf('1 2 3', '1 3 2'), 2)
  assert.equal(partingOf('1 2', '1 2 3'), 3)
  assert.equal(partingOf('', 'x'), 0)
})
