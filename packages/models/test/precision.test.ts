import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { createWasmExecutor } from '@lockstep/tensor'
import {
  byteTokenizer,
  DEFAULT_TRAIN,
  f32Values,
  initialState,
  type TrainConfig,
  tokenTensor,
  trainProgram,
} from '../src/index.ts'

const STEPS = 80
const TAIL = 10
/** How far the loss, a mean over the last steps, may be from that of f32: nats per byte, of a loss of about 2.8. */
const DIFFERENCE = 0.1

test('a GPT whose weights, moments and activations are bf16 learns a book as fast as one in f32', async (t) => {
  const config = { vocab: 256, context: 32, width: 32, layers: 2, heads: 2, dropout: 0 }
  const text = readFileSync(new URL('../../../data/moby-dick.txt', import.meta.url)).subarray(0, 60_000)
  const corpus = tokenTensor(text, byteTokenizer)
  const executor = await createWasmExecutor({ threads: 1 })
  const lossOf = async (precision: TrainConfig['precision']): Promise<number> => {
    const train = { ...DEFAULT_TRAIN, batch: 8, steps: STEPS, warmup: 10, rate: 0.01, precision }
    const program = trainProgram({ kind: 'gpt', config }, train, { tokens: text.length, dtype: 'u8' })
    const runner = await executor.compile(program, [corpus])
    runner.load(initialState({ kind: 'gpt', config }, 1, train))
    await runner.step(STEPS - TAIL)
    let sum = 0
    for (let i = 0; i < TAIL; i++) {
      await runner.step()
      sum += f32Values(runner.outputs()[0]!)[0]! / TAIL
    }
    runner.close()
    return sum
  }
  const wide = await lossOf(undefined)
  assert.ok(wide < 3.1, `${wide}`)
  for (const [name, precision] of Object.entries({
    'weights, rounded at random': { parameters: 'bf16', rounding: 'stochastic' },
    everything: { parameters: 'bf16', activations: 'bf16', moments: 'bf16', rounding: 'stochastic' },
  } as const))
    await t.test(name, async () => {
      const loss = await lossOf(precision)
      console.log(`${name}: ${loss.toFixed(3)}, in f32 ${wide.toFixed(3)}`)
      assert.ok(Math.abs(loss - wide) < DIFFERENCE, `${loss}, in f32 ${wide}`)
    })
  await executor.close()
})
