import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createWasmExecutor } from '@lockstep/tensor'
import {
  byteTokenizer,
  DEFAULT_TRAIN,
  evaluateProgram,
  evaluationSteps,
  f32Tensor,
  f32Values,
  type GptConfig,
  initialState,
  loadModel,
  parametersOf,
  sampleText,
  saveModel,
  splitCorpus,
  trainProgram,
  wordTensor,
} from '../src/index.ts'

test('a small GPT learns a book: trained, cut in two, saved, loaded, evaluated on held-out text, sampled', async () => {
  const config: GptConfig = { vocab: 256, context: 32, width: 32, layers: 2, heads: 2, dropout: 0 }
  const model = { kind: 'gpt', config } as const
  const text = readFileSync(new URL('../../../data/moby-dick.txt', import.meta.url)).subarray(0, 120_000)
  const { train, heldOut } = splitCorpus(text, byteTokenizer, config.context + 1, 0.05)
  const executor = await createWasmExecutor({ threads: 1 })
  try {
    const schedule = { ...DEFAULT_TRAIN, batch: 16, steps: 160, warmup: 10, rate: 0.01 }
    const program = trainProgram({ kind: 'gpt', config }, schedule, { tokens: train.shape[0]!, dtype: 'u8' })
    const runner = await executor.compile(program, [train])
    runner.load(initialState(model, 1))
    await runner.step()
    const first = f32Values(runner.outputs()[0]!)[0]!
    assert.ok(Math.abs(first - Math.log(256)) < 0.1, `a fresh model guesses evenly: ${first}`)
    await runner.step(99)
    const half = runner.state()
    await runner.step(60)
    const whole = runner.state()
    runner.load(half)
    await runner.step(60)
    assert.deepEqual(runner.state(), whole, 'a run that goes on from its state is the same run')
    runner.close()

    const parameters = whole.slice(0, parametersOf(model).length)
    const trained = loadModel(saveModel({ model, parameters, tokenizer: byteTokenizer }))
    const corpus = { tokens: heldOut.shape[0]!, dtype: 'u8' } as const
    const evaluation = await executor.compile(evaluateProgram({ kind: 'gpt', config }, 16, corpus), [
      ...trained.parameters,
      heldOut,
    ])
    evaluation.load([wordTensor(0), f32Tensor([1], new Float32Array(1))])
    await evaluation.step(evaluationSteps(config, 16, corpus))
    const [, mean] = evaluation.outputs().map((t) => f32Values(t)[0]!)
    evaluation.close()
    assert.ok(mean! < 0.6 * first, `held-out loss ${mean} after ${first}`)

    const options = { prompt: 'Call me Ishmael. ', tokens: 30, seed: 1 }
    const sample = await sampleText(trained, executor, options)
    assert.ok(sample.startsWith(options.prompt))
    assert.match(sample.slice(options.prompt.length), /[a-z ]{4}/) // letters, as in the book
    assert.equal(await sampleText(trained, executor, options), sample)
  } finally {
    await executor.close()
  }
})
