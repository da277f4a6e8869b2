import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWasmExecutor, type Program, referenceExecutor, type Tensor } from '@lockstep/tensor'
import { type DataOf, DEFAULT_TRAIN, initialState, type Model, trainProgram } from '../src/index.ts'

const train = { ...DEFAULT_TRAIN, batch: 2, steps: 10, warmup: 2 }
const again = { ...train, recompute: true }
const tokens: Tensor = {
  dtype: 'u8',
  shape: [90],
  data: Uint8Array.from({ length: 90 }, (_, i) => (i * i) % 31),
}
const language = { vocab: 31, context: 10, width: 16, layers: 2, heads: 2 }
type Case<M extends Model = Model> = { model: M; data: DataOf<M>; inputs: Tensor[] }
const corpus = { tokens: 90, dtype: 'u8' } as const
const cases: readonly Case[] = [
  { model: { kind: 'gpt', config: { ...language, dropout: 0.1 } }, data: corpus, inputs: [tokens] },
  {
    model: {
      kind: 'llama',
      config: { ...language, heads: 4, keyHeads: 2, inner: 24, theta: 10_000, epsilon: 1e-5, tied: true },
    },
    data: corpus,
    inputs: [tokens],
  },
  {
    model: {
      kind: 'resnet',
      config: {
        ...{ height: 6, width: 6, channels: 1, groups: 2, classes: 3 },
        stages: [
          { width: 4, blocks: 1 },
          { width: 6, blocks: 1 },
        ],
      },
    },
    data: { rows: 12, dtype: 'u8' },
    inputs: [
      { dtype: 'u8', shape: [12, 36], data: Uint8Array.from({ length: 432 }, (_, i) => i * 97) },
      { dtype: 'u8', shape: [12], data: Uint8Array.from({ length: 12 }, (_, i) => i % 3) },
    ],
  },
]

test('a training whose blocks are computed again goes through the same states, on both executors', async (t) => {
  const wasm = await createWasmExecutor({ threads: 1 })
  for (const { model, data, inputs } of cases)
    await t.test(model.kind, async () => {
      const end = async (
        program: Program,
        executor = wasm as typeof referenceExecutor,
      ): Promise<Tensor[]> => {
        const runner = await executor.compile(program, inputs)
        runner.load(initialState(model, 3))
        await runner.step(4)
        const seen = [...runner.outputs(), ...runner.state()]
        runner.close()
        return seen
      }
      const other = trainProgram(model, again, data)
      const wanted = await end(trainProgram(model, train, data))
      assert.ok(other.nodes.length > trainProgram(model, train, data).nodes.length)
      assert.deepEqual(await end(other), wanted)
      assert.deepEqual(await end(other, referenceExecutor), wanted)
    })
  await wasm.close()
})

test('a GPT needs less memory where its blocks are computed again or a step has passes', async () => {
  const config = { vocab: 256, context: 64, width: 64, layers: 4, heads: 4, dropout: 0 }
  const model = { kind: 'gpt', config } as const
  const wasm = await createWasmExecutor({ threads: 1 })
  const peak = async (more: object): Promise<number> => {
    const program = trainProgram(model, { ...train, batch: 16, ...more }, { tokens: 90, dtype: 'u8' })
    const runner = await wasm.compile(program, [tokens])
    const { peak, lowerBound } = runner.memory()
    runner.close()
    assert.ok(peak <= 1.15 * lowerBound, `${peak} of ${lowerBound}`)
    return peak
  }
  const [whole, blocks, passes] = [
    await peak({}),
    await peak({ recompute: true }),
    await peak({ batch: 4, accumulate: 2 }),
  ]
  await wasm.close()
  assert.ok(blocks < 0.6 * whole, `${blocks} of ${whole}`)
  assert.ok(passes < 0.5 * whole, `${passes} of ${whole}`)
})
