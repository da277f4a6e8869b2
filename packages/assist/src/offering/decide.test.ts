import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textEnvironment, textSymbols } from '../environment/text.ts'
import { bestOf, cutsOf, worthOf } from './decide.ts'

const state = { before: 'say ', after: '', kind: 'prose' as const }
const moment = { pause: 1, since: 2, recent: 0.5 }
const said = (text: string, logs?: readonly number[]) => ({
  symbols: textSymbols(text),
  logs: Float32Array.from(logs ?? new Array(text.length).fill(-0.1)),
  matched: new Uint8Array(text.length).fill(3),
})
const cuts = (text: string, logs?: readonly number[]) =>
  cutsOf(said(text, logs), state, textEnvironment(), moment)

test('what may be offered ends well, means something and saves something', () => {
  const found = cuts('hello there, x')
  assert.deepEqual(
    found.map(({ action }) => 'typed' in action && action.typed),
    ['hello', 'hello ', 'hello there', 'hello there,', 'hello there, '],
  )
  const [first] = found
  assert.equal(first!.saved, 4)
  assert.ok(Math.abs(first!.features.log + 0.5) < 1e-6)
  assert.equal(first!.features.length, 5)
  assert.deepEqual(cuts(''), [])
  assert.deepEqual(cuts('\u00e4'.repeat(3)).length, 0)
})

test('what is no log-probability counts as the least there is', () => {
  for (const odd of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    const { features } = cuts('ab ', [odd, 0.5, -1])[0]!
    assert.ok(Object.values(features).every(Number.isFinite))
    assert.equal(features.worst, -100)
  }
})

test('the best is worth most, and is told from what is not worth its cost', () => {
  const some = cuts('hello there, x')
  const terms = { attention: 0.5, price: 1, least: 0.2 }
  const best = bestOf(some, [0.9, 0.85, 0.5, 0.4, 0.1], terms)!
  assert.equal(best.cut.features.length, 11)
  assert.equal(best.isWorth, true)
  assert.equal(worthOf(0.5, 10, terms), 0.5 * 10 - 0.5 - 0.5)
  assert.equal(bestOf(some, [0.05, 0.05, 0.05, 0.05, 0.05], terms)!.isWorth, false)
  // One that is likely enough goes before one that would save more.
  assert.equal(bestOf(some, [0.6, 0.19, 0.19, 0.19, 0.19], { ...terms, price: 0 })!.cut.features.length, 5)
  assert.equal(bestOf([], [], terms), undefined)
})
