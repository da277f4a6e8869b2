import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createWasmExecutor, type Tensor } from '@lockstep/tensor'
import {
  DEFAULT_RESNET,
  DEFAULT_TRAIN,
  evaluateProgram,
  f32Tensor,
  f32Values,
  initialState,
  loadModel,
  parametersOf,
  saveModel,
  trainProgram,
  u32Values,
  wordTensor,
} from '../src/index.ts'

/** Pictures of 8x8 places in noise: a bar that lies, one that stands, one that leans either way, anywhere. */
const pictures = (count: number, seed: number): [features: Tensor, labels: Tensor] => {
  let x = seed
  const next = (below: number): number => {
    x = (Math.imul(1664525, x) + 1013904223) >>> 0
    return Math.floor((x / 2 ** 32) * below)
  }
  const features = Uint8Array.from({ length: 64 * count }, () => next(120))
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 4)
  for (const [i, label] of labels.entries()) {
    const [row, column] = [2 + next(3), 2 + next(3)]
    for (let k = -2; k <= 2; k++) {
      const [down, right] = [label === 0 ? 0 : k, label === 1 ? 0 : label === 3 ? -k : k]
      features[64 * i + 8 * (row + down) + column + right] = 180 + next(70)
    }
  }
  return [
    { dtype: 'u8', shape: [count, 64], data: features },
    { dtype: 'u8', shape: [count], data: labels },
  ]
}

test('a small ResNet learns to tell bars by their slope: trained, saved, loaded, evaluated on other pictures', async () => {
  const stages = [
    { width: 8, blocks: 1 },
    { width: 16, blocks: 1 },
  ]
  const model = { kind: 'resnet', config: { ...DEFAULT_RESNET, stages, classes: 4 } } as const
  const train = { ...DEFAULT_TRAIN, batch: 32, steps: 60, warmup: 5, rate: 0.01 }
  const executor = await createWasmExecutor({ threads: 1 })
  try {
    const runner = await executor.compile(
      trainProgram(model, train, { rows: 512, dtype: 'u8' }),
      pictures(512, 1),
    )
    runner.load(initialState(model, 1, train))
    await runner.step(train.steps)
    const parameters = runner.state().slice(0, parametersOf(model).length)
    runner.close()
    const trained = loadModel(saveModel({ model, parameters }))
    assert.deepEqual(trained, { model, parameters })
    const evaluation = await executor.compile(evaluateProgram(model, 64, { rows: 256, dtype: 'u8' }), [
      ...trained.parameters,
      ...pictures(256, 2),
    ])
    evaluation.load([wordTensor(0), f32Tensor([1], new Float32Array(1)), wordTensor(0)])
    await evaluation.step(4)
    const [loss, right] = evaluation.outputs()
    evaluation.close()
    const accuracy = u32Values(right!)[0]! / 256
    assert.ok(accuracy > 0.9, `${accuracy} of other pictures, loss ${f32Values(loss!)[0]}`)
  } finally {
    await executor.close()
  }
})
