import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import {
  createWasmExecutor,
  type Executor,
  encodeProgram,
  type Program,
  referenceExecutor,
  type Tensor,
} from '@lockstep/tensor'
import {
  averageProgram,
  DEFAULT_TRAIN,
  f32Tensor,
  f32Values,
  initialState,
  type TrainConfig,
  trainedParameters,
  trainProgram,
  wordTensor,
} from '../src/index.ts'
import { runReference } from './run.ts'
import { record } from './runs.ts'

/** Every way to train, on a model small enough for the reference. */
const model = { features: 12, hidden: [20, 9], classes: 4 }
const base: TrainConfig = { ...DEFAULT_TRAIN, batch: 6, steps: 12, warmup: 3, rate: 0.01 }
const OPTIMISERS: { readonly [name: string]: Partial<TrainConfig> } = {
  adamw: {},
  adam: { optimiser: { kind: 'adam' } },
  'plain descent': { optimiser: { kind: 'sgd', momentum: 0, nesterov: false } },
  momentum: { optimiser: { kind: 'sgd', momentum: 0.9, nesterov: false } },
  nesterov: { optimiser: { kind: 'sgd', momentum: 0.9, nesterov: true } },
  lion: { optimiser: { kind: 'lion', beta1: 0.9, beta2: 0.99 }, rate: 3e-3 },
  muon: { optimiser: { kind: 'muon', momentum: 0.95, nesterov: true } },
}
const OPTIONS: { readonly [name: string]: Partial<TrainConfig> } = {
  linear: { schedule: { kind: 'linear' } },
  constant: { schedule: { kind: 'constant' } },
  trapezoid: { schedule: { kind: 'trapezoid', fall: 4 } },
  'inverse square root': { schedule: { kind: 'inverse-sqrt' } },
  'three passes a step': { accumulate: 3 },
  'an average': { average: 0.9 },
  'clipped by value': { clipValue: 0.01 },
  groups: { groups: { head: { rate: 0.5, decay: 0 }, vector: { rate: 2 } } },
  'parameters in bf16': { precision: { parameters: 'bf16' } },
  'parameters in bf16, rounded at random': { precision: { parameters: 'bf16', rounding: 'stochastic' } },
  'parameters in bf16 over a master': { precision: { parameters: 'bf16', master: true } },
  'activations in bf16': { precision: { activations: 'bf16' } },
  'moments in bf16': { precision: { moments: 'bf16', rounding: 'stochastic' } },
  'smoothed targets': { smoothing: 0.1 },
  'z-loss': { zLoss: 0.01 },
  'all at once': {
    ...OPTIMISERS.muon,
    schedule: { kind: 'trapezoid', fall: 4 },
    accumulate: 2,
    average: 0.9,
    clipValue: 0.05,
    groups: { head: { rate: 0.5 } },
    precision: { parameters: 'bf16', activations: 'bf16', moments: 'bf16', rounding: 'stochastic' },
    ...{ smoothing: 0.1, zLoss: 0.01, recompute: true },
  },
}
const CHOICES = Object.entries({ ...OPTIMISERS, ...OPTIONS }).map(([name, more]): [string, TrainConfig] => [
  name,
  { ...base, ...more },
])

const ROWS = 30
const kind = { kind: 'mlp', config: model } as const
const program = (train: TrainConfig): Program =>
  trainProgram({ kind: 'mlp', config: model }, train, { rows: ROWS, dtype: 'f32' })
/** Rows of the four classes: class c has a 1 in three places of its own, among noise. */
const table = (seed: number): Tensor[] => {
  const noise = (i: number): number => (((i + seed) * 2654435761) % 997) / 1994
  const features = Float32Array.from(
    { length: ROWS * 12 },
    (_, i) => noise(i) + (Math.floor((i % 12) / 3) === Math.floor(i / 12) % 4 ? 1 : 0),
  )
  const labels: Tensor = {
    dtype: 'u8',
    shape: [ROWS],
    data: Uint8Array.from({ length: ROWS }, (_, i) => i % 4),
  }
  return [f32Tensor([ROWS, 12], features), labels]
}

test('ten steps of each choice have the bytes of the reference, and lower the loss', async (t) => {
  const wasm = await createWasmExecutor({ threads: 1 })
  for (const [name, train] of CHOICES)
    await t.test(name, async () => {
      const state = initialState(kind, 4, train)
      const wanted = await record(referenceExecutor, { program: program(train), state, inputs: table(0) }, 10)
      assert.deepEqual(await record(wasm, { program: program(train), state, inputs: table(0) }, 10), wanted)
      const losses = Array.from({ length: 10 }, (_, i) => f32Values(wanted[2 * i]!)[0]!)
      assert.ok(Math.min(...losses.slice(6)) < losses[0]!, `${losses}`)
      const learned = trainedParameters(kind, train, wanted.slice(20))
      assert.equal(learned.length, 6)
      for (const tensor of learned) assert.ok(f32Values(tensor).every(Number.isFinite))
    })
  await wasm.close()
})

test('all choices at once have the same bytes on two threads, with exact fma, and not fused', async () => {
  const train = { ...base, ...OPTIONS['all at once'] }
  const run = (executor: Executor): Promise<Tensor[]> =>
    record(executor, { program: program(train), state: initialState(kind, 4, train), inputs: table(0) }, 5)
  const wanted = await run(referenceExecutor)
  for (const options of [
    { threads: 2 },
    { threads: 1, relaxed: 'off' },
    { threads: 1, fuse: { inline: false, group: false } },
  ] as const) {
    const wasm = await createWasmExecutor(options)
    const seen = await run(wasm)
    await wasm.close()
    assert.deepEqual(seen, wanted, JSON.stringify(options))
  }
})

test('two workers are merged after each round whatever the optimiser, to the same bytes everywhere', async (t) => {
  const wasm = await createWasmExecutor({ threads: 1 })
  for (const name of Object.keys(OPTIMISERS))
    await t.test(name, async () => {
      const train = { ...base, ...OPTIMISERS[name], average: 0.5 }
      const merge = averageProgram(program(train).state, 2)
      const rounds = async (executor: Executor): Promise<Tensor[]> => {
        let state = initialState(kind, 4, train)
        for (let round = 0; round < 2; round++) {
          const workers: Tensor[][] = []
          for (const seed of [0, 7]) {
            const all = await record(executor, { program: program(train), state, inputs: table(seed) }, 3)
            workers.push(all.slice(6))
          }
          const merged = await record(
            executor,
            { program: merge, state: workers[0]!, inputs: workers.flat() },
            1,
          )
          state = merged.slice(1)
          for (const [i, { dtype }] of state.entries())
            if (dtype === 'f32')
              for (const [k, mean] of f32Values(state[i]!).entries()) {
                const [a, b] = workers.map((w) => f32Values(w[i]!)[k]!)
                assert.equal(mean, Math.fround(Math.fround(a! + b!) / 2))
              }
        }
        return state
      }
      assert.deepEqual(await rounds(wasm), await rounds(referenceExecutor))
    })
  await wasm.close()
})

test('passes of a step are the batches of that many steps, of one state', async () => {
  // Without an update both see the same weights: a rate of 0 leaves the loss of the passes to be compared.
  const still = { ...base, rate: 0, warmup: 0 }
  const state = initialState(kind, 4, still)
  const single = await record(referenceExecutor, { program: program(still), state, inputs: table(0) }, 6)
  const losses = Array.from({ length: 6 }, (_, i) => f32Values(single[2 * i]!)[0]!)
  const thrice = { ...still, accumulate: 3 }
  const outputs = await record(referenceExecutor, { program: program(thrice), state, inputs: table(0) }, 2)
  for (const step of [0, 1]) {
    const [a, b, c] = losses.slice(3 * step)
    const [x, y, z] = [a!, b!, c!].map((loss) => Math.fround(loss / 3)) as [number, number, number]
    assert.equal(f32Values(outputs[2 * step]!)[0], Math.fround(Math.fround(x + y) + z))
  }
})

test('the gradient of a step is the mean over its passes', async () => {
  const descent = { ...base, ...OPTIMISERS['plain descent'], rate: 1, warmup: 0, clip: 0, decay: 0 }
  const still = { ...descent, schedule: { kind: 'constant' } } as const
  const state = initialState(kind, 4, still)
  const at = (step: number): Tensor[] => state.with(-2, wordTensor(step))
  const after = async (train: TrainConfig, step: number): Promise<Float32Array[]> => {
    const { state: end } = await runReference(program(train), at(step), table(0))
    return end.slice(0, 6).map(f32Values)
  }
  const together = await after({ ...still, accumulate: 3 }, 2)
  const apart = [await after(still, 6), await after(still, 7), await after(still, 8)]
  for (const [i, values] of together.entries())
    for (const [k, value] of values.entries()) {
      const mean = apart.reduce((sum, one) => sum + one[i]![k]! / 3, 0)
      assert.ok(Math.abs(value - mean) < 1e-6, `${value} ${mean}`)
    }
})

test('what nobody chose is the program that it was before there was a choice', () => {
  const named = (train: TrainConfig): string =>
    createHash('sha256')
      .update(encodeProgram(program(train)))
      .digest('hex')
      .slice(0, 16)
  const gpt = { vocab: 16, context: 8, width: 8, layers: 1, heads: 2, dropout: 0.1 }
  const digest = createHash('sha256')
    .update(encodeProgram(trainProgram({ kind: 'gpt', config: gpt }, base, { tokens: 40, dtype: 'u8' })))
    .digest('hex')
  assert.equal(named(base), '1d9399c3c78db603')
  assert.equal(digest.slice(0, 16), 'f9161e6fb5e6025d')
  const absent: Partial<TrainConfig> = {
    ...{ clipValue: 0, accumulate: 1, average: 0, groups: {}, recompute: false, smoothing: 0, zLoss: 0 },
    precision: { parameters: 'f32', activations: 'f32', moments: 'f32', rounding: 'stochastic' },
    ...{ optimiser: { kind: 'adamw' }, schedule: { kind: 'cosine' } },
  }
  assert.equal(named({ ...base, ...absent }), named(base))
})
