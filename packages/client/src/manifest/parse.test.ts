import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Fault, FaultError } from '@lockstep/tensor'
import fc from 'fast-check'
import { canonicalManifest, MAX_MANIFEST_BYTES, parseManifest } from './parse.ts'
import { defaultManifest, manifestTemplate } from './template.ts'

const parse = (text: string) => parseManifest(new TextEncoder().encode(text))
const refusal = (text: string): Fault => {
  try {
    parse(text)
  } catch (error) {
    assert.ok(error instanceof FaultError, String(error))
    return error.fault
  }
  return assert.fail(`accepted: ${text}`)
}

test('what init prints is a manifest with every default, as YAML and as JSON', () => {
  const manifest = defaultManifest('book', 'book.txt')
  assert.deepEqual(parse(manifestTemplate(manifest, 'yaml')), manifest)
  assert.deepEqual(parse(manifestTemplate(manifest, 'json')), manifest)
  assert.deepEqual(parse('name: book\ndata: {text: book.txt}'), manifest)
})

test('a manifest with a market part is printed with every field of it', () => {
  const terms = {
    mode: 'sweep',
    rounds: 2,
    stepsPerRound: 100,
    sweep: [{ seed: 2 }, { rate: 0.001, warmup: 3 }],
    ceiling: '0.000000000000000001',
    bond: 3,
    times: { run: 900 },
    banned: [`0x${'0A'.repeat(20)}`],
  }
  const manifest = parse(JSON.stringify({ data: { text: 'a' }, market: terms }))
  assert.deepEqual(parse(manifestTemplate(manifest, 'yaml')), manifest)
  assert.deepEqual(parse(manifestTemplate(manifest, 'json')), manifest)
  assert.equal(manifest.market?.bond, '3')
  const plain = parse('{data: {text: a}, market: {}}')
  assert.deepEqual(parse(manifestTemplate(plain, 'yaml')), plain)
})

test('ways to train are chosen in a manifest, printed with it, and absent where nobody chose', () => {
  const training = {
    optimiser: { kind: 'muon' },
    schedule: { kind: 'trapezoid', fall: 200 },
    groups: { head: { rate: 0.5 }, vector: { decay: 0 } },
    accumulate: 4,
    recompute: true,
    precision: { parameters: 'bf16', master: true, rounding: 'stochastic' },
    smoothing: 0.1,
    zLoss: 1e-4,
    average: 0.99,
    clipValue: 1,
  }
  const manifest = parse(JSON.stringify({ data: { text: 'a' }, training }))
  assert.deepEqual(manifest.training.optimiser, { kind: 'muon', momentum: 0.95, nesterov: true })
  for (const format of ['yaml', 'json'] as const)
    assert.deepEqual(parse(manifestTemplate(manifest, format)), manifest)
  const plain = Object.keys(parse('data: {text: a}').training)
  for (const field of Object.keys(training)) assert.ok(!plain.includes(field), field)
})

test('a manifest says which architecture, with the fields of that one; without a word it is a gpt', () => {
  const llama = parse('data: {text: a}\nmodel: {kind: llama, heads: 8, keyHeads: 4}')
  assert.equal(llama.model.kind, 'llama')
  const gpt = parse('data: {text: a}\nmodel: {activation: gelu_new}')
  for (const manifest of [llama, gpt])
    for (const format of ['yaml', 'json'] as const)
      assert.deepEqual(parse(manifestTemplate(manifest, format)), manifest)
  const plain = JSON.stringify(parse('data: {text: a}').model)
  assert.equal(plain, '{"layers":4,"width":128,"heads":4,"context":64,"dropout":0}')
})

test('one manifest has one canonical text, whatever the order and the format', () => {
  const a = parse('{"training":{"steps":30,"warmup":3},"data":{"text":"a"},"name":"x"}')
  const b = parse('name: x\ndata:\n  text: a\ntraining:\n  warmup: 3\n  steps: 30\n')
  assert.equal(canonicalManifest(a), canonicalManifest(b))
})

test('a wrong field is named with its value, what is allowed, and what to do', () => {
  const cases: [text: string, field: string, value: string, limit: RegExp][] = [
    ['name: x', 'data', 'missing', /map/],
    ['data: {text: a}\nmodel: {layers: 65}', 'model.layers', '65', /at most 64/],
    ['data: {text: a}\nmodel: {layers: 0}', 'model.layers', '0', /at least 1/],
    ['data: {text: a}\nmodel: {layers: 2.5}', 'model.layers', '2.5', /integer/],
    ['data: {text: a}\nmodel: {layers: two}', 'model.layers', 'two', /number/],
    ['data: {text: a}\nmodel: {layer: 2}', 'model.layer', 'given', /layers, width, heads/],
    ['data: {text: a}\nmodel: {kind: llama, dropout: 0}', 'model.dropout', 'given', /kind, layers, .*theta/],
    ['data: {text: a}\nmodel: {kind: llama, keyHeads: 3}', 'model.keyHeads', '3', /divisor of heads, 4/],
    ['data: {text: a}\nmodel: {kind: llama, theta: 0}', 'model.theta', '0', /at least 1/],
    ['data: {text: a}\nmodel: {kind: mamba}', 'model.kind', '', /gpt or llama/],
    ['data: {text: a}\nmodel: gpt', 'model', 'gpt', /a map/],
    ['data: {text: a}\nspeed: 2', 'speed', 'given', /name, data, tokenizer/],
    ['data: {text: a}\nmodel: {width: 10, heads: 4}', 'model.heads', '4', /divisor/],
    ['data: {text: a}\ntraining: {rate: .nan}', 'training.rate', 'NaN', /number/],
    ['data: {text: a}\ntraining: {steps: 5, warmup: 6}', 'training.warmup', '6', /5/],
    [
      'data: {text: a}\ntraining: {optimiser: {kind: adamax}}',
      'training.optimiser.kind',
      '{"kind":"adamax"}',
      /muon/,
    ],
    [
      'data: {text: a}\ntraining: {optimiser: {kind: adam, momentum: 1}}',
      'training.optimiser.momentum',
      'given',
      /kind/,
    ],
    ['data: {text: a}\ntraining: {optimiser: sgd}', 'training.optimiser', 'sgd', /a map/],
    [
      'data: {text: a}\ntraining: {schedule: {kind: trapezoid, fall: 961}}',
      'training.schedule.fall',
      '961',
      /960/,
    ],
    ['data: {text: a}\ntraining: {accumulate: 0}', 'training.accumulate', '0', /at least 1/],
    [
      'data: {text: a}\ntraining: {steps: 16777216}\nsegments: {every: 2}',
      'segments.every',
      '2',
      /at least 16/,
    ],
    ['data: {text: a}\ntokenizer: word', 'tokenizer', 'word', /byte/],
    ['data: {text: a}\nname: ../up', 'name', '../up', /lower-case/],
    ['data: {text: ""}', 'data.text', 'empty', /at least 1/],
    ['a: [', 'manifest line 1', '', /YAML/],
    ['[1, 2]', 'manifest', '', /map/],
  ]
  for (const [text, field, value, limit] of cases) {
    const error = refusal(text)
    assert.equal(error.field, field, text)
    if (value) assert.equal(error.value, value, text)
    assert.match(String(error.limit), limit, text)
    assert.match(error.remedy, /lockstep init/)
    assert.doesNotMatch(JSON.stringify(error), /\\n/)
  }
})

test('hostile texts are refused quickly: bombs, depth, size, bytes that are no text', () => {
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${Array(9).fill(`*${'abcdefghi'[i]}`).join(',')}]`).join('\n')}`
  refusal(bomb)
  refusal('['.repeat(30_000))
  refusal(`data: ${'{a: '.repeat(10_000)}`)
  refusal(' '.repeat(MAX_MANIFEST_BYTES + 1))
  assert.throws(() => parseManifest(Uint8Array.of(0xff, 0xfe, 0x00)), FaultError)
})

test('no bytes make the decoder do anything but accept or refuse', () => {
  const valid = new TextEncoder().encode(manifestTemplate(defaultManifest('book', 'b'), 'yaml'))
  const mutated = fc
    .tuple(fc.nat(valid.length - 1), fc.nat(valid.length), fc.uint8Array({ maxLength: 8 }))
    .map(([from, to, insert]) =>
      Uint8Array.from([...valid.subarray(0, from), ...insert, ...valid.subarray(Math.max(from, to))]),
    )
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      try {
        parseManifest(bytes)
      } catch (error) {
        assert.ok(error instanceof FaultError, String(error))
      }
    }),
    { numRuns: 300 },
  )
})
