import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  byteTokenizer,
  decodeSafetensors,
  encodeSafetensors,
  initialParameters,
  loadModel,
  type Model,
  ModelError,
  saveModel,
  trainBpe,
} from './index.ts'

const gpt: Model = {
  kind: 'gpt',
  config: { vocab: 300, context: 4, width: 8, layers: 1, heads: 2, dropout: 0.1 },
}
const mlp: Model = { kind: 'mlp', config: { features: 3, hidden: [4, 5], classes: 2 } }
const tokenizer = trainBpe(new TextEncoder().encode('the cat and the hat and the bat'), 270)

test('a saved model loads as itself, and one model has one file', () => {
  for (const model of [gpt, mlp]) {
    const parameters = initialParameters(model, 3)
    const file = saveModel({ model, parameters, tokenizer })
    const back = loadModel(file)
    assert.deepEqual(back.model, model)
    assert.deepEqual(back.parameters, parameters)
    assert.equal(back.tokenizer?.save(), tokenizer.save())
    assert.deepEqual(saveModel(back), file)
    const turned = Object.fromEntries(Object.entries(model.config).reverse())
    assert.deepEqual(saveModel({ ...back, model: { ...model, config: turned } as never }), file)
  }
  const bare = loadModel(saveModel({ model: mlp, parameters: initialParameters(mlp, 3) }))
  assert.equal(bare.tokenizer, undefined)
})

test('parts that do not fit together are refused', () => {
  const refused = (bytes: () => Uint8Array, field: string): void =>
    assert.throws(() => loadModel(bytes()), { name: 'ModelError', field })
  const { tensors, metadata } = decodeSafetensors(
    saveModel({ model: gpt, parameters: initialParameters(gpt, 3) }),
  )
  const changed =
    (key: string, value: string): (() => Uint8Array) =>
    () =>
      encodeSafetensors(tensors, new Map(metadata).set(key, value))
  refused(changed('format', 'other'), 'format')
  refused(changed('model', 'null'), 'model')
  refused(changed('model', '{"kind":"gpt","config":null}'), 'model')
  refused(changed('model', '{"kind":"rnn","config":{}}'), 'model')
  refused(changed('model', '{"kind":"gpt","config":{}}'), 'gpt.vocab')
  refused(changed('model', '{"kind":"mlp","config":{"hidden":3,"features":1,"classes":2}}'), 'mlp.hidden')
  refused(changed('model', metadata.get('model')!.replace('"width":8', '"width":16')), 'token.embedding')
  refused(changed('model', metadata.get('model')!.replace('"layers":1', '"layers":2')), 'tensors')
  refused(changed('tokenizer', trainBpe(new Uint8Array(0), 256).save().replace('[]', '[1]')), 'merges[0]')
  const many = `{"kind":"bpe","version":1,"merges":[${Array.from({ length: 45 }, (_, i) => `[0,${i}]`)}]}`
  refused(changed('tokenizer', many), 'tokenizer')
  assert.throws(() => saveModel({ model: mlp, parameters: [] }), { field: 'parameters' })
})

test('a damaged model file gives a model or a ModelError', () => {
  const file = saveModel({ model: mlp, parameters: initialParameters(mlp, 3), tokenizer: byteTokenizer })
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(500), fc.nat(255)), { minLength: 1, maxLength: 3 }), (edits) => {
      const bytes = file.slice()
      for (const [at, to] of edits) bytes[at] = to
      try {
        loadModel(bytes)
      } catch (e) {
        if (!(e instanceof ModelError)) throw e
      }
    }),
    { numRuns: 2000 },
  )
})
