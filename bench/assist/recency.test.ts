import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textOf, textSymbols } from '@lockstep/assist'
import { recencyCounts, recencySuggester } from './recency.ts'

const none = new Uint16Array(0)

test('probabilities are positive and add up to 1, whatever has been seen', () => {
  const counts = recencyCounts()
  counts.along(none, textSymbols('to be or not to be, that is the question'), (text, symbol) => {
    const { p } = counts.after(text)
    assert.ok(Math.abs(p.reduce((a, b) => a + b, 0) - 1) < 1e-12)
    assert.ok(p.every((x) => x > 0))
    counts.learn(text, symbol)
  })
})

test('what was typed is offered again, the newer of two, and not once it is forgotten', async () => {
  const suggester = recencySuggester()
  const after = async (text: string): Promise<string | undefined> =>
    textOf((await suggester.suggest(textSymbols(text), { most: 6, least: -100 }))!.symbols)
  const passage = (text: string, at: number) => ({ context: none, symbols: textSymbols(text), at })
  await suggester.remember(passage('green apples. ', 1))
  assert.equal(await after('green '), 'apples')
  await suggester.remember(passage('green grapes. ', 2))
  assert.equal(await after('green '), 'grapes')
  await suggester.forget(passage('green grapes. ', 2))
  assert.equal(await after('green '), 'apples')
  await suggester.remember(passage('green grapes. ', 3))
  await suggester.forget(passage('green apples. ', 1))
  assert.equal(await after('green '), 'grapes')
})

test('public texts are known before anything is typed', async () => {
  const known = recencyCounts()
  known.read(textSymbols('four score and seven years ago'))
  const suggester = recencySuggester(known)
  const { symbols, matched } = (await suggester.suggest(textSymbols('four score a'), {
    most: 8,
    least: -100,
  }))!
  assert.equal(textOf(symbols), 'nd seven')
  assert.ok(matched.every((length) => length === 6))
})
