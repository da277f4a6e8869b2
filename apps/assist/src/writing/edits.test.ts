import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ChangeSpec, EditorState } from '@codemirror/state'
import { editsOf, firstWord, stateAt } from './edits.ts'

const edits = (doc: string, changes: ChangeSpec) => {
  const state = EditorState.create({ doc })
  return editsOf(state.doc, state.update({ changes }).changes, 'prose')
}
const told = (doc: string, changes: ChangeSpec) =>
  edits(doc, changes).map(({ state: { before, after }, action }) => [before, after, action])

test('a key is typed where the caret was, and a key taken away is told with what stood before it', () => {
  assert.deepEqual(told('ab', { from: 1, insert: 'x' }), [['a', 'b', { typed: 'x' }]])
  assert.deepEqual(told('abc', { from: 1, to: 2 }), [['ab', 'c', { deleted: 1 }]])
  assert.deepEqual(told('a😀c', { from: 1, to: 3 }), [['a😀', 'c', { deleted: 1 }]])
})

test('what is replaced is taken away and then written, and each state is the one that the edits before it left', () => {
  assert.deepEqual(told('one two', { from: 4, to: 7, insert: 'three' }), [
    ['one two', '', { deleted: 3 }],
    ['one ', '', { typed: 'three' }],
  ])
  assert.deepEqual(
    told('a a', [
      { from: 0, to: 1, insert: 'bb' },
      { from: 2, to: 3, insert: 'c' },
    ]),
    [
      ['a', ' a', { deleted: 1 }],
      ['', ' a', { typed: 'bb' }],
      ['bb a', '', { deleted: 1 }],
      ['bb ', '', { typed: 'c' }],
    ],
  )
})

test('lines are written with their ends, and an assistant is shown only what is near', () => {
  assert.deepEqual(told('a', { from: 1, insert: '\n  b' }), [['a', '', { typed: '\n  b' }]])
  const { doc } = EditorState.create({ doc: 'x'.repeat(5000) })
  const { before, after } = stateAt(doc, 3000, 'code')
  assert.deepEqual([before.length, after.length], [1024, 64])
})

test('a word is taken with the space before it, or a mark by itself', () => {
  assert.equal(firstWord(' of the'), ' of')
  assert.equal(firstWord('(a, b)'), '(')
  assert.equal(firstWord('schön wäre'), 'schön')
  assert.equal(firstWord('  '), '  ')
})
