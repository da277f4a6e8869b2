import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agrees } from '../../../test/agreement.ts'
import { exp, log, pow, sin, tanh } from '../../scalar/elementary.ts'
import { withGradient } from '../grad/with-gradient.ts'
import { map } from '../map.ts'
import { gelu, geluByTanh, relu, silu } from './activation.ts'
import { mul } from './arithmetic.ts'
import { contract, linear } from './contract.ts'
import { layerNorm, rmsNorm } from './norm.ts'
import { crossEntropies, crossEntropy, logSoftmax, softmax } from './softmax.ts'

test('elementary functions and activations', () => {
  for (const fn of [exp, tanh, sin] as const)
    agrees({ numbers: { a: [6] }, fn: ({ a }) => map([a!], (x) => fn(x)) })
  agrees({ numbers: { a: [6] }, positive: true, fn: ({ a }) => map([a!], (x) => log(x).mul(pow(x, 1.5))) })
  for (const fn of [relu, gelu, geluByTanh, silu]) agrees({ numbers: { a: [8] }, fn: ({ a }) => fn(a!) })
})

test('softmax, its logarithm and cross-entropy', () => {
  agrees({ numbers: { a: [3, 5] }, fn: ({ a }) => softmax(a!) })
  agrees({ numbers: { a: [2, 64] }, fn: ({ a }) => softmax(mul(a!, 3)) })
  agrees({ numbers: { a: [2, 3, 5] }, fn: ({ a }) => softmax(a!, { causal: true }) })
  agrees({ numbers: { a: [3, 5] }, fn: ({ a }) => logSoftmax(a!) })
  const words = { t: { shape: [3], values: [4, 0, 2] } }
  agrees({ numbers: { a: [3, 5] }, words, fn: ({ a }, { t }) => crossEntropies(a!, t!) })
  agrees({ numbers: { a: [3, 5] }, words, fn: ({ a }, { t }) => crossEntropy(a!, t!) })
})

test('a linear layer', () => {
  agrees({ numbers: { x: [2, 3, 4], w: [5, 4], b: [5] }, fn: ({ x, w, b }) => linear(x!, w!, b!) })
})

test('norms', () => {
  const numbers = { a: [2, 3, 6], g: [6], b: [6] }
  agrees({ numbers, fn: ({ a, g, b }) => layerNorm(a!, { gain: g!, bias: b! }) })
  agrees({ numbers, fn: ({ a, g }) => layerNorm(a!, { gain: g! }) })
  agrees({ numbers, fn: ({ a, b }) => layerNorm(a!, { bias: b! }) })
  agrees({ numbers, fn: ({ a, g }) => rmsNorm(a!, { gain: g! }) })
  agrees({ numbers: { a: [2, 64] }, fn: ({ a }) => rmsNorm(a!) })
})

test('causal attention', () => {
  agrees({
    numbers: { q: [1, 4, 2, 3], k: [1, 4, 2, 3], v: [1, 4, 2, 3] },
    fn: ({ q, k, v }) =>
      contract('bhts,bshd->bthd', softmax(contract('bthd,bshd->bhts', q!, k!), { causal: true }), v!),
  })
})

test('a gradient of its own replaces the derived one', () => {
  assert.throws(() =>
    agrees({
      numbers: { a: [3] },
      fn: ({ a }) => withGradient(mul(a!, 2), (g) => [{ of: a!, gradient: mul(g, 3) }]),
    }),
  )
  agrees({
    numbers: { a: [3] },
    fn: ({ a }) => withGradient(mul(a!, 2), (g) => [{ of: a!, gradient: mul(g, 2) }]),
  })
})
