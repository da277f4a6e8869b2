import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  adaptiveMeanPool2d,
  alibiSlopes,
  argmax,
  argmin,
  attention,
  batchNorm,
  batchNormFixed,
  binaryCrossEntropy,
  cast,
  clip,
  concat,
  conv1d,
  conv2d,
  convTransposed1d,
  convTransposed2d,
  createWasmExecutor,
  crossEntropy,
  cumulativeMax,
  cumulativeMin,
  cumulativeProduct,
  cumulativeSum,
  firstDifference,
  type Grid,
  gatherRows,
  geglu,
  gelu,
  geluByTanh,
  globalMeanPool,
  gradients,
  greatestPlaces,
  groupNorm,
  huber,
  index,
  keepGreatest,
  keepLikeliest,
  klDivergence,
  layerNorm,
  less,
  logSoftmax,
  map,
  maxPool1d,
  maxPool2d,
  meanAbsoluteError,
  meanPool1d,
  meanPool2d,
  meanSquaredError,
  mul,
  oneHot,
  referenceExecutor,
  relu,
  reshape,
  rmsNorm,
  rotary,
  rotaryFrequencies,
  rotation,
  silu,
  softmax,
  sum,
  swiglu,
  type Tensor,
  type TensorType,
  traceProgram,
  u32,
  where,
} from '@lockstep/tensor'
import { decodeSafetensors, f32Tensor, f32Values } from '../../src/index.ts'

/** An operation over the operands of make-operations.py, in its order: numbers, then words. */
type Operation = (...operands: readonly never[]) => Grid
type Numbers = Grid<'f'>
type Words = Grid<'u'>

const batchNormed = (x: Numbers, gain: Numbers, bias: Numbers, mean: Numbers, variance: Numbers): Numbers => {
  const { normal, running } = batchNorm(x, { gain, bias, running: { mean, variance } })
  return concat([reshape(normal, [-1]), running.mean, running.variance])
}
const attend =
  (options: object) =>
  (query: Numbers, key: Numbers, value: Numbers): Numbers =>
    attention({ query, key, value, ...options }).mixed

const OPERATIONS: { readonly [name: string]: Operation } = {
  'conv1d strided': (x: Numbers, w: Numbers) => conv1d(x, w, { stride: 2, padding: 2 }),
  'conv1d dilated groups': (x: Numbers, w: Numbers) => conv1d(x, w, { dilation: 2, groups: 2 }),
  'conv1d strided dilated': (x: Numbers, w: Numbers) => conv1d(x, w, { stride: 2, dilation: 2, padding: 1 }),
  conv2d: (x: Numbers, w: Numbers) => conv2d(x, w, { padding: 1 }),
  'conv2d strided': (x: Numbers, w: Numbers) => conv2d(x, w, { stride: [2, 1], padding: [1, 0] }),
  'conv2d depthwise': (x: Numbers, w: Numbers) => conv2d(x, w, { stride: 2, padding: 1, groups: 4 }),
  convTransposed1d: (x: Numbers, w: Numbers) => convTransposed1d(x, w, { stride: 2, padding: 1, extra: 1 }),
  'convTransposed1d dilated': (x: Numbers, w: Numbers) => convTransposed1d(x, w, { stride: 2, dilation: 3 }),
  'convTransposed2d groups': (x: Numbers, w: Numbers) =>
    convTransposed2d(x, w, { groups: 2, stride: [2, 1], padding: [1, 0] }),
  maxPool1d: (x: Numbers) => maxPool1d(x, { size: 3, stride: 2, padding: 1 }),
  maxPool2d: (x: Numbers) =>
    maxPool2d(x, { size: [3, 2], stride: [2, 1], padding: [1, 1], dilation: [1, 2] }),
  meanPool1d: (x: Numbers) => meanPool1d(x, { size: 3, stride: 2, padding: 1 }),
  meanPool2d: (x: Numbers) => meanPool2d(x, { size: 3, stride: 2, padding: 1, countPadding: false }),
  globalMeanPool,
  adaptiveMeanPool2d: (x: Numbers) => adaptiveMeanPool2d(x, [3, 4]),
  layerNorm: (x: Numbers, gain: Numbers, bias: Numbers) => layerNorm(x, { gain, bias }),
  rmsNorm: (x: Numbers, gain: Numbers) => rmsNorm(x, { gain, epsilon: 1e-6 }),
  groupNorm: (x: Numbers, gain: Numbers, bias: Numbers) => groupNorm(x, { groups: 3, gain, bias }),
  batchNorm: batchNormed,
  batchNormFixed: (x: Numbers, gain: Numbers, bias: Numbers, mean: Numbers, v: Numbers) =>
    batchNormFixed(x, { gain, bias, running: { mean, variance: map([v], (a) => a.mul(a).add(0.5)) } }),
  'rotary halves': (x: Numbers, p: Words) => rotary(x, rotation(p, rotaryFrequencies(6))),
  'rotary neighbours': (x: Numbers, p: Words) => rotary(x, rotation(p, rotaryFrequencies(6)), 'neighbours'),
  'attention causal': attend({ causal: true }),
  'attention shared': attend({ causal: true }),
  'attention window': attend({ causal: true, window: 3 }),
  'attention masked': (q: Numbers, k: Numbers, v: Numbers, n: Words, starts: Words) =>
    attend({ lengths: map([n], (a) => a.add(2)), starts })(q, k, v),
  'attention slopes': (q: Numbers, k: Numbers, v: Numbers) =>
    attend({ causal: true, slopes: alibiSlopes(4) })(q, k, v),
  'attention cached': (q: Numbers, k: Numbers, v: Numbers, keys: Numbers, values: Numbers, length: Words) =>
    attend({ causal: true, cache: { keys, values, length } })(q, k, v),
  relu,
  gelu,
  geluByTanh,
  silu,
  swiglu,
  geglu,
  embedding: (x: Numbers, t: Words) => gatherRows(x, t),
  softmax: (x: Numbers) => softmax(x),
  logSoftmax,
  crossEntropy: (x: Numbers, t: Words) => crossEntropy(x, t),
  'crossEntropy ignore': (x: Numbers, t: Words) => crossEntropy(x, t, { ignore: 2 }),
  'crossEntropy smoothing': (x: Numbers, t: Words) => crossEntropy(x, t, { smoothing: 0.1 }),
  'crossEntropy both': (x: Numbers, t: Words) => crossEntropy(x, t, { ignore: 2, smoothing: 0.2 }),
  meanSquaredError,
  meanAbsoluteError,
  huber: (x: Numbers, y: Numbers) => huber(x, y, { delta: 0.7 }),
  klDivergence,
  binaryCrossEntropy: (x: Numbers, y: Numbers) =>
    binaryCrossEntropy(
      mul(x, 4),
      map([y], (a) => a.mul(0.125).add(0.5)),
    ),
  cumulativeSum: (x: Numbers) => cumulativeSum(x, 1),
  cumulativeProduct: (x: Numbers) => cumulativeProduct(x, 0),
  cumulativeMax: (x: Numbers) => cumulativeMax(x, 1),
  cumulativeMin: (x: Numbers) => cumulativeMin(x, 1),
  clip: (x: Numbers) => clip(x, -0.75, 0.5),
  where: (x: Numbers, y: Numbers) => where(less(x, y), x, mul(y, 2)),
  oneHot: (t: Words) => oneHot(t, 5),
  argmax: (x: Numbers) => argmax(x),
  argmin: (x: Numbers) => argmin(x, { axis: 0 }),
  greatestPlaces: (x: Numbers) => greatestPlaces(x, 3),
  keepGreatest: (x: Numbers) => softmax(keepGreatest(x, 3)),
  keepLikeliest: (x: Numbers) => softmax(keepLikeliest(x, 0.6)),
}

const { tensors, metadata } = decodeSafetensors(
  readFileSync(new URL('operations.safetensors', import.meta.url)),
)
const made: {
  readonly [name: string]: {
    readonly numbers: { readonly [name: string]: readonly number[] }
    readonly words: { readonly [name: string]: { readonly shape: readonly number[]; readonly below: number } }
  }
} = JSON.parse(metadata.get('made')!)

/** The top 16 bits of a linear congruential generator: make-operations.py has the same. */
const lcg = (seed: number, shape: readonly number[]): number[] => {
  let x = seed
  return Array.from({ length: shape.reduce((n, e) => n * e, 1) }, () => {
    x = (Math.imul(1664525, x) + 1013904223) >>> 0
    return x >>> 16
  })
}

/** The operation with the gradients of its weighted sum, and its operands. */
const build = (at: number, name: string): { program: ReturnType<typeof traceProgram>; inputs: Tensor[] } => {
  const { numbers, words } = made[name]!
  const types: { [name: string]: TensorType } = {}
  const inputs: Tensor[] = []
  Object.entries(numbers).forEach(([key, shape], i) => {
    types[key] = { dtype: 'f32', shape }
    const values = lcg(1000 * at + i, shape).map((w) => (w - 32768) / 2 ** 14)
    inputs.push(f32Tensor(shape, Float32Array.from(values)))
  })
  Object.entries(words).forEach(([key, { shape, below }], i) => {
    types[key] = { dtype: 'u32', shape }
    const values = Uint32Array.from(lcg(1000 * at + 500 + i, shape), (w) => w % below)
    inputs.push({ dtype: 'u32', shape, data: new Uint8Array(values.buffer) })
  })
  const program = traceProgram({ state: {}, inputs: types }, (_, operands) => {
    const given = operands as { readonly [name: string]: Numbers }
    const y = OPERATIONS[name]!(...(Object.values(given) as never[]))
    const by = Object.keys(numbers).filter((key) => tensors.has(`${name}: ${key}`))
    if (by.length === 0) return { outputs: { result: cast(y, 'f32') } }
    const weighted = map([y as Numbers], (a) => {
      const place = y.shape.reduce((p, e, d) => p.mul(e).add(index(d)), u32(0))
      return a.mul(place.mul(7).add(3).and(15).toF32().mul(0.25).sub(1.625))
    })
    return {
      outputs: {
        result: y,
        ...gradients(sum(weighted), Object.fromEntries(by.map((key) => [key, given[key]!]))),
      },
    }
  })
  return { program, inputs }
}

/**
 * A result is a sum of products through a few rounded operations, each off by 2^-24 of its value; the values are at
 * most a few times the greatest of the results.
 */
const ROUNDINGS = 16
const ULP = 2 ** -24

test('every operation is in the file, and the other way about', () => {
  assert.deepEqual(Object.keys(OPERATIONS), Object.keys(made))
})

test("every operation and its gradients have the reference's bytes in wasm, stepped and traced", async () => {
  const executor = await createWasmExecutor()
  try {
    for (const [at, name] of Object.keys(made).entries())
      assert.equal(await firstDifference(executor, { ...build(at, name), state: [] }), undefined, name)
  } finally {
    await executor.close()
  }
})

test('every operation and its gradients are those of torch', async () => {
  let worst = { part: 0, what: '' }
  for (const [at, name] of Object.keys(made).entries()) {
    const { program, inputs } = build(at, name)
    const runner = await referenceExecutor.compile(program, inputs)
    runner.load([])
    await runner.step()
    for (const [i, output] of runner.outputs().entries()) {
      const what = `${name}: ${program.outputs[i]!.name}`
      const wanted = f32Values(tensors.get(what)!)
      const got = f32Values(output)
      assert.equal(got.length, wanted.length, what)
      const size = Math.max(...wanted.map(Math.abs))
      for (const [k, x] of got.entries()) {
        const part = Math.abs(x - wanted[k]!) / (ROUNDINGS * ULP * size)
        if (part > worst.part) worst = { part, what: `${what}[${k}]` }
        if (!(part <= 1)) console.log(`${what}[${k}] is ${x}, torch has ${wanted[k]}; ${part.toFixed(1)}`)
      }
    }
    runner.close()
  }
  assert.ok(worst.part <= 1, `${worst.what} is ${worst.part.toFixed(2)} of its tolerance off`)
  console.log(`the largest error is ${worst.part.toFixed(2)} of its tolerance, of ${worst.what}`)
})
