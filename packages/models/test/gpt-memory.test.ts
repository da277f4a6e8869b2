import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWasmExecutor } from '@lockstep/tensor'
import { DEFAULT_TRAIN, trainProgram } from '../src/index.ts'

const TOKENS = 2000
const corpus = { dtype: 'u8', shape: [TOKENS], data: new Uint8Array(TOKENS) } as const

test('a GPT training step takes at most 1.15 times the memory that must live at one moment', async () => {
  const executor = await createWasmExecutor()
  for (const [width, layers, batch] of [
    [64, 2, 4],
    [256, 4, 8],
  ] as const) {
    const model = { vocab: 256, context: 128, width, layers, heads: 8, dropout: 0 }
    const program = trainProgram(
      { kind: 'gpt', config: model },
      { ...DEFAULT_TRAIN, batch },
      { tokens: TOKENS, dtype: 'u8' },
    )
    const runner = await executor.compile(program, [corpus])
    const { peak, lowerBound } = runner.memory()
    console.log(
      `width ${width}, ${layers} layers: ${(peak / 1e6).toFixed(1)} MB, bound ${(lowerBound / 1e6).toFixed(1)} MB`,
    )
    assert.ok(peak <= 1.15 * lowerBound, `${peak} bytes, ${peak / lowerBound} of ${lowerBound}`)
    runner.close()
  }
  await executor.close()
})
