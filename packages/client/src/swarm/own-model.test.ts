import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '@lockstep/tensor'
import { parseOwnModel, withOwnModel } from './own-model.ts'
import { parseSwarmManifest } from './parse.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const manifest = parseSwarmManifest(
  bytes('families: [{family: sorting, level: 1}]\nlearning: {rate: 0.002, groups: 6}'),
)
const own = (text: string) => withOwnModel(manifest, parseOwnModel(bytes(text)))

test("a participant's own model replaces what it names and nothing else", () => {
  assert.deepEqual(own('{}'), manifest)
  const changed = own(
    'model: {kind: llama, layers: 1, width: 16, heads: 2, keyHeads: 1, inner: 32}\nlearning: {epochs: 2}',
  )
  assert.equal(changed.model.kind, 'llama')
  assert.deepEqual(changed.learning, { ...manifest.learning, epochs: 2 })
  assert.deepEqual({ ...changed, model: manifest.model, learning: manifest.learning }, manifest)
  assert.deepEqual(own('tokenizer: {bpe: 300}').tokenizer, { bpe: 300 })
})

test("what is the swarm's, or does not fit, is refused with its field", () => {
  const wrong: readonly [string, string][] = [
    ['learning: {groupSize: 4}', 'learning.groupSize'],
    ['learning: {budget: 12}', 'learning.budget'],
    ['learning: {reward: score}', 'learning.reward'],
    ['families: []', 'families'],
    ['stake: 1', 'stake'],
    ['start: ""', 'start'],
    ['start: a.safetensors\nmodel: {}', 'model'],
    ['start: a.safetensors\ntokenizer: character', 'tokenizer'],
    ['model: {heads: 3, width: 16}', 'model.heads'],
    ['tokenizer: words', 'tokenizer'],
    ['lengths: {prompt: 500, answer: 500}', 'lengths'],
    ['learning: {batch: 24}', 'learning.batch'],
  ]
  for (const [text, field] of wrong)
    assert.throws(
      () => own(text),
      (error) => error instanceof FaultError && error.fault.field === field,
      text,
    )
})
