import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Grid, reshape, runStep, type Tensor, type TensorType, traceProgram } from '@lockstep/tensor'
import fc from 'fast-check'
import {
  decodeSafetensors,
  encodeSafetensors,
  exportHub,
  f32Tensor,
  f32Values,
  importHub,
  initialParameters,
  type LanguageModel,
  loadModel,
  ModelError,
  parametersOf,
  saveModel,
} from '../../src/index.ts'
import { windowPass } from '../../src/language/network.ts'
import { weightsOf } from '../../src/layer/weights.ts'
import { networkOf } from '../../src/model.ts'

/** What make.py wrote. */
const made = (name: string) => {
  const read = (file: string): Buffer => readFileSync(new URL(file, import.meta.url))
  const { tensors } = decodeSafetensors(read(`${name}.logits.safetensors`))
  return {
    config: read(`${name}.config.json`).toString(),
    weights: new Uint8Array(read(`${name}.safetensors`)),
    tokens: tensors.get('tokens')!,
    logits: f32Values(tensors.get('logits')!),
  }
}

/** Scores of every next token, by the reference. */
const logitsOf = (model: LanguageModel, parameters: readonly Tensor[], tokens: Tensor): Float32Array => {
  const network = networkOf(model)
  const specs = parametersOf(model)
  const inputs: { [name: string]: TensorType } = {
    ...Object.fromEntries(specs.map((p) => [p.name, { dtype: 'f32', shape: p.shape }])),
    tokens: { dtype: 'u32', shape: tokens.shape },
  }
  const program = traceProgram({ state: {}, inputs }, (_, given: { readonly [name: string]: Grid }) => {
    const weights = weightsOf((name) => given[name] as Grid<'f'>)
    const hidden = network.hidden(weights, given.tokens as Grid<'u'>, windowPass())
    return { outputs: { logits: network.logits(weights, reshape(hidden, [-1, network.width])) } }
  })
  return f32Values(runStep(program, [], [...parameters, tokens]).outputs[0]!)
}

const NAMES = ['gpt2', 'gpt2-bare', 'llama', 'llama-tied'] as const

/**
 * Some forty rounded operations in a row, each off by 2^-24 of values as large as the largest score: 40 * 2^-24 is
 * 2.4e-6; four times that is allowed.
 */
const TOLERANCE = 1e-5

for (const name of NAMES)
  test(`${name} from the hub gives torch's scores of every next token`, () => {
    const { config, weights, tokens, logits } = made(name)
    const { model, parameters } = importHub(config, weights)
    const largest = logits.reduce((a, b) => Math.max(a, Math.abs(b)), 0)
    let worst = 0
    for (const [i, got] of logitsOf(model, parameters, tokens).entries())
      worst = Math.max(worst, Math.abs(got - logits[i]!) / largest)
    assert.ok(worst < TOLERANCE, `off by ${worst} of the largest score`)
  })

test('what is imported and exported again is the file it came from: names, shapes, orientation, numbers', () => {
  for (const [name, dtype] of [
    ['gpt2', 'f32'],
    ['llama', 'f32'],
    ['llama-tied', 'f16'],
  ] as const) {
    const { config, weights } = made(name)
    const written = exportHub(importHub(config, weights), dtype)
    const expected = new Map(decodeSafetensors(weights).tensors)
    if (name === 'llama-tied') expected.delete('lm_head.weight')
    const sorted = (tensors: ReadonlyMap<string, Tensor>) => [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))
    assert.deepEqual(sorted(decodeSafetensors(written.weights).tensors), sorted(expected))
    assert.equal(decodeSafetensors(written.weights).metadata.get('format'), 'pt')
    const fields: Record<string, unknown> = JSON.parse(written.config)
    const original: Record<string, unknown> = JSON.parse(config)
    for (const [field, value] of Object.entries(fields))
      if (field in original && !/^(bos|eos)_/.test(field)) assert.deepEqual(value, original[field], field)
    for (const field of ['model_type', 'architectures', 'vocab_size', 'torch_dtype'])
      assert.ok(field in fields)
  }
})

const models: readonly LanguageModel[] = [
  { kind: 'gpt', config: { vocab: 9, context: 5, width: 6, layers: 1, heads: 2, dropout: 0.25 } },
  {
    kind: 'gpt',
    config: {
      vocab: 9,
      context: 5,
      width: 6,
      layers: 1,
      heads: 3,
      dropout: 0,
      inner: 7,
      activation: 'gelu_new',
    },
  },
  ...[true, false].map(
    (tied): LanguageModel => ({
      kind: 'llama',
      config: {
        vocab: 9,
        context: 5,
        width: 8,
        layers: 2,
        heads: 2,
        keyHeads: 1,
        inner: 5,
        theta: 10_000,
        epsilon: 1e-6,
        tied,
      },
    }),
  ),
]

test('what is exported and imported again is the same model, in one file or several', () => {
  for (const model of models) {
    const parameters = initialParameters(model, 3)
    const { config, weights } = exportHub({ model, parameters })
    assert.deepEqual(importHub(config, weights), { model, parameters })
    assert.deepEqual(loadModel(saveModel(importHub(config, weights))), { model, parameters })
    const all = [...decodeSafetensors(weights).tensors]
    const parts = [all.slice(0, 3), all.slice(3)].map((part) => encodeSafetensors(new Map(part)))
    assert.deepEqual(importHub(config, ...parts), { model, parameters })
  }
})

test('newer and older spellings of the rotary base are read, and its absence means 10000', () => {
  const model = models[2]!
  const { config, weights } = exportHub({ model, parameters: initialParameters(model, 3) })
  const { rope_theta: _, ...fields } = JSON.parse(config)
  const thetaOf = (more: object): unknown => {
    const { model } = importHub(JSON.stringify({ ...fields, ...more }), weights)
    return (model.config as { theta: number }).theta
  }
  assert.equal(thetaOf({}), 10_000)
  assert.equal(thetaOf({ rope_theta: 5e5 }), 5e5)
  assert.equal(thetaOf({ rope_parameters: { rope_type: 'default', rope_theta: 2e4 } }), 2e4)
})

test('a missing, unknown or unfitting field or tensor is a fault that names it', () => {
  const refused = (fn: () => unknown, field: string | RegExp, code?: string): void =>
    assert.throws(fn, (error) => {
      assert.ok(error instanceof ModelError, String(error))
      if (typeof field === 'string') assert.equal(error.field, field)
      else assert.match(error.field, field)
      if (code) assert.equal(error.code, code)
      assert.ok(error.limit && error.remedy)
      return true
    })
  for (const model of models) {
    const parameters = initialParameters(model, 3)
    const { config, weights } = exportHub({ model, parameters })
    const fields = JSON.parse(config)
    const with_ = (more: object): string => JSON.stringify({ ...fields, ...more })
    const imported = (more: object) => () => importHub(with_(more), weights)
    refused(imported({ model_type: 'mamba' }), 'config.json model_type', 'hub-unsupported')
    refused(imported({ vocab_size: undefined }), 'config.json vocab_size', 'hub-malformed')
    refused(imported({ vocab_size: '9' }), 'config.json vocab_size', 'hub-malformed')
    refused(imported({ vocab_size: 1e9 }), /vocab/, 'config-invalid')
    refused(imported({ sliding_window: 3 }), 'config.json sliding_window', 'hub-unsupported')
    if (model.kind === 'gpt') {
      refused(imported({ activation_function: 'relu' }), 'config.json activation_function', 'hub-unsupported')
      refused(imported({ attn_pdrop: 0.5 }), 'config.json attn_pdrop', 'hub-unsupported')
      refused(imported({ layer_norm_epsilon: 1e-6 }), 'config.json layer_norm_epsilon', 'hub-unsupported')
      refused(imported({ tie_word_embeddings: false }), 'config.json tie_word_embeddings', 'hub-unsupported')
    } else {
      refused(imported({ hidden_act: 'gelu' }), 'config.json hidden_act', 'hub-unsupported')
      refused(imported({ rope_scaling: { type: 'linear' } }), 'config.json rope_scaling', 'hub-unsupported')
      refused(imported({ rope_parameters: { rope_type: 'yarn' } }), 'config.json rope_type')
      refused(imported({ head_dim: 3 }), 'config.json head_dim', 'hub-unsupported')
      refused(imported({ tie_word_embeddings: !model.config.tied }), 'lm_head.weight')
    }
    const { tensors } = decodeSafetensors(weights)
    const changed = (change: (map: Map<string, Tensor>) => void) => () => {
      const map = new Map(tensors)
      change(map)
      return importHub(config, encodeSafetensors(map))
    }
    const name = [...tensors.keys()].find((key) => /wte|embed_tokens/.test(key))!
    const bare = name.replace(/^\w+\./, '')
    const tensor = tensors.get(name)!
    refused(
      changed((map) => map.delete(name)),
      bare,
      'hub-malformed',
    )
    refused(
      changed((map) => map.set('extra.weight', tensor)),
      'extra.weight',
      'hub-malformed',
    )
    refused(
      changed((map) => map.set(bare, tensor)),
      /wte|embed_tokens/,
      'hub-malformed',
    )
    refused(
      changed((map) => map.set(name, { ...tensor, shape: tensor.shape.toReversed() })),
      bare,
      'hub-malformed',
    )
    refused(
      changed((map) => map.set(name, { dtype: 'u32', shape: tensor.shape, data: tensor.data })),
      bare,
      'hub-malformed',
    )
  }
  const tied = models[0]!
  const { config, weights } = exportHub({ model: tied, parameters: initialParameters(tied, 3) })
  const other = new Map(decodeSafetensors(weights).tensors)
  other.set('lm_head.weight', f32Tensor([9, 6], new Float32Array(54)))
  refused(() => importHub(config, encodeSafetensors(other)), 'lm_head.weight', 'hub-unsupported')
  for (const text of ['', '[]', 'null', `${' '.repeat(70_000)}{}`, '['.repeat(60_000)])
    refused(() => importHub(text, weights), 'config.json', 'hub-malformed')
  const mlp = { kind: 'mlp', config: { features: 2, hidden: [2], classes: 2 } } as const
  refused(() => exportHub({ model: mlp, parameters: [] }), 'model.kind')
})

test('no damage to a configuration does anything but import or refuse', () => {
  const model = models[2]!
  const { config, weights } = exportHub({ model, parameters: initialParameters(model, 3) })
  const values = fc.oneof(fc.jsonValue(), fc.integer(), fc.double(), fc.constant(undefined))
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(JSON.parse(config))), values, (field, value) => {
      try {
        importHub(JSON.stringify({ ...JSON.parse(config), [field]: value }), weights)
      } catch (error) {
        assert.ok(error instanceof ModelError, String(error))
      }
    }),
    { numRuns: 200 },
  )
})
