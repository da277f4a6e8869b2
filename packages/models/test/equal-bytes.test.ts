import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findNative, nativeUrl } from '@lockstep/native'
import { createWasmExecutor, referenceExecutor, type Tensor } from '@lockstep/tensor'
import { DEFAULT_GPT, DEFAULT_TRAIN, f32Values, initialState, trainProgram } from '../src/index.ts'
import { record, trainingRuns, useRuns } from './runs.ts'

const STEPS = 10
const runs = [...trainingRuns(STEPS), ...useRuns()]
const wanted = Promise.all(runs.map((run) => record(referenceExecutor, run, STEPS)))

test('training lowers the loss of the runs compared below', async () => {
  for (const seen of (await wanted).slice(0, 4)) {
    assert.ok(seen.every((t) => t.dtype !== 'f32' || f32Values(t).every(Number.isFinite)))
  }
  for (const seen of (await wanted).slice(1, 3)) {
    const losses = seen.filter((_, i) => i % 2 === 0 && i < 2 * STEPS).map((t) => f32Values(t)[0]!)
    assert.ok(losses[9]! < losses[0]!)
  }
})

for (const threads of [1, 2]) {
  for (const relaxed of ['auto', 'off'] as const) {
    test(`wasm on ${threads} threads, relaxed ${relaxed}: the reference's bytes`, async (t) => {
      const executor = await createWasmExecutor({ threads, relaxed })
      try {
        for (const [i, run] of runs.entries()) {
          await t.test(run.name, async () => {
            assert.deepEqual(await record(executor, run, STEPS), (await wanted)[i])
          })
        }
      } finally {
        await executor.close()
      }
    })
  }
}

const found = findNative()
const sets = 'native' in found ? found.native.products.map((kernel) => kernel.set) : []

test("the native addon, every instruction set present, 1 and 2 threads: the reference's bytes", {
  skip: 'why' in found ? found.why : false,
}, async (t) => {
  for (const set of sets)
    for (const threads of [1, 2]) {
      const executor = await createWasmExecutor({
        threads,
        shareFrom: 0,
        accelerator: { url: nativeUrl(set) },
      })
      for (const [i, run] of runs.entries())
        await t.test(`${set}, ${threads} threads: ${run.name}`, async () => {
          assert.deepEqual(await record(executor, run, STEPS), (await wanted)[i])
        })
      await executor.close()
    }
})

test('the default GPT: two steps give the same bytes on one thread, on two, and with exact fma', async () => {
  const model = { kind: 'gpt', config: { ...DEFAULT_GPT, dropout: 0.1 } } as const
  const corpus = { dtype: 'u8', shape: [99], data: new Uint8Array(99).map((_, i) => (i * i) % 31) } as const
  const program = trainProgram(model, DEFAULT_TRAIN, { tokens: 99, dtype: 'u8' })
  const start = initialState(model, 6)
  const states: Tensor[][] = []
  for (const [threads, relaxed] of [
    [1, 'auto'],
    [2, 'auto'],
    [2, 'off'],
  ] as const) {
    const executor = await createWasmExecutor({ threads, relaxed })
    const runner = await executor.compile(program, [corpus])
    runner.load(start)
    await runner.step(2)
    states.push([...runner.outputs(), ...runner.state()])
    runner.close()
    await executor.close()
  }
  for (const other of states.slice(1)) {
    for (const [i, tensor] of states[0]!.entries()) {
      assert.ok(Buffer.compare(tensor.data, other[i]!.data) === 0, `output or state tensor ${i}`)
    }
  }
})
