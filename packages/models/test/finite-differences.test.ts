import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crossEntropy, type Grid, gradients, type TensorType, traceProgram } from '@lockstep/tensor'
import { evaluate } from '../../tensor/test/doubles.ts'
import { type ClassifierModel, type Model, parametersOf } from '../src/index.ts'
import { windowPass } from '../src/language/network.ts'
import { logsOf } from '../src/language/policy.ts'
import { rowsAt } from '../src/language/rows.ts'
import { languageLoss } from '../src/language/train.ts'
import { type Weights, weightsOf } from '../src/layer/weights.ts'
import { networkOf } from '../src/model.ts'
import { policyLoss } from '../src/training/policy-loss.ts'

const lcg = (seed: number): (() => number) => {
  let x = seed
  return () => {
    x = (Math.imul(1664525, x) + 1013904223) >>> 0
    return x / 2 ** 32
  }
}

type Given = { readonly [name: string]: Grid }
type LossOf = (weights: Weights, given: Given) => Grid<'f'>

/** Every gradient that a step's update is made of, against central differences of the loss, both in doubles. */
const agrees = (
  model: Model,
  inputs: { [name: string]: TensorType },
  values: { [name: string]: number[] },
  lossOf: LossOf,
  relative = 0,
): void => {
  const next = lcg(17)
  const parameters = parametersOf(model)
  const data = Object.fromEntries(
    parameters.map((p) => [
      p.name,
      Float64Array.from(
        { length: p.shape.reduce((n, d) => n * d, 1) },
        () => next() - 0.5 + ('constant' in p.init ? p.init.constant : 0),
      ),
    ]),
  )
  let traced: { loss: Grid<'f'>; slopes: { readonly [name: string]: Grid<'f'> } } | undefined
  const state = Object.fromEntries(
    parameters.map((p): [string, TensorType] => [p.name, { dtype: 'f32', shape: p.shape }]),
  )
  traceProgram({ state, inputs }, (found: Given, given: Given) => {
    const loss = lossOf(
      weightsOf((name) => found[name] as Grid<'f'>),
      given,
    )
    traced = { loss, slopes: gradients(loss, found as { [name: string]: Grid<'f'> }) }
    return { outputs: { loss } }
  })
  const { loss, slopes } = traced!
  const source = ({ kind, name }: { kind: string; name: string }): ArrayLike<number> =>
    kind === 'state' ? data[name]! : values[name]!
  const exact = evaluate(Object.values(slopes), source)
  const lossAt = (): number => evaluate([loss], source)[0]![0]!
  const h = 1e-5
  Object.keys(slopes).forEach((name, i) => {
    const at = data[name]!
    // At most four elements of each tensor: every tensor's rule is held to them, and the test stays short.
    const stride = Math.ceil(at.length / 4)
    for (let k = i % stride; k < at.length; k += stride) {
      const value = at[k]!
      at[k] = value + h
      const high = lossAt()
      at[k] = value - h
      const low = lossAt()
      at[k] = value
      const difference = (high - low) / (2 * h)
      const most = 1e-8 + relative * Math.abs(difference)
      assert.ok(Math.abs(exact[i]![k]! - difference) < most, `${name}[${k}]: ${exact[i]![k]}, ${difference}`)
    }
  })
}

const word = { dtype: 'u32', shape: [1] } as const
const inputs = { windows: { dtype: 'u32', shape: [2, 5] }, step: word, seed: word } as const
const values = { windows: [1, 4, 4, 2, 6, 3, 0, 5, 1, 1], step: [3], seed: [8] }

test("a GPT's gradients are the finite differences of its loss, dropout included", () => {
  const config = { vocab: 7, context: 4, width: 6, layers: 2, heads: 3, dropout: 0.2 } as const
  for (const more of [{}, { activation: 'gelu_new', inner: 5, layers: 1, dropout: 0 }] as const) {
    const model = { kind: 'gpt', config: { ...config, ...more } } as const
    agrees(model, inputs, values, (weights, { windows, step, seed }) =>
      languageLoss(networkOf(model), weights, windows as Grid<'u'>, {
        part: model.config.dropout,
        step: step as Grid<'u'>,
        seed: seed as Grid<'u'>,
      }),
    )
  }
})

test("a Llama's gradients are the finite differences of its loss, key heads shared or not, head tied or not", () => {
  const config = { vocab: 7, context: 4, width: 8, layers: 1, heads: 2, inner: 5, theta: 100, epsilon: 1e-5 }
  for (const [keyHeads, tied] of [
    [1, true],
    [2, false],
  ] as const) {
    const model = { kind: 'llama', config: { ...config, keyHeads, tied } } as const
    agrees(model, inputs, values, (weights, { windows }) =>
      languageLoss(networkOf(model), weights, windows as Grid<'u'>),
    )
  }
})

const classifies = (model: ClassifierModel, batch: number, features: number): void => {
  const next = lcg(3)
  const table = {
    rows: { dtype: 'f32', shape: [batch, features] },
    labels: { dtype: 'u32', shape: [batch] },
  } as const
  const given = {
    rows: Array.from({ length: batch * features }, () => next() - 0.5),
    labels: Array.from({ length: batch }, (_, i) => (i * 2) % 3),
  }
  agrees(model, table, given, (weights, { rows, labels }) =>
    crossEntropy(networkOf(model).logits(weights, rows as Grid<'f'>), labels as Grid<'u'>),
  )
}

test("an MLP's gradients are the finite differences of its loss", () => {
  classifies({ kind: 'mlp', config: { features: 4, hidden: [6, 5], classes: 3 } }, 5, 4)
})

test("a ResNet's gradients are the finite differences of its loss", () => {
  const stages = [
    { width: 2, blocks: 1 },
    { width: 4, blocks: 1 },
  ]
  const config = { height: 4, width: 3, channels: 1, stages, groups: 2, classes: 3 }
  classifies({ kind: 'resnet', config }, 2, 12)
})

test("a policy's gradients are the finite differences of its loss through a network", () => {
  const model = {
    kind: 'gpt',
    config: { vocab: 7, context: 4, width: 6, layers: 1, heads: 2, dropout: 0 },
  } as const
  const network = networkOf(model)
  const types = {
    tokens: { dtype: 'u32', shape: [2, 5] },
    from: { dtype: 'u32', shape: [2] },
    until: { dtype: 'u32', shape: [2] },
    advantage: { dtype: 'f32', shape: [2, 1] },
    old: { dtype: 'f32', shape: [2, 4] },
    reference: { dtype: 'f32', shape: [2, 4] },
    places: { dtype: 'u32', shape: [2] },
  } as const
  const given = {
    tokens: [1, 4, 4, 2, 6, 3, 0, 5, 1, 1],
    from: [2, 1],
    until: [5, 4],
    advantage: [0.7, -1.1],
    old: [-2, -1.8, -2.1, -1.7, -2.2, -2, -1.9, -2.3], // ratios on both sides of the bounds
    reference: [-1.5, -2, -2.5, -2, -1.5, -2, -2.5, -2],
    places: [0, 1],
  }
  agrees(
    model,
    types,
    given,
    (weights, parts) => {
      const rows = rowsAt((name) => parts[name]!, parts.places as Grid<'u'>)
      return policyLoss(
        {
          logs: logsOf(network, weights, rows, windowPass()),
          old: parts.old as Grid<'f'>,
          reference: parts.reference as Grid<'f'>,
          advantage: parts.advantage as Grid<'f'>,
          counts: rows.counts,
        },
        { kl: 0.3 },
      )
    },
    2 ** -23,
  ) // the derivative of exp has two constants that are rounded to binary32
})
