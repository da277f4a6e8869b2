import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gradients, traceProgram } from '@lockstep/tensor'
import { runReference } from '../../test/run.ts'
import { f32Tensor, f32Values, ModelError, policyProgram, u32Tensor } from '../index.ts'
import { DEFAULT_TRAIN } from './config.ts'
import { type PolicyConfig, policyLoss } from './policy-loss.ts'

const B = 4
const T = 3
const f32s = { dtype: 'f32', shape: [B, T] } as const
const types = {
  logs: f32s,
  old: f32s,
  reference: f32s,
  advantage: { dtype: 'f32', shape: [B, 1] },
  counts: { dtype: 'u32', shape: [B, T] },
} as const

// Ratios far under, a little under, a little over and far over 1, for rows better and worse than their group.
const old = [-1, -2, -3, -1, -2, -3, -1, -2, -3, -0.5, -0.25, -4]
const moved = [-1, -0.1, 0.1, 0.7, 0.5, -0.4, 0.15, -0.15, 0.3, -0.05, 0.26, -0.24]
const logs = old.map((x, i) => x + moved[i]!)
const reference = logs.map((x, i) => x + [0.5, -0.25, 0][i % 3]!)
const advantage = [1.5, -0.75, -1.25, 0.5]
const counts = [1, 1, 1, 1, 1, 0, 1, 1, 1, 0, 1, 1]

const run = async (config: PolicyConfig, mask: readonly number[] = counts, given = logs) => {
  const program = traceProgram({ state: {}, inputs: types }, (_, parts) => {
    const loss = policyLoss(parts, config)
    return { outputs: { loss, slope: gradients(loss, { logs: parts.logs }).logs } }
  })
  const f = (shape: number[], values: readonly number[]) => f32Tensor(shape, Float32Array.from(values))
  const { outputs } = await runReference(
    program,
    [],
    [f([B, T], given), f([B, T], old), f([B, T], reference), f([B, 1], advantage), u32Tensor([B, T], mask)],
  )
  return { loss: f32Values(outputs[0]!)[0]!, slope: f32Values(outputs[1]!) }
}

/** The same formula, and its derivative by hand, in float64. */
const wanted = ({ low = 0.2, high = 0.28, kl = 0 }: PolicyConfig) => {
  const n = counts.reduce((a, b) => a + b, 0)
  const terms = logs.map((log, i) => {
    if (!counts[i]) return { loss: 0, slope: 0 }
    const a = advantage[Math.floor(i / T)]!
    const r = Math.exp(log - old[i]!)
    const kept = Math.min(Math.max(r, 1 - low), 1 + high)
    const isFree = r * a <= kept * a
    const d = reference[i]! - log
    return {
      loss: (-Math.min(r * a, kept * a) + kl * (Math.exp(d) - d - 1)) / n,
      slope: ((isFree ? -r * a : 0) + kl * (1 - Math.exp(d))) / n,
    }
  })
  return { loss: terms.reduce((s, t) => s + t.loss, 0), slope: terms.map((t) => t.slope) }
}

test('the loss of a policy and its gradient are those of the formula in float64, within 1e-6', async () => {
  for (const config of [{}, { low: 0.1, high: 0.1 }, { kl: 0.4 }, { low: 1, high: 5, kl: 0.1 }]) {
    const [got, right] = [await run(config), wanted(config)]
    const what = JSON.stringify(config)
    assert.ok(Math.abs(got.loss - right.loss) < 1e-6, `${what}: ${got.loss}, ${right.loss}`)
    for (const [i, slope] of right.slope.entries())
      assert.ok(Math.abs(got.slope[i]! - slope) < 1e-6, `${what} at ${i}: ${got.slope[i]}, ${slope}`)
  }
})

test('what no token counts for is 0 and moves nothing, whatever stands there', async () => {
  const wild = logs.map((x, i) => (counts[i] ? x : [1e30, Number.NEGATIVE_INFINITY, 500][i % 3]!))
  const [got, right] = [await run({ kl: 0.4 }, counts, wild), await run({ kl: 0.4 })]
  assert.equal(got.loss, right.loss)
  assert.deepEqual(got.slope, right.slope)
  const none = await run({}, new Array(B * T).fill(0))
  assert.equal(none.loss, 0)
  assert.ok(none.slope.every((x) => x === 0))
})

test('a ratio that would overflow stays finite', async () => {
  const { loss, slope } = await run(
    {},
    counts,
    logs.map((x) => x + 1000),
  )
  assert.ok(Number.isFinite(loss))
  assert.ok(slope.every(Number.isFinite))
})

test('bounds that are none are refused by name', () => {
  const model = {
    kind: 'gpt',
    config: { vocab: 5, context: 4, width: 4, layers: 1, heads: 1, dropout: 0 },
  } as const
  const program = (policy: PolicyConfig, rows = 8, batch = 8) =>
    policyProgram(model, { ...DEFAULT_TRAIN, batch }, { rows, length: 5, dtype: 'u32' }, policy)
  for (const policy of [{ low: 2 }, { high: -1 }, { kl: Number.NaN }, { clip: 1 } as PolicyConfig])
    assert.throws(
      () => program(policy),
      (e) => e instanceof ModelError && e.field.startsWith('policy.'),
    )
  assert.throws(
    () => program({}, 24, 8),
    (e) => e instanceof ModelError && e.field === 'train.batch',
  )
})
