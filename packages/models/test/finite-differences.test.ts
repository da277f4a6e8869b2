import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crossEntropy, type Grid, gradients, type TensorType, traceProgram } from '@lockstep/tensor'
import { evaluate } from '../../tensor/test/doubles.ts'
import { gptLoss } from '../src/gpt/train.ts'
import { type Model, parametersOf } from '../src/index.ts'
import { mlpLogits } from '../src/mlp/train.ts'

const lcg = (seed: number): (() => number) => {
  let x = seed
  return () => {
    x = (Math.imul(1664525, x) + 1013904223) >>> 0
    return x / 2 ** 32
  }
}

type Given = { readonly [name: string]: Grid }
type LossOf = (weights: (name: string) => Grid<'f'>, given: Given) => Grid<'f'>

/** Every gradient that a step's update is made of, against central differences of the loss, both in doubles. */
const agrees = (
  model: Model,
  inputs: { [name: string]: TensorType },
  values: { [name: string]: number[] },
  lossOf: LossOf,
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
    const loss = lossOf((name) => found[name] as Grid<'f'>, given)
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
      assert.ok(Math.abs(exact[i]![k]! - difference) < 1e-8, `${name}[${k}]: ${exact[i]![k]}, ${difference}`)
    }
  })
}

test("a GPT's gradients are the finite differences of its loss, dropout included", () => {
  const config = { vocab: 7, context: 4, width: 6, layers: 2, heads: 3, dropout: 0.2 }
  const word = { dtype: 'u32', shape: [1] } as const
  const inputs = { windows: { dtype: 'u32', shape: [2, 5] }, step: word, seed: word } as const
  const values = { windows: [1, 4, 4, 2, 6, 3, 0, 5, 1, 1], step: [3], seed: [8] }
  agrees({ kind: 'gpt', config }, inputs, values, (weights, { windows, step, seed }) =>
    gptLoss(config, weights, windows as Grid<'u'>, {
      part: config.dropout,
      step: step as Grid<'u'>,
      seed: seed as Grid<'u'>,
    }),
  )
})

test("an MLP's gradients are the finite differences of its loss", () => {
  const config = { features: 4, hidden: [6, 5], classes: 3 }
  const next = lcg(3)
  const inputs = { rows: { dtype: 'f32', shape: [5, 4] }, labels: { dtype: 'u32', shape: [5] } } as const
  const values = { rows: Array.from({ length: 20 }, () => next() - 0.5), labels: [0, 2, 1, 1, 0] }
  agrees({ kind: 'mlp', config }, inputs, values, (weights, { rows, labels }) =>
    crossEntropy(mlpLogits(config, weights, rows as Grid<'f'>), labels as Grid<'u'>),
  )
})
