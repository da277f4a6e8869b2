import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trainedParameters } from '@lockstep/models'
import { parseManifest } from '../manifest/parse.ts'
import { planFrom, trainingOf } from './training.ts'

const text = new TextEncoder().encode(
  'a manifest chooses how a model is trained, and everybody can check it. '.repeat(9),
)

const CHOICES: readonly object[] = [
  {},
  { optimiser: { kind: 'adam' } },
  { optimiser: { kind: 'sgd', nesterov: true } },
  { optimiser: { kind: 'sgd', momentum: 0 } },
  { optimiser: { kind: 'lion' } },
  { optimiser: { kind: 'muon' } },
  { schedule: { kind: 'trapezoid', fall: 3 }, accumulate: 3, recompute: true, average: 0.9 },
  {
    schedule: { kind: 'inverse-sqrt' },
    smoothing: 0.1,
    zLoss: 1e-3,
    clipValue: 1,
    groups: { embedding: { rate: 0.5 } },
  },
  { precision: { parameters: 'bf16', activations: 'bf16', moments: 'bf16', rounding: 'stochastic' } },
  { precision: { parameters: 'bf16', master: true }, optimiser: { kind: 'muon', nesterov: false } },
]

test('each way to train that a manifest chooses is a task: every node can be judged, and the state fits the program', () => {
  const ids = new Set<string>()
  for (const choice of CHOICES) {
    const manifest = {
      data: { text: 'a.txt' },
      model: { layers: 1, width: 16, heads: 2, context: 8 },
      training: { batch: 2, steps: 10, warmup: 2, ...choice },
      segments: { every: 5 },
    }
    const plan = planFrom(parseManifest(new TextEncoder().encode(JSON.stringify(manifest))), text)
    const { task, model, train } = trainingOf(plan) // planFrom throws where a node is beyond what a referee can judge
    const name = JSON.stringify(choice)
    assert.deepEqual(
      task.initial.map(({ dtype, shape }) => [dtype, shape]),
      plan.program.state.map(({ dtype, shape }) => [dtype, shape]),
      name,
    )
    assert.ok(
      trainedParameters(model, train, task.initial).every(({ dtype }) => dtype === 'f32'),
      name,
    )
    ids.add(String(task.committed.id))
  }
  assert.equal(ids.size, CHOICES.length)
})
