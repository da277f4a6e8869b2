import assert from 'node:assert/strict'
import { test } from 'node:test'
import { map, philox as philoxInProgram, runScalar, traceProgram, traceScalar } from '@lockstep/tensor'
import { runReference } from '../../test/run.ts'
import {
  byteTokenizer,
  DEFAULT_TRAIN,
  evaluateProgram,
  f32Tensor,
  f32Values,
  initialState,
  splitCorpus,
  type TrainConfig,
  trainBpe,
  trainProgram,
  wordTensor,
} from '../index.ts'
import { philox } from '../init/philox.ts'
import { adamw } from './adamw.ts'
import { drawPlaces } from './draw.ts'
import { rateAt, type Schedule } from './schedule.ts'

const word = { dtype: 'u32', shape: [1] } as const
const words = (tensor: { data: Uint8Array }): Uint32Array => new Uint32Array(tensor.data.slice().buffer)
const block = (counter: [number, number, number, number], key: [number, number]): number[] => {
  const out = new Uint32Array(4)
  philox(out, counter, key)
  return [...out]
}

test('philox in a program gives the words of philox in plain integers', () => {
  for (const n of [0, 1, 2, 3] as const) {
    const program = traceScalar(
      ['u', 'u', 'u', 'u', 'u', 'u'],
      (a, b, c, d, k, l) => philoxInProgram([a, b, c, d], [k, l])[n],
    )
    for (const args of [
      [0, 0, 0, 0, 0, 0],
      [1, 2, 3, 4, 5, 6],
      [0xffffffff, 0x80000000, 7, 0xdeadbeef, 0xcafe, 0xffffffff],
    ] as const) {
      const [a, b, c, d, k, l] = args
      assert.equal(runScalar(program, args), block([a, b, c, d], [k, l])[n])
    }
  }
})

test('a batch is drawn from (seed, step): every place alike, the same again in a re-run', async () => {
  const program = traceProgram({ state: { step: word, seed: word } }, ({ step, seed }) => ({
    state: { step: map([step], (s) => s.add(1)) },
    outputs: { places: drawPlaces(64, 10, step, seed) },
  }))
  const counts = new Array<number>(10).fill(0)
  for (let step = 0; step < 40; step++) {
    const { outputs } = await runReference(program, [wordTensor(step), wordTensor(9)], [])
    for (const [row, place] of words(outputs[0]!).entries()) {
      assert.equal(place, Math.floor((block([row, step, 0, 0], [9, 1])[0]! * 10) / 2 ** 32))
      counts[place]!++
    }
  }
  // 2560 draws, 256 expected in each of 10 places: chi-square with 9 degrees of freedom is below 27.9 in 999 of 1000.
  assert.ok(counts.reduce((s, n) => s + (n - 256) ** 2 / 256, 0) < 27.9)
})

test('the rate rises to its peak in the warm-up and falls along half a cosine', async () => {
  const config: TrainConfig = { ...DEFAULT_TRAIN, steps: 50, warmup: 5, rate: 0.01, lastRate: 0.1 }
  const program = traceProgram({ state: { step: word } }, ({ step }) => ({
    outputs: { rate: rateAt(step, config) },
  }))
  for (const step of [0, 1, 4, 5, 6, 20, 27, 49, 50, 51, 1e6]) {
    const { outputs } = await runReference(program, [wordTensor(step)], [])
    const part = Math.min(1, (step - 5) / 45)
    const wanted = step < 5 ? (0.01 * (step + 1)) / 5 : 0.001 + 0.0045 * (1 + Math.cos(Math.PI * part))
    assert.ok(Math.abs(f32Values(outputs[0]!)[0]! - wanted) < 1e-8, `step ${step}`)
  }
})

test('other schedules go from the peak as they say, with a warm-up and without', async () => {
  const line = (part: number): number => 0.01 - 0.009 * Math.min(1, Math.max(0, part))
  for (const warmup of [0, 5]) {
    const wanted: readonly [Schedule, (step: number) => number][] = [
      [{ kind: 'constant' }, () => 0.01],
      [{ kind: 'linear' }, (s) => line((s - warmup) / (50 - warmup))],
      [{ kind: 'trapezoid', fall: 20 }, (s) => line((s - 30) / 20)],
      [{ kind: 'inverse-sqrt' }, (s) => Math.max(0.001, 0.01 * Math.sqrt(Math.max(warmup, 1) / (s + 1)))],
    ]
    for (const [schedule, rate] of wanted) {
      const config = { ...DEFAULT_TRAIN, steps: 50, warmup, rate: 0.01, lastRate: 0.1, schedule }
      const program = traceProgram({ state: { step: word } }, ({ step }) => ({
        outputs: { rate: rateAt(step, config) },
      }))
      for (const step of [0, 4, 5, 6, 29, 30, 31, 40, 49, 50, 51, 400, 1e6]) {
        const { outputs } = await runReference(program, [wordTensor(step)], [])
        const at = step < warmup ? (0.01 * (step + 1)) / 5 : rate(step)
        assert.ok(Math.abs(f32Values(outputs[0]!)[0]! - at) < 2e-9, `${schedule.kind} ${warmup} ${step}`)
      }
    }
  }
})

test('AdamW corrects its moments for the step, late steps too', async () => {
  const type = { dtype: 'f32', shape: [1] } as const
  const config = { ...DEFAULT_TRAIN, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.1, clip: 2 }
  const program = traceProgram(
    { state: { step: word }, inputs: { p: type, g: type, m: type, v: type, rate: type, norm: type } },
    ({ step }, { p, g, m, v, rate, norm }) => {
      const learned = { decays: true, value: p, gradient: g, first: m, second: v } as const
      return { outputs: { value: adamw([learned], config, { step, rate, norm })[0]!.value } }
    },
  )
  const [p, g, m, v, rate] = [0.5, 0.25, -0.125, 0.0625, 0.125]
  for (const [step, norm] of [
    [0, 1],
    [1, 4],
    [999, 1],
    [100_000, 3],
  ] as const) {
    const inputs = [p, g, m, v, rate, norm].map((x) => f32Tensor([1], Float32Array.of(x)))
    const { outputs } = await runReference(program, [wordTensor(step)], inputs)
    const clipped = g * Math.min(1, 2 / norm)
    const first = (0.9 * m + 0.1 * clipped) / (1 - 0.9 ** (step + 1))
    const second = (0.999 * v + 0.001 * clipped ** 2) / (1 - 0.999 ** (step + 1))
    const wanted = p * (1 - rate * 0.1) - (rate * first) / (Math.sqrt(second) + 1e-8)
    assert.ok(Math.abs(f32Values(outputs[0]!)[0]! - wanted) < 1e-6 * Math.abs(wanted) + 1e-7, `step ${step}`)
  }
})

test('without momentum and clipping AdamW divides the gradient by its own size', async () => {
  const type = { dtype: 'f32', shape: [1] } as const
  const config = { ...DEFAULT_TRAIN, beta1: 0, beta2: 0, epsilon: 1e-8, decay: 0, clip: 0 }
  const program = traceProgram({ state: { step: word }, inputs: { x: type } }, ({ step }, { x }) => {
    const learned = { decays: true, value: x, gradient: x, first: x, second: x } as const
    return { outputs: { value: adamw([learned], config, { step, rate: x, norm: x })[0]!.value } }
  })
  for (const step of [0, 5]) {
    const { outputs } = await runReference(program, [wordTensor(step)], [f32Tensor([1], Float32Array.of(4))])
    assert.equal(f32Values(outputs[0]!)[0], 0) // 4 - 4 * 4 / (4 + 1e-8)
  }
})

test('a corpus is split by bytes, and tokens are as narrow as the vocabulary allows', () => {
  const text = new TextEncoder().encode('the cat sat on the mat and the hat '.repeat(20))
  const bytes = splitCorpus(text, byteTokenizer, 65)
  assert.equal(bytes.heldOut.shape[0], 70)
  assert.equal(bytes.train.dtype, 'u8')
  assert.deepEqual(Buffer.concat([bytes.train.data, bytes.heldOut.data]), Buffer.from(text))
  const tokenizer = trainBpe(text, 300)
  const merged = splitCorpus(text, tokenizer, 2)
  assert.equal(merged.train.dtype, 'u32')
  assert.deepEqual(tokenizer.decode(words(merged.heldOut)), new Uint8Array(text.subarray(630)))
  assert.throws(() => splitCorpus(text, byteTokenizer, 71), { code: 'corpus-invalid' })
  assert.throws(() => splitCorpus(text, byteTokenizer, 2, 1), { code: 'corpus-invalid' })
})

test('training programs refuse what is beyond their limits', () => {
  const gpt = { vocab: 16, context: 8, width: 8, layers: 1, heads: 2, dropout: 0 }
  const corpus = { tokens: 9, dtype: 'u8' } as const
  const refused = (fn: () => unknown, field: string): void => assert.throws(fn, { name: 'ModelError', field })
  refused(
    () => trainProgram({ kind: 'gpt', config: gpt }, DEFAULT_TRAIN, { ...corpus, tokens: 8 }),
    'corpus.tokens',
  )
  refused(
    () => trainProgram({ kind: 'gpt', config: gpt }, { ...DEFAULT_TRAIN, batch: 0 }, corpus),
    'train.batch',
  )
  refused(
    () => trainProgram({ kind: 'gpt', config: gpt }, { ...DEFAULT_TRAIN, warmup: 1001 }, corpus),
    'train.warmup',
  )
  refused(
    () => trainProgram({ kind: 'gpt', config: gpt }, { ...DEFAULT_TRAIN, rate: Number.NaN }, corpus),
    'train.rate',
  )
  refused(
    () => trainProgram({ kind: 'gpt', config: gpt }, { ...DEFAULT_TRAIN, beta: 1 } as never, corpus),
    'train.beta',
  )
  const choices: readonly [choice: object, field: string][] = [
    [{ optimiser: { kind: 'adagrad' } }, 'train.optimiser.kind'],
    [{ optimiser: { kind: 'sgd', momentum: 1, nesterov: false } }, 'train.optimiser.momentum'],
    [{ optimiser: { kind: 'sgd', momentum: 0.9 } }, 'train.optimiser.nesterov'],
    [{ optimiser: { kind: 'lion', beta1: 0.9, beta2: 0.99, momentum: 0 } }, 'train.optimiser.momentum'],
    [{ schedule: { kind: 'step' } }, 'train.schedule.kind'],
    [{ schedule: { kind: 'trapezoid', fall: 961 } }, 'train.schedule.fall'],
    [{ groups: { gain: {} } }, 'train.groups.gain'],
    [{ groups: { head: { rate: -1 } } }, 'train.groups.head.rate'],
    [{ groups: { head: 1 } }, 'train.groups.head'],
    [{ accumulate: 0 }, 'train.accumulate'],
    [{ recompute: 1 }, 'train.recompute'],
    [{ average: 1 }, 'train.average'],
    [{ clipValue: -1 }, 'train.clipValue'],
    [{ precision: { parameters: 'f16' } }, 'train.precision.parameters'],
    [{ precision: { rounding: 'up' } }, 'train.precision.rounding'],
    [{ precision: 'bf16' }, 'train.precision'],
    [{ smoothing: 1 }, 'train.smoothing'],
    [{ zLoss: -1 }, 'train.zLoss'],
  ]
  for (const [choice, field] of choices)
    refused(
      () =>
        trainProgram({ kind: 'gpt', config: gpt }, { ...DEFAULT_TRAIN, ...choice } as TrainConfig, corpus),
      field,
    )
})

test('an MLP learns exclusive or, and says how many rows it gets right', async () => {
  const model = { features: 2, hidden: [8], classes: 2 }
  const train = { ...DEFAULT_TRAIN, batch: 4, steps: 150, warmup: 5, rate: 0.05, decay: 0 }
  const inputs = [
    f32Tensor([4, 2], Float32Array.of(0, 0, 0, 1, 1, 0, 1, 1)),
    { dtype: 'u8', shape: [4], data: Uint8Array.of(0, 1, 1, 0) } as const,
  ]
  const program = trainProgram({ kind: 'mlp', config: model }, train, { rows: 4, dtype: 'f32' })
  const { state } = await runReference(program, initialState({ kind: 'mlp', config: model }, 3), inputs, 150)
  const evaluate = evaluateProgram({ kind: 'mlp', config: model }, 2, { rows: 4, dtype: 'f32' })
  const { outputs } = await runReference(
    evaluate,
    [wordTensor(0), f32Tensor([1], new Float32Array(1)), wordTensor(0)],
    [...state.slice(0, 4), ...inputs],
    2,
  )
  assert.ok(f32Values(outputs[0]!)[0]! < 0.2)
  assert.equal(words(outputs[1]!)[0], 4)
})
