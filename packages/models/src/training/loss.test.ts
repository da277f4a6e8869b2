import assert from 'node:assert/strict'
import { test } from 'node:test'
import { traceProgram } from '@lockstep/tensor'
import { runReference } from '../../test/run.ts'
import { DEFAULT_TRAIN, f32Tensor, f32Values } from '../index.ts'
import { lossWith } from './loss.ts'

test('targets are smoothed and large logits cost something, as in float64', async () => {
  const logits = [
    [2, -1, 0.5, 3],
    [-4, 0.25, 1, 1],
  ]
  const targets = [2, 0]
  const total = logits.map((row) => Math.log(row.reduce((s, x) => s + Math.exp(x), 0)))
  const program = (smoothing: number, zLoss: number) =>
    traceProgram(
      { state: {}, inputs: { x: { dtype: 'f32', shape: [2, 4] }, t: { dtype: 'u8', shape: [2] } } },
      (_, { x, t }) => ({ outputs: { loss: lossWith({ ...DEFAULT_TRAIN, smoothing, zLoss })(x, t) } }),
    )
  const inputs = [
    f32Tensor([2, 4], Float32Array.from(logits.flat())),
    { dtype: 'u8', shape: [2], data: Uint8Array.from(targets) } as const,
  ]
  for (const [smoothing, zLoss] of [
    [0, 0],
    [0.2, 0],
    [0, 0.03],
    [0.2, 0.03],
  ] as const) {
    const { outputs } = await runReference(program(smoothing, zLoss), [], inputs)
    const wanted = logits.map((row, r) => {
      const sure = total[r]! - row[targets[r]!]!
      const even = row.reduce((s, x) => s + (total[r]! - x) / 4, 0)
      return ((1 - smoothing) * sure + smoothing * even + zLoss * total[r]! ** 2) / 2
    })
    const loss = wanted[0]! + wanted[1]!
    assert.ok(Math.abs(f32Values(outputs[0]!)[0]! - loss) < 1e-6, `${smoothing} ${zLoss}`)
  }
})
