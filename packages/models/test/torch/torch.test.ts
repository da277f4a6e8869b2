import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Program, referenceExecutor, type Tensor } from '@lockstep/tensor'
import {
  decodeSafetensors,
  f32Tensor,
  f32Values,
  type GptConfig,
  initialState,
  type LlamaConfig,
  type MlpConfig,
  type Model,
  parametersOf,
  type ResnetConfig,
  type TrainConfig,
  trainProgram,
} from '../../src/index.ts'

/** What make.py wrote: torch's losses, gradient norms, first gradients and parameters, in float64. */
type Made<C> = {
  readonly config: C
  readonly train: TrainConfig
  readonly seed: number
  readonly losses: readonly number[]
  readonly norms: readonly number[]
}
const read = <C>(name: string): { made: Made<C>; values: (name: string) => Float32Array } => {
  const { tensors, metadata } = decodeSafetensors(
    readFileSync(new URL(`${name}.safetensors`, import.meta.url)),
  )
  return { made: JSON.parse(metadata.get('made')!), values: (key) => f32Values(tensors.get(key)!) }
}

/** The top bytes of a linear congruential generator: make.py has the same, so that only results are stored. */
const lcg = (seed: number, count: number): number[] => {
  let x = seed
  return Array.from({ length: count }, () => {
    x = (Math.imul(1664525, x) + 1013904223) >>> 0
    return x >>> 24
  })
}

const stateOf = (model: Model, seed: number, train?: TrainConfig): Tensor[] => {
  const parameters = parametersOf(model).map(({ name, shape }, place) => {
    const bytes = lcg(
      1000 + place,
      shape.reduce((n, d) => n * d, 1),
    )
    return f32Tensor(
      shape,
      Float32Array.from(bytes, (b) => (b - 128) / 512 + (name.endsWith('gain') ? 1 : 0)),
    )
  })
  return initialState(model, seed, train).map((tensor, i) => parameters[i] ?? tensor)
}

/**
 * Where float32 rounding may lead. A gradient is a sum of products through some sixteen rounded operations in a row, each off by
 * 2^-24 of values up to the gradient's norm: 2^-24 * 16 * norm. AdamW divides by at least epsilon, so an update is
 * off by rate / epsilon times that at most, each step, and by the rounding of the parameter itself.
 */
const ULP = 2 ** -24
const compare = async (name: string, model: Model, program: Program, inputs: Tensor[]): Promise<void> => {
  const { made, values } = read(name)
  const { rate, epsilon, clip, beta1 } = made.train
  const runner = await referenceExecutor.compile(program, inputs)
  runner.load(stateOf(model, made.seed))
  const names = parametersOf(model).map((p) => p.name)
  let worst = 0 // error as a part of the tolerance
  const near = (what: string, got: number, wanted: number, tolerance: number): void => {
    const part = Math.abs(got - wanted) / tolerance
    assert.ok(part <= 1, `${what}: ${got}, torch has ${wanted}, tolerance ${tolerance}`)
    worst = Math.max(worst, part)
  }
  const gradientError = 16 * ULP * made.norms[0]!
  for (const [step, loss] of made.losses.entries()) {
    await runner.step()
    const [ourLoss, ourNorm] = runner.outputs().map((t) => f32Values(t)[0]!)
    near(`loss of step ${step}`, ourLoss!, loss, 16 * ULP * loss)
    near(`norm of step ${step}`, ourNorm!, made.norms[step]!, 64 * ULP * made.norms[step]!)
    const state = runner.state()
    for (const [i, parameter] of names.entries()) {
      if (step === 0) {
        // The first moment is (1 - beta1) * clipped gradient.
        const scale = (1 - beta1) * Math.min(1, clip / made.norms[0]!)
        const wanted = values(`gradient.${parameter}`)
        for (const [k, m] of f32Values(state[names.length + i]!).entries()) {
          near(`gradient of ${parameter}[${k}]`, m / scale, wanted[k]!, gradientError)
        }
      }
      if (step !== 0 && step !== made.losses.length - 1) continue
      const wanted = values(`after${step + 1}.${parameter}`)
      for (const [k, p] of f32Values(state[i]!).entries()) {
        const drift = ((step + 1) * rate * gradientError) / epsilon
        near(`${parameter}[${k}] after step ${step}`, p, wanted[k]!, drift + 4 * ULP * Math.abs(wanted[k]!))
      }
    }
  }
  console.log(`${name}: the largest error is ${worst.toFixed(2)} of its tolerance`)
}

test('a GPT trains as it does in torch: loss, gradients, clipped AdamW, schedule, order of data', async () => {
  const { made } = read<GptConfig & object>('gpt')
  const tokens = lcg(1, 50).map((b) => b % made.config.vocab)
  const program = trainProgram({ kind: 'gpt', config: made.config }, made.train, { tokens: 50, dtype: 'u8' })
  const corpus: Tensor = { dtype: 'u8', shape: [50], data: Uint8Array.from(tokens) }
  await compare('gpt', { kind: 'gpt', config: made.config }, program, [corpus])
})

test('an MLP trains as it does in torch', async () => {
  const { made } = read<MlpConfig>('mlp')
  const { features, classes } = made.config
  const program = trainProgram({ kind: 'mlp', config: made.config }, made.train, { rows: 11, dtype: 'f32' })
  const table = f32Tensor(
    [11, features],
    Float32Array.from(lcg(2, 11 * features), (b) => (b - 128) / 64),
  )
  const labels: Tensor = { dtype: 'u8', shape: [11], data: Uint8Array.from(lcg(3, 11), (b) => b % classes) }
  await compare('mlp', { kind: 'mlp', config: made.config }, program, [table, labels])
})

test('a Llama trains as it does in torch: rotary positions, shared key heads, gates, an untied head', async () => {
  const { made } = read<LlamaConfig>('llama')
  const model = { kind: 'llama', config: made.config } as const
  const tokens = lcg(1, 50).map((b) => b % made.config.vocab)
  const corpus: Tensor = { dtype: 'u8', shape: [50], data: Uint8Array.from(tokens) }
  await compare('llama', model, trainProgram(model, made.train, { tokens: 50, dtype: 'u8' }), [corpus])
})

test('a ResNet trains as it does in torch: convolutions, group norms, strides, the way around', async () => {
  const { made } = read<ResnetConfig>('resnet')
  const model = { kind: 'resnet', config: made.config } as const
  const table = f32Tensor(
    [8, 30],
    Float32Array.from(lcg(2, 240), (b) => (b - 128) / 64),
  )
  const labels: Tensor = { dtype: 'u8', shape: [8], data: Uint8Array.from(lcg(3, 8), (b) => b % 3) }
  await compare('resnet', model, trainProgram(model, made.train, { rows: 8, dtype: 'f32' }), [table, labels])
})

test('gradient descent, momentum and Adam with coupled decay train as they do in torch', async () => {
  const { tensors, metadata } = decodeSafetensors(
    readFileSync(new URL('optimisers.safetensors', import.meta.url)),
  )
  const all: { readonly [name: string]: Made<MlpConfig> } = JSON.parse(metadata.get('made')!)
  assert.equal(Object.keys(all).length, 4)
  for (const [name, { config, train, seed, losses, norms }] of Object.entries(all)) {
    const model = { kind: 'mlp', config } as const
    const table = f32Tensor(
      [11, config.features],
      Float32Array.from(lcg(2, 11 * config.features), (b) => (b - 128) / 64),
    )
    const labels: Tensor = {
      dtype: 'u8',
      shape: [11],
      data: Uint8Array.from(lcg(3, 11), (b) => b % config.classes),
    }
    const program = trainProgram({ kind: 'mlp', config }, train, { rows: 11, dtype: 'f32' })
    const runner = await referenceExecutor.compile(program, [table, labels])
    runner.load(stateOf(model, seed, train))
    for (const [step, loss] of losses.entries()) {
      await runner.step()
      const [ourLoss, norm] = runner.outputs().map((t) => f32Values(t)[0]!)
      assert.ok(Math.abs(ourLoss! - loss) < 16 * ULP * loss, `${name}: loss of step ${step}`)
      assert.ok(Math.abs(norm! - norms[step]!) < 64 * ULP * norms[step]!, `${name}: norm of step ${step}`)
    }
    // As above; Adam divides by its epsilon at least, momentum adds up to ten gradients.
    const gain = train.optimiser?.kind === 'adam' ? 1 / train.epsilon : 10
    const drift = 5 * train.rate * 16 * ULP * norms[0]! * gain
    const state = runner.state()
    for (const [i, { name: parameter }] of parametersOf(model).entries()) {
      const wanted = f32Values(tensors.get(`${name}.after5.${parameter}`)!)
      for (const [k, p] of f32Values(state[i]!).entries())
        assert.ok(
          Math.abs(p - wanted[k]!) < drift + 8 * ULP * Math.abs(wanted[k]!),
          `${name}: ${parameter}[${k}]`,
        )
    }
  }
})
