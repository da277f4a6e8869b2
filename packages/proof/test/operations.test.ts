import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  adaptiveMeanPool2d,
  alibiSlopes,
  attention,
  batchNorm,
  batchNormFixed,
  binaryCrossEntropy,
  conv2d,
  convTransposed2d,
  crossEntropy,
  type Grid,
  gradients,
  greatestPlaces,
  groupNorm,
  huber,
  klDivergence,
  matmulQuantised,
  maxPool2d,
  meanPool2d,
  meanSquaredError,
  mul,
  type Program,
  quantise,
  rotary,
  rotaryFrequencies,
  rotation,
  sample,
  sum,
  swiglu,
  type TensorType,
  traceProgram,
} from '@lockstep/tensor'
import { LAST_STEP_GAS, validateTask, worstLastStep } from '../src/last-step.ts'

// Operations at the sizes of real models: a dispute about any element of any of their nodes must be able to end.

type Grids = { readonly [name: string]: Grid<'f'> }
type Words = { readonly [name: string]: Grid<'u'> }
type Shapes = { readonly [name: string]: readonly number[] }
const typesOf = (shapes: Shapes, dtype: 'f32' | 'u32'): { [name: string]: TensorType } =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { dtype, shape }]))

/** An operation and its gradients by all its numbers. */
const trained = (numbers: Shapes, words: Shapes, fn: (x: Grids, w: Words) => Grid<'f'>): Program =>
  traceProgram({ state: typesOf(numbers, 'f32'), inputs: typesOf(words, 'u32') }, (x, w) => {
    const y = fn(x as Grids, w as unknown as Words)
    return { outputs: { y, ...gradients(sum(mul(y, y)), x as Grids) } }
  })

const canEnd = (name: string, program: Program): void => {
  const result = validateTask(program)
  const worst = worstLastStep(program)
  console.log(`${name}: ${worst.gas} of ${LAST_STEP_GAS} gas, ${program.nodes.length} nodes`)
  assert.ok(result.ok, `${name}: ${JSON.stringify(result)}`)
}

test('attention, trained and with a cache', () => {
  const numbers = { q: [8, 512, 16, 64], k: [8, 512, 4, 64], v: [8, 512, 4, 64] }
  const words = { n: [8], m: [8], p: [8, 512] }
  canEnd(
    'attention with every mask',
    trained(
      numbers,
      words,
      ({ q, k, v }, { n, m }) =>
        attention({
          query: q!,
          key: k!,
          value: v!,
          causal: true,
          window: 128,
          lengths: n!,
          starts: m!,
          slopes: alibiSlopes(16),
        }).mixed,
    ),
  )
  canEnd(
    'rotary and swiglu',
    trained(numbers, words, ({ q }, { p }) => {
      const turned = rotary(q!, rotation(p!, rotaryFrequencies(64)))
      return swiglu(turned, q!)
    }),
  )
  const f = (...shape: number[]) => ({ dtype: 'f32', shape }) as const
  canEnd(
    'decoding',
    traceProgram(
      {
        state: {
          keys: f(16, 4, 64, 2048),
          values: f(16, 4, 2048, 64),
          length: { dtype: 'u32', shape: [16] },
        },
        inputs: {
          q: f(16, 4, 16, 64),
          k: f(16, 4, 4, 64),
          v: f(16, 4, 4, 64),
          starts: { dtype: 'u32', shape: [16] },
        },
      },
      ({ keys, values, length }, { q, k, v, starts }) => {
        const { mixed, cache } = attention({
          query: q,
          key: k,
          value: v,
          causal: true,
          window: 512,
          starts,
          slopes: alibiSlopes(16),
          cache: { keys, values, length },
        })
        return { state: { keys: cache.keys, values: cache.values }, outputs: { mixed } }
      },
    ),
  )
})

test('convolutions, pools and norms', () => {
  const plane = [64, 56, 56, 128]
  canEnd(
    'convolution, strided, in groups',
    trained({ x: plane, w: [3, 3, 32, 256] }, {}, ({ x, w }) =>
      conv2d(x!, w!, { stride: 2, padding: 1, groups: 4 }),
    ),
  )
  canEnd(
    'transposed convolution',
    trained({ x: plane, w: [4, 4, 128, 64] }, {}, ({ x, w }) =>
      convTransposed2d(x!, w!, { stride: 2, padding: 1 }),
    ),
  )
  canEnd(
    'maximum pool',
    trained({ x: plane }, {}, ({ x }) => maxPool2d(x!, { size: 3, stride: 2, padding: 1 })),
  )
  canEnd(
    'mean pool',
    trained({ x: plane }, {}, ({ x }) =>
      meanPool2d(x!, { size: 3, stride: 2, padding: 1, countPadding: false }),
    ),
  )
  canEnd(
    'adaptive pool',
    trained({ x: plane }, {}, ({ x }) => adaptiveMeanPool2d(x!, [6, 6])),
  )
  const numbers = { x: plane, g: [128], b: [128], m: [128], v: [128] }
  canEnd(
    'group norm',
    trained(numbers, {}, ({ x, g, b }) => groupNorm(x!, { groups: 32, gain: g!, bias: b! })),
  )
  canEnd(
    'batch norm',
    trained(numbers, {}, ({ x, g, b, m, v }) => {
      const { normal, running } = batchNorm(x!, { gain: g!, bias: b!, running: { mean: m!, variance: v! } })
      return batchNormFixed(normal, { running, gain: g!, bias: b! })
    }),
  )
})

test('losses, sampling and 8-bit weights', () => {
  const numbers = { x: [4096, 50_257], y: [4096, 50_257] }
  for (const loss of [meanSquaredError, huber, binaryCrossEntropy, klDivergence])
    canEnd(
      loss.name,
      trained(numbers, {}, ({ x, y }) => loss(x!, y!)),
    )
  canEnd(
    'cross-entropy',
    trained({ x: [4096, 50_257] }, { t: [4096] }, ({ x }, { t }) =>
      crossEntropy(x!, t!, { ignore: 0, smoothing: 0.1 }),
    ),
  )
  const word = { dtype: 'u32', shape: [1] } as const
  canEnd(
    'sampling',
    traceProgram(
      { state: { seed: word, step: word }, inputs: { x: { dtype: 'f32', shape: [16, 128_256] } } },
      ({ seed, step }, { x }) => ({
        outputs: {
          token: sample(x, { temperature: 0.7, greatest: 50, likeliest: 0.9, from: { seed, step, salt: 1 } }),
          places: greatestPlaces(x, 8),
        },
      }),
    ),
  )
  canEnd(
    '8-bit weights',
    traceProgram(
      {
        state: { w: { dtype: 'f32', shape: [4096, 11_008] } },
        inputs: {
          x: { dtype: 'f32', shape: [16, 4096] },
          words: { dtype: 'u8', shape: [4096, 11_008] },
          scale: { dtype: 'f32', shape: [11_008] },
        },
      },
      ({ w }, { x, words, scale }) => ({
        outputs: { y: matmulQuantised(x, { words, scale }), ...quantise(w) },
      }),
    ),
  )
})
