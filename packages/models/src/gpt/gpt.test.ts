import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWasmExecutor, referenceExecutor, type Tensor } from '@lockstep/tensor'
import { firstValue, runReference } from '../../test/run.ts'
import {
  byteTokenizer,
  evaluateProgram,
  evaluationSteps,
  f32Tensor,
  f32Values,
  type GptConfig,
  generatedTokens,
  generateProgram,
  generationState,
  initialParameters,
  parametersOf,
  sampleText,
  wordTensor,
} from '../index.ts'

const config: GptConfig = { vocab: 7, context: 4, width: 8, layers: 2, heads: 2, dropout: 0.5 }
/** Larger weights than a fresh model has, so that its guesses differ. */
const parameters = initialParameters({ kind: 'gpt', config }, 5).map((t) =>
  f32Tensor(t.shape, t.shape.length === 1 ? f32Values(t) : f32Values(t).map((x) => 20 * x)),
)
const corpusOf = (ids: readonly number[]): Tensor => ({
  dtype: 'u8',
  shape: [ids.length],
  data: Uint8Array.from(ids),
})
const fresh = (): Tensor[] => [wordTensor(0), f32Tensor([1], new Float32Array(1))]

/**
 * The model's probabilities of the token after a prompt, by way of evaluation: the losses of windows that differ in
 * their last token only differ by that token's share, and the probabilities sum to 1.
 */
const probabilities = (prompt: readonly number[]): number[] => {
  const model = { ...config, context: prompt.length }
  const cut = parameters.with(
    1,
    f32Tensor([prompt.length, 8], f32Values(parameters[1]!).subarray(0, 8 * prompt.length)),
  )
  const program = evaluateProgram({ kind: 'gpt', config: model }, 1, {
    tokens: prompt.length + 1,
    dtype: 'u8',
  })
  const logs = Array.from(
    { length: config.vocab },
    (_, token) => -prompt.length * firstValue(program, fresh(), [...cut, corpusOf([...prompt, token])]),
  )
  const total = logs.reduce((s, l) => s + Math.exp(l), 0)
  return logs.map((l) => Math.exp(l) / total)
}

const next = async (
  prompt: readonly number[],
  seed: number,
  sample: { temperature: number; top: number },
): Promise<number> => {
  const capacity = prompt.length + 1
  const program = generateProgram({ kind: 'gpt', config }, { ...sample, capacity })
  const { state } = await runReference(program, generationState(prompt, capacity, seed), parameters)
  return generatedTokens(state)[prompt.length]!
}

test('without temperature the likeliest token follows, in short, full and outgrown windows', async () => {
  for (const prompt of [[3], [1, 6], [0, 5, 2], [4, 4, 1, 0], [6, 2, 3, 0, 1, 5]]) {
    const p = probabilities(prompt.slice(-config.context))
    assert.equal(await next(prompt, 1, { temperature: 0, top: 0 }), p.indexOf(Math.max(...p)))
  }
})

test('tokens are drawn as often as softmax says, at any temperature, from the likeliest `top` only', async () => {
  const executor = await createWasmExecutor()
  const prompt = [2, 5, 1]
  const p = probabilities(prompt)
  const best = p.toSorted((a, b) => b - a)
  const runs = 400
  for (const [temperature, top] of [
    [1, 0],
    [0.5, 0],
    [2, 3],
  ] as const) {
    const raised = p.map((x) => (top && x < best[top - 1]! ? 0 : x ** (1 / temperature)))
    const total = raised.reduce((a, b) => a + b)
    const program = generateProgram({ kind: 'gpt', config }, { capacity: 4, temperature, top })
    const counts = new Array<number>(config.vocab).fill(0)
    const runner = await executor.compile(program, parameters)
    for (let seed = 0; seed < runs; seed++) {
      runner.load(generationState(prompt, 4, seed))
      await runner.step()
      counts[generatedTokens(runner.state())[3]!]!++
    }
    runner.close()
    let chi = 0
    for (const [token, x] of raised.entries()) {
      const expected = (runs * x) / total
      if (expected === 0) assert.equal(counts[token], 0)
      else chi += (counts[token]! - expected) ** 2 / Math.max(expected, 1)
    }
    assert.ok(chi < 22.5, `chi-square ${chi} at temperature ${temperature}, top ${top}`) // 6 degrees: 999 of 1000
  }
  await executor.close()
})

test('generation grows the text by a token a step and stops at the capacity', async () => {
  const program = generateProgram({ kind: 'gpt', config }, { capacity: 9, temperature: 1, top: 0 })
  const start = generationState([1, 2], 9, 42)
  const { state } = await runReference(program, start, parameters, 7)
  assert.equal(generatedTokens(state).length, 9)
  assert.deepEqual([...generatedTokens(state).subarray(0, 2)], [1, 2])
  const after = await runReference(program, state, parameters, 2)
  assert.deepEqual(after.state.with(2, state[2]!), state)
  // The same steps in two parts give the same text.
  const half = await runReference(program, start, parameters, 3)
  assert.deepEqual((await runReference(program, half.state, parameters, 4)).state, state)
})

test('evaluation covers the corpus window by window and gives the mean over all of them', async () => {
  const ids = Array.from({ length: 27 }, (_, i) => (i * i + 3) % 7)
  const corpus = { tokens: 27, dtype: 'u8' } as const
  assert.equal(evaluationSteps(config, 2, corpus), 3)
  const program = evaluateProgram({ kind: 'gpt', config }, 2, corpus)
  const { outputs, state } = await runReference(program, fresh(), [...parameters, corpusOf(ids)], 3)
  const one = evaluateProgram({ kind: 'gpt', config }, 1, { tokens: 5, dtype: 'u8' })
  let total = 0
  for (let w = 0; w < 6; w++) {
    total += firstValue(one, fresh(), [...parameters, corpusOf(ids.slice(4 * w, 4 * w + 5))])
  }
  assert.ok(Math.abs(f32Values(outputs[1]!)[0]! - total / 6) < 1e-5)
  assert.equal(state[0]!.data[0], 3)
})

test('text comes from a model and its tokenizer', async () => {
  const model = { kind: 'gpt', config: { ...config, vocab: 256 } } as const
  const trained = { model, parameters: initialParameters(model, 1), tokenizer: byteTokenizer }
  const options = { prompt: 'Call me', tokens: 3, seed: 1, temperature: 0 }
  const text = await sampleText(trained, referenceExecutor, options)
  assert.ok(text.startsWith('Call me') && text.length > 7)
  assert.equal(await sampleText(trained, referenceExecutor, options), text)
  const refused = { name: 'ModelError' }
  await assert.rejects(() => sampleText(trained, referenceExecutor, { ...options, prompt: '' }), refused)
  await assert.rejects(
    () => sampleText({ ...trained, tokenizer: undefined } as never, referenceExecutor, options),
    refused,
  )
})

test('generation refuses what is beyond its limits', () => {
  const sample = { capacity: 8, temperature: 1, top: 0 }
  const refused = (change: object, field: string): void =>
    assert.throws(() => generateProgram({ kind: 'gpt', config }, { ...sample, ...change }), {
      name: 'ModelError',
      field,
    })
  refused({ capacity: 0 }, 'sample.capacity')
  refused({ temperature: -1 }, 'sample.temperature')
  refused({ temperature: 1e-9 }, 'sample.temperature')
  refused({ top: 8 }, 'sample.top')
  refused({ topk: 1 }, 'sample.topk')
  assert.equal(parametersOf({ kind: 'gpt', config }).length, parameters.length)
})
