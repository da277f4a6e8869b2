import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textSymbols } from '../environment/text.ts'
import { ngramMemory } from './ngram.ts'

const none = new Uint16Array(0)
const texts = ['the cat sat on the mat', 'the dog sat on the log', 'a cat and a dog'].map(textSymbols)
const likeliest = (p: Float32Array): string => String.fromCharCode(p.indexOf(Math.max(...p)))

test('what followed before is foreseen, and what followed lately before what followed long ago', () => {
  const memory = ngramMemory(256)
  memory.learn(none, textSymbols('sincerely yours, Ann. '), 1)
  assert.equal(likeliest(memory.view(textSymbols('sincerely y')).p), 'o')
  for (let i = 0; i < 40; i++) memory.learn(none, textSymbols('dear Bob '), 2 + i)
  assert.equal(likeliest(memory.view(textSymbols('dear ')).p), 'B')
  for (let i = 0; i < 40; i++) memory.learn(none, textSymbols('dear Cy '), 50 + i)
  assert.equal(likeliest(memory.view(textSymbols('dear ')).p), 'C')
})

test('chances sum to one, are above 0, and say how long a context was met', () => {
  const memory = ngramMemory(272)
  for (const [at, text] of texts.entries()) memory.learn(none, text, at)
  for (const context of ['', 'q', 'the ', 'sat on the ']) {
    const { p, features, matched } = memory.view(textSymbols(context))
    assert.ok(Math.abs(p.reduce((a, b) => a + b, 0) - 1) < 1e-5)
    assert.ok(p.every((chance) => chance > 0))
    assert.equal(features.length, memory.features)
    assert.equal(matched, context === '' || context === 'q' ? 0 : Math.min(6, context.length))
  }
})

test('what is forgotten was never there, to the bit', () => {
  const [forgetful, innocent] = [ngramMemory(256), ngramMemory(256)]
  for (const [at, text] of texts.entries()) forgetful.learn(none, text, at)
  for (const [at, text] of texts.entries()) if (at !== 1) innocent.learn(none, text, at)
  const asked = textSymbols('the dog sat on the ')
  assert.notDeepEqual(forgetful.view(asked), innocent.view(asked))
  forgetful.forget(none, texts[1]!, 1)
  for (let n = 0; n <= asked.length; n++)
    assert.deepEqual(forgetful.view(asked.subarray(0, n)), innocent.view(asked.subarray(0, n)))
  // What was never learned is not forgotten.
  forgetful.forget(none, texts[1]!, 1)
  assert.deepEqual(forgetful.view(asked), innocent.view(asked))
})

test('the order in which it is told does not matter, only time does', () => {
  const [one, other] = [ngramMemory(256), ngramMemory(256)]
  for (const at of [0, 1, 2]) one.learn(none, texts[at]!, at)
  for (const at of [2, 0, 1]) other.learn(none, texts[at]!, at)
  assert.deepEqual(one.view(textSymbols('a do')), other.view(textSymbols('a do')))
})
