import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createWasmExecutor,
  type Executor,
  quantise,
  referenceExecutor,
  runStep,
  type Tensor,
  traceProgram,
} from '@lockstep/tensor'
import {
  type CachedConfig,
  cachedDone,
  cachedState,
  cachedTokens,
  decodeProgram,
  f32Tensor,
  f32Values,
  generatedTokens,
  generateProgram,
  generationState,
  initialParameters,
  type LanguageModel,
  parametersOf,
  prefillProgram,
  storedTensors,
} from '../index.ts'

const gpt: LanguageModel = {
  kind: 'gpt',
  config: { vocab: 23, context: 72, width: 16, layers: 2, heads: 2, dropout: 0.1, activation: 'gelu_new' },
}
const llama: LanguageModel = {
  kind: 'llama',
  config: {
    vocab: 23,
    context: 72,
    width: 16,
    layers: 2,
    heads: 4,
    keyHeads: 2,
    inner: 24,
    theta: 10_000,
    epsilon: 1e-5,
    tied: false,
  },
}
/** Larger weights than a fresh model has, so that its guesses differ. */
const parametersFor = (model: LanguageModel): Tensor[] =>
  initialParameters(model, 5).map((t) =>
    t.shape.length === 1
      ? t
      : f32Tensor(
          t.shape,
          f32Values(t).map((x) => 12 * x),
        ),
  )

/** The state after prefill and each of some steps of decoding. */
const decode = async (
  executor: Executor,
  model: LanguageModel,
  sample: CachedConfig,
  prompts: readonly number[][],
  steps: number,
): Promise<Tensor[][]> => {
  const stored = storedTensors(parametersOf(model), parametersFor(model), sample.storage ?? 'f32')
  const longest = Math.max(...prompts.map((p) => p.length))
  const prefill = await executor.compile(prefillProgram(model, sample, longest), stored)
  prefill.load(cachedState(model, sample, prompts, 7))
  await prefill.step()
  const states = [prefill.state()]
  prefill.close()
  const runner = await executor.compile(decodeProgram(model, sample), stored)
  runner.load(states[0]!)
  for (let step = 0; step < steps; step++) {
    await runner.step()
    states.push(runner.state())
  }
  runner.close()
  return states
}
const prompts = [[3, 1, 4, 1, 5], [2], [7, 1, 8]]

for (const model of [gpt, llama]) {
  test(`with a cache a ${model.kind} gives the tokens that it gives reading its text anew`, async () => {
    const executor = await createWasmExecutor()
    // 20 places are summed as one run, 64 in lanes.
    for (const capacity of [20, 64]) {
      const choice = { temperature: 1.1, top: 9, capacity }
      const prompt = prompts[0]!
      const steps = 6
      const [, ...after] = await decode(referenceExecutor, model, { ...choice, batch: 1 }, [prompt], steps)
      const anew = await executor.compile(generateProgram(model, choice), parametersFor(model))
      anew.load(generationState(prompt, capacity, 7))
      await anew.step(steps + 1)
      const tokens = generatedTokens(anew.state())
      anew.close()
      assert.deepEqual(cachedTokens(after.at(-1)!)[0], tokens)
      assert.ok(new Set(tokens).size > 5, 'the tokens differ from each other')
    }
    await executor.close()
  })

  test(`texts of a batch do not know of each other: a ${model.kind} gives each what it has alone`, async () => {
    const sample = { temperature: 0, top: 0, capacity: 12 }
    const together = await decode(referenceExecutor, model, { ...sample, batch: 3 }, prompts, 4)
    for (const [b, prompt] of prompts.entries()) {
      const alone = await decode(referenceExecutor, model, { ...sample, batch: 1 }, [prompt], 4)
      assert.deepEqual(cachedTokens(together.at(-1)!)[b], cachedTokens(alone.at(-1)!)[0])
    }
  })
}

test('what decoding keeps of a text has the bits that prefill computes of it', async () => {
  for (const model of [gpt, llama]) {
    const sample = { batch: 1, temperature: 0, top: 0, capacity: 12 }
    const decoded = (await decode(referenceExecutor, model, sample, [prompts[0]!], 3)).at(-1)!
    const [text] = cachedTokens(decoded)
    const kept = text!.length - 1 // the last token has not been read yet
    const [read] = await decode(referenceExecutor, model, sample, [[...text!.slice(0, kept)]], 0)
    // Places that nobody has come to are still zero in both.
    assert.ok(decoded.length > 5)
    assert.deepEqual(decoded.slice(5), read!.slice(5))
  }
})

test('a text ends at its end token or where it is full, and then stays as it is', async () => {
  const free = { batch: 3, temperature: 0, top: 0, capacity: 8 }
  const all = await decode(referenceExecutor, llama, free, prompts, 9)
  assert.deepEqual(
    cachedTokens(all.at(-1)!).map((t) => t.length),
    [8, 8, 8],
  )
  assert.deepEqual(cachedDone(all[1]!), [false, false, false])
  assert.deepEqual(cachedDone(all[2]!), [true, false, false])
  assert.deepEqual(cachedDone(all.at(-1)!), [true, true, true])
  const end = cachedTokens(all.at(-1)!)[1]![2]! // the second new token of the second text
  const ended = await decode(referenceExecutor, llama, { ...free, end }, prompts, 9)
  const expected = cachedTokens(all.at(-1)!).map((t, b) => {
    const at = t.indexOf(end, prompts[b]!.length)
    return at < 0 ? t : t.slice(0, at + 1)
  })
  assert.deepEqual(cachedTokens(ended.at(-1)!), expected)
  assert.ok(expected[1]!.length < 8)
})

test('wasm has the bytes of the reference: prefill, decode, weights in f32, bf16 and int8', async () => {
  const executor = await createWasmExecutor({ threads: 2 })
  try {
    for (const model of [gpt, llama])
      for (const storage of ['f32', 'bf16', 'int8'] as const) {
        const sample = { batch: 3, temperature: 0.9, top: 5, capacity: 16, storage }
        const wanted = await decode(referenceExecutor, model, sample, prompts, 3)
        assert.deepEqual(
          await decode(executor, model, sample, prompts, 3),
          wanted,
          `${model.kind} ${storage}`,
        )
      }
  } finally {
    await executor.close()
  }
})

test('stored matrices are near what was learned, and gains and biases are what was learned', () => {
  const specs = parametersOf(llama)
  const learned = parametersFor(llama)
  const halves = storedTensors(specs, learned, 'bf16')
  for (const [i, { shape }] of specs.entries()) {
    assert.equal(halves[i]!.dtype, shape.length === 2 ? 'bf16' : 'f32')
  }
  const at = specs.findIndex((p) => p.name === 'layer.0.attention.query.weight')
  const whole = storedTensors(specs, learned, 'int8')
  const place = at + specs.slice(0, at).filter((p) => p.name.endsWith('.weight')).length
  const program = traceProgram({ state: { w: { dtype: 'f32', shape: [16, 16] } } }, ({ w }) => {
    const { words, scale } = quantise(w)
    return { outputs: { words, scale } }
  })
  const column = f32Values(learned[at]!).map((x, i) => (i % 16 === 3 ? 0 : x))
  for (const matrix of [learned[at]!, f32Tensor([16, 16], column)]) {
    const stored = storedTensors([specs[at]!], [matrix], 'int8')
    assert.deepEqual(runStep(program, [matrix], []).outputs, stored)
  }
  assert.deepEqual(whole.slice(place, place + 2), storedTensors([specs[at]!], [learned[at]!], 'int8'))
})

test('what is beyond the limits is refused by name', () => {
  const sample = { batch: 1, temperature: 1, top: 0, capacity: 8 }
  const refused = (change: object, field: string): void =>
    assert.throws(() => decodeProgram(llama, { ...sample, ...change }), { name: 'ModelError', field })
  refused({ capacity: 73 }, 'sample.capacity')
  refused({ batch: 0 }, 'sample.batch')
  refused({ end: 23 }, 'sample.end')
  refused({ storage: 'int4' }, 'sample.storage')
  refused({ stop: 1 }, 'sample.stop')
  assert.throws(() => prefillProgram(llama, sample, 9), { field: 'prompt' })
  assert.throws(() => cachedState(llama, sample, [[1], [2]], 1), { field: 'prompts' })
  assert.throws(() => cachedState(llama, sample, [[]], 1), { field: 'prompt' })
})
