import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CODE, PROSE, textEnvironment, textOf, textSymbols } from './text.ts'

const text = textEnvironment()
const at = (before: string, after = '') => ({ before, after, kind: 'prose' as const })

test('the context of a text is the newest part of its kind and its bytes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.integer({ min: 1, max: 60 }),
      (before, length) => {
        const whole = Uint16Array.from([PROSE, ...textSymbols(before.toWellFormed())])
        assert.deepEqual(text.context(at(before.toWellFormed()), length), whole.slice(-length))
      },
    ),
  )
  assert.equal(text.context({ before: 'x', after: '', kind: 'code' }, 9)[0], CODE)
})

test('what is typed is what its symbols mean', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (given) => {
      const typed = given.toWellFormed()
      assert.deepEqual(text.actionOf(text.symbolsOf({ typed }, at('')), at('')), { typed })
    }),
  )
  assert.equal(text.symbolsOf({ deleted: 3 }, at('abc')).length, 0)
})

test('symbols that are no whole characters, and specials, mean nothing', () => {
  assert.equal(textOf(Uint16Array.of(0xc3)), undefined)
  assert.equal(textOf(Uint16Array.of(97, PROSE)), undefined)
  assert.equal(text.actionOf(Uint16Array.of(0xc3), at('')), undefined)
  assert.equal(text.actionOf(new Uint16Array(0), at('')), undefined)
})

test('nothing is offered that would run into the word after the caret', () => {
  assert.equal(text.actionOf(textSymbols('hou'), at('the ', 'se')), undefined)
  assert.deepEqual(text.actionOf(textSymbols('house'), at('the ', ' is')), { typed: 'house' })
})

test('offers end with a word or after a mark, not within a word', () => {
  const ends = (offered: string, next?: string): boolean =>
    text.offers.ends(textSymbols(offered), at(''), next?.charCodeAt(0))
  assert.equal(ends('hous', 'e'), false)
  assert.equal(ends('house'), false)
  assert.equal(ends('house', ' '), true)
  assert.equal(ends('house '), true)
  assert.equal(ends('f('), true)
  assert.equal(ends('  '), false)
})

test('an offer saves its characters less the key that takes it', () => {
  assert.equal(text.saved(textSymbols('häuser'), at('')), 5)
  assert.equal(textEnvironment({ accepting: 2 }).saved(textSymbols('h'), at('')), 0)
})
