import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textOf, textSymbols } from '../environment/text.ts'
import type { EpisodeEvent } from './episode.ts'
import { comparisonsOf, passagesOf } from './passages.ts'

let at = 0
const typed = (
  text: string,
  more: { back?: number; context?: string; taken?: number } = {},
): EpisodeEvent => ({
  ...{ kind: 'acted', at: at++, symbols: textSymbols(text) },
  ...(more.back !== undefined && { back: more.back }),
  ...(more.context !== undefined && { context: textSymbols(more.context) }),
  ...(more.taken !== undefined && { taken: more.taken }),
})
const offered = (offer: number, text: string, back?: number): EpisodeEvent => ({
  ...{
    kind: 'offered',
    at: at++,
    offer,
    symbols: textSymbols(text),
    version: 'base',
    probability: 1,
    saved: 1,
  },
  ...(back !== undefined && { back }),
})
const signal = (offer: number, signal: 'accepted' | 'ignored' | 'undone'): EpisodeEvent => ({
  ...{ kind: 'signal', at: at++, offer, signal },
})
const passages = (...events: EpisodeEvent[]): [string, string][] =>
  passagesOf({ began: 0, events }).map(({ context, symbols }) => [textOf(context)!, textOf(symbols)!])
const comparisons = (...events: EpisodeEvent[]) =>
  comparisonsOf({ began: 0, events }).map(({ context, offered, did, wanted }) => [
    ...[textOf(context), textOf(offered), textOf(did)],
    wanted,
  ])

test('what follows on what came before is one passage; another context begins another one', () => {
  assert.deepEqual(
    passages(typed('a', { context: 'x' }), typed('b'), typed('c', { context: 'yz' }), typed('d')),
    [
      ['x', 'ab'],
      ['yz', 'cd'],
    ],
  )
})

test('what was taken back is not learned', () => {
  const [first, ...more] = [
    typed('teh', { context: '' }),
    typed('', {}),
    typed('he ', { back: 2 }),
    typed('cat'),
  ]
  assert.deepEqual(passages(first, ...more), [['', 'the cat']])
  assert.deepEqual(passages(typed('ab', { context: 'xyz' }), typed('q', { back: 4 })), [['x', 'q']])
})

test('an offer beside what was done instead', () => {
  const events = [
    typed('the ', { context: '' }),
    offered(0, 'cat'),
    typed('d'),
    signal(0, 'ignored'),
    typed('og runs off'),
  ]
  assert.deepEqual(comparisons(...events), [['the ', 'cat', 'dog', false]])
})

test('an offer that was taken back is beside what was typed then', () => {
  const events = [
    ...[typed('the ', { context: '' }), offered(0, 'cat'), signal(0, 'accepted'), typed('cat', { taken: 0 })],
    ...[typed(''), signal(0, 'undone'), typed('dog is', { back: 3 })],
  ]
  assert.deepEqual(comparisons(...events), [['the ', 'cat', 'dog', false]])
  const kept = [
    typed('the ', { context: '' }),
    offered(0, 'cat'),
    signal(0, 'accepted'),
    typed('cat', { taken: 0 }),
  ]
  assert.deepEqual(comparisons(...kept), [['the ', 'cat', 'cat', true]])
})

test('an offer after a deletion is in the context that was left', () => {
  const events = [typed('thex', { context: '' }), offered(0, 'n', 1), signal(0, 'ignored'), typed('re')]
  assert.deepEqual(comparisons(...events), [['the', 'n', 'r', false]])
  assert.deepEqual(passages(...events), [['', 'there']])
})
