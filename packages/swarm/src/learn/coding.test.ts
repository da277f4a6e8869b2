import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trainBpe } from '@lockstep/models'
import { FaultError } from '@lockstep/tensor'
import { characterCoding, tokenizerCoding } from './coding.ts'

const all = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('')
const bpe = tokenizerCoding('bpe', trainBpe(new TextEncoder().encode('srt 3 1 2=1 2 3 '.repeat(20)), 270))

test('every printable text comes back from the tokens of either coding, and none is the end', () => {
  for (const coding of [characterCoding, bpe])
    for (const text of ['', all, 'srt 3 1 2=', '1 2 3']) {
      const tokens = coding.encode(text)
      assert.ok(tokens.every((t) => t < coding.end && t < coding.vocab))
      assert.equal(coding.decode(tokens), text)
    }
  assert.ok(bpe.encode('srt 3 1 2=').length < characterCoding.encode('srt 3 1 2=').length)
})

test('what is not printable has no tokens, and tokens that are not printable become a question mark', () => {
  for (const coding of [characterCoding, bpe])
    for (const text of ['\n', 'é', String.fromCharCode(0x7f)])
      assert.throws(
        () => coding.encode(text),
        (e) => e instanceof FaultError && e.fault.code === 'text-unprintable',
      )
  assert.equal(bpe.decode([10, 65, 200]), '?A?')
  assert.equal(characterCoding.decode([33, characterCoding.end]), 'A?')
})
