import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWasmExecutor, type Executor, referenceExecutor, type Tensor } from '@lockstep/tensor'
import { DEFAULT_GPT, DEFAULT_TRAIN, initialState, trainProgram } from '../src/index.ts'

/** The model and batch that the tour trains, on the reference: about three minutes a step, so by night only. */

const STEPS = 10
const TOKENS = 4096
const corpus: Tensor = {
  dtype: 'u8',
  shape: [TOKENS],
  data: Uint8Array.from({ length: TOKENS }, (_, i) => (i * i + (i >> 3)) % 251),
}
const program = trainProgram({ kind: 'gpt', config: DEFAULT_GPT }, DEFAULT_TRAIN, {
  tokens: TOKENS,
  dtype: 'u8',
})
const start = initialState({ kind: 'gpt', config: DEFAULT_GPT }, 12)

/** Outputs and state after every step. */
const record = async (executor: Executor): Promise<Tensor[]> => {
  const runner = await executor.compile(program, [corpus])
  runner.load(start)
  const seen: Tensor[] = []
  for (let step = 0; step < STEPS; step++) {
    await runner.step()
    seen.push(...runner.outputs(), ...runner.state())
  }
  runner.close()
  return seen
}

test("ten steps of the main model have the reference's bytes", {
  skip: process.env.LOCKSTEP_NIGHTLY !== '1' && 'half an hour: npm run nightly',
}, async () => {
  const wanted = await record(referenceExecutor)
  for (const options of [{ threads: 1 }, { threads: 2 }, { threads: 2, relaxed: 'off' }] as const) {
    const executor = await createWasmExecutor(options)
    const got = await record(executor)
    await executor.close()
    assert.equal(got.length, wanted.length)
    for (const [i, { data }] of wanted.entries()) {
      assert.ok(Buffer.compare(got[i]!.data, data) === 0, `${executor.name}, tensor ${i}`)
    }
  }
})
