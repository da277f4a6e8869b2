import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssistError } from '../assist-error.ts'
import { decodePublicCounts, encodePublicCounts, publicCounts } from './public-counts.ts'
import { textMemory } from './text-memory.ts'

const SYMBOLS = 300
const read = (text: string): Uint16Array => Uint16Array.from(new TextEncoder().encode(text))
const TEXTS = [read('a ship, a whale, a ship and a sea; '.repeat(8)), Uint16Array.of(290, 7, 290, 7, 299)]

test('counts come back from their bytes as they were, and say the same', () => {
  for (const least of [1, 3]) {
    const counts = publicCounts(TEXTS, least)
    const again = decodePublicCounts(encodePublicCounts(counts), SYMBOLS)
    assert.deepEqual(new Map([...again.nodes].sort()), new Map([...counts.nodes].sort()))
    const [one, other] = [counts, again].map((some) => textMemory(SYMBOLS, [{ counts: some }]))
    for (const asked of ['', 'a sh', 'zz']) assert.deepEqual(one!.view(read(asked)), other!.view(read(asked)))
  }
})

test('what is pruned makes the bytes fewer, and chances still sum to one', () => {
  const [all, some] = [publicCounts(TEXTS), publicCounts(TEXTS, 4)]
  assert.ok(encodePublicCounts(some).length < encodePublicCounts(all).length)
  const { p } = textMemory(SYMBOLS, [{ counts: some }]).view(read('and a '))
  assert.ok(Math.abs(p.reduce((a, b) => a + b, 0) - 1) < 1e-5)
  assert.ok(p.every((chance) => chance > 0))
})

test('bytes that are cut off, out of order or beyond the vocabulary are refused', () => {
  const bytes = encodePublicCounts(publicCounts(TEXTS))
  const refused = (bad: Uint8Array, symbols = SYMBOLS): void =>
    assert.throws(
      () => decodePublicCounts(bad, symbols),
      (fault) => fault instanceof AssistError && fault.code === 'counts-malformed',
    )
  refused(bytes.subarray(0, -1))
  refused(bytes, 200)
  refused(Uint8Array.of(...bytes, ...bytes))
  refused(Uint8Array.of(8 * 7, 0))
  refused(Uint8Array.of(0, 1, 0, 255, 255, 255, 255, 255))
})
