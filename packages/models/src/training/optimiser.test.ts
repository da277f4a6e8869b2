import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Grid, map, reduceBy, SUM, traceProgram } from '@lockstep/tensor'
import { runReference } from '../../test/run.ts'
import { f32Tensor, f32Values, wordTensor } from '../index.ts'
import { kindOf, type Parameter } from '../parameter.ts'
import { DEFAULT_TRAIN, type TrainConfig } from './config.ts'
import { orthogonal } from './muon.ts'
import { trainState } from './train-state.ts'
import { trainProgram } from './train-step.ts'

const parameter = (name: string, shape: number[], more: Partial<Parameter> = {}): Parameter => ({
  name,
  shape,
  init: { constant: 0 },
  decay: shape.length > 1,
  ...more,
})
const PARAMETERS = [
  parameter('tall', [5, 3]),
  parameter('bias', [3]),
  parameter('wide', [3, 6]),
  parameter('kernel', [2, 2, 3]),
  parameter('table', [4, 3], { kind: 'embedding' }),
]
const elements = ({ shape }: Parameter): number => shape.reduce((n, d) => n * d, 1)
const lcg = (seed: number): (() => number) => {
  let x = seed
  return () => {
    x = (Math.imul(1664525, x) + 1013904223) >>> 0
    return Math.fround(x / 2 ** 31 - 1)
  }
}
const draw = (seed: number): Float64Array[] => {
  const next = lcg(seed)
  return PARAMETERS.map((p) => Float64Array.from({ length: elements(p) }, next))
}
const [START, GOAL] = [draw(1), draw(3)]
const CURVE = draw(2).map((values) => values.map((v) => Math.fround(1.5 + v)))

/** The loss is half the sum of curve * (p - goal)^2 over all parameters, so a gradient is curve * (p - goal). */
const programOf = (config: TrainConfig) => {
  const types = (prefix: string) =>
    PARAMETERS.map((p) => [`${prefix}.${p.name}`, { dtype: 'f32', shape: p.shape }] as const)
  const inputs = Object.fromEntries([...types('goal'), ...types('curve')])
  return trainProgram(PARAMETERS, config, inputs, ({ weights, input }) => {
    const parts = PARAMETERS.map(({ name }) => {
      const [goal, curve] = [input(`goal.${name}`) as Grid<'f'>, input(`curve.${name}`) as Grid<'f'>]
      return reduceBy('part', SUM, [weights(name), goal, curve], (p, g, c) =>
        p.sub(g).mul(p.sub(g)).mul(c).mul(0.5),
      )
    })
    return map(parts, (a, b, c, d, e) => a!.add(b!).add(c!).add(d!).add(e!), { label: 'loss' })
  })
}

type Doubles = { p: Float64Array; first: Float64Array; second: Float64Array; average: Float64Array }

/** The same training in float64, out of the formulas that the optimisers state. */
const inDoubles = (config: TrainConfig, steps: number): Doubles[] => {
  const { beta1, beta2, epsilon, decay, clip, clipValue = 0, average = 0, groups = {} } = config
  const optimiser = config.optimiser ?? { kind: 'adamw' }
  const held = START.map((p): Doubles => {
    const zeros = () => new Float64Array(p.length)
    return { p: p.slice(), first: zeros(), second: zeros(), average: p.slice() }
  })
  for (let step = 0; step < steps; step++) {
    const slopes = held.map(({ p }, i) =>
      p.map((x, k) => {
        const g = CURVE[i]![k]! * (x - GOAL[i]![k]!)
        return clipValue > 0 ? Math.max(-clipValue, Math.min(clipValue, g)) : g
      }),
    )
    const norm = Math.sqrt(slopes.reduce((n, g) => n + g.reduce((s, x) => s + x * x, 0), 0))
    const scale = clip > 0 ? Math.min(1, clip / norm) : 1
    for (const [i, { p, first, second, average: mean }] of held.entries()) {
      const one = PARAMETERS[i]!
      const kind = kindOf(one)
      const rate = config.rate * (groups[kind]?.rate ?? 1)
      const fall = one.decay ? decay * (groups[kind]?.decay ?? 1) : 0
      const g = slopes[i]!.map((x) => x * scale)
      const adam = (gradient: Float64Array, decoupled: number): void =>
        p.forEach((x, k) => {
          first[k] = beta1 * first[k]! + (1 - beta1) * gradient[k]!
          second[k] = beta2 * second[k]! + (1 - beta2) * gradient[k]! ** 2
          const [m, v] = [first[k]! / (1 - beta1 ** (step + 1)), second[k]! / (1 - beta2 ** (step + 1))]
          p[k] = x * (1 - rate * decoupled) - (rate * m) / (Math.sqrt(v) + epsilon)
        })
      const coupled = g.map((x, k) => x + fall * p[k]!)
      switch (optimiser.kind) {
        case 'adamw':
          adam(g, fall)
          break
        case 'adam':
          adam(coupled, 0)
          break
        case 'sgd':
          p.forEach((x, k) => {
            first[k] = optimiser.momentum * first[k]! + coupled[k]!
            const by = optimiser.nesterov ? coupled[k]! + optimiser.momentum * first[k]! : first[k]!
            p[k] = x - rate * by
          })
          break
        case 'lion':
          p.forEach((x, k) => {
            const by = Math.sign(optimiser.beta1 * first[k]! + (1 - optimiser.beta1) * g[k]!)
            p[k] = x * (1 - rate * fall) - rate * by
            first[k] = optimiser.beta2 * first[k]! + (1 - optimiser.beta2) * g[k]!
          })
          break
        case 'muon': {
          if (kind !== 'matrix') {
            adam(g, fall)
            break
          }
          first.forEach((m, k) => {
            first[k] = optimiser.momentum * m + g[k]!
          })
          const by = first.map((m, k) => (optimiser.nesterov ? g[k]! + optimiser.momentum * m : m))
          const columns = one.shape.at(-1)!
          const rows = by.length / columns
          const size = 0.2 * Math.sqrt(Math.max(rows, columns))
          const straight = orthogonalised(by, rows, columns)
          p.forEach((x, k) => {
            p[k] = x * (1 - rate * fall) - rate * size * straight[k]!
          })
        }
      }
      p.forEach((x, k) => {
        mean[k] = average * mean[k]! + (1 - average) * x
      })
    }
  }
  return held
}

/** Newton and Schulz in float64, on x x' whatever the shape. */
const orthogonalised = (matrix: Float64Array, rows: number, columns: number): Float64Array => {
  const norm = Math.hypot(...matrix) + 1e-7
  let x = matrix.map((v) => v / norm)
  for (let n = 0; n < 5; n++) {
    const gram = product(x, transposed(x, rows, columns), rows, columns, rows)
    const square = product(gram, gram, rows, rows, rows)
    const factor = gram.map((g, k) => -4.775 * g + 2.0315 * square[k]! + (k % (rows + 1) === 0 ? 3.4445 : 0))
    x = product(factor, x, rows, rows, columns)
  }
  return x
}
const transposed = (x: Float64Array, rows: number, columns: number): Float64Array =>
  x.map((_, k) => x[(k % rows) * columns + Math.floor(k / rows)]!)
const product = (a: Float64Array, b: Float64Array, rows: number, depth: number, columns: number) =>
  Float64Array.from({ length: rows * columns }, (_, k) => {
    let sum = 0
    for (let d = 0; d < depth; d++)
      sum += a[Math.floor(k / columns) * depth + d]! * b[d * columns + (k % columns)]!
    return sum
  })

const CONSTANT = { kind: 'constant' } as const
const BASE: TrainConfig = {
  ...DEFAULT_TRAIN,
  warmup: 0,
  rate: 0.02,
  clip: 3,
  epsilon: 1e-6,
  schedule: CONSTANT,
}
const MOMENTUM = { momentum: 0.9, nesterov: false } as const

const STEPS = 8
/** How far float32 may be from float64 after them: values and momenta are at most 8, and take some ten roundings a step. */
const TOLERANCE = 2e-6
const CASES: readonly [name: string, config: TrainConfig][] = [
  ['AdamW', BASE],
  ['AdamW that is named', { ...BASE, optimiser: { kind: 'adamw' } }],
  ['Adam with coupled decay', { ...BASE, optimiser: { kind: 'adam' } }],
  ['gradient descent', { ...BASE, optimiser: { kind: 'sgd', momentum: 0, nesterov: false } }],
  ['momentum', { ...BASE, optimiser: { kind: 'sgd', ...MOMENTUM } }],
  ["Nesterov's momentum", { ...BASE, optimiser: { kind: 'sgd', momentum: 0.9, nesterov: true } }],
  ['Lion', { ...BASE, optimiser: { kind: 'lion', beta1: 0.9, beta2: 0.99 } }],
  ['Muon', { ...BASE, optimiser: { kind: 'muon', ...MOMENTUM } }],
  ["Muon with Nesterov's", { ...BASE, optimiser: { kind: 'muon', momentum: 0.95, nesterov: true } }],
  ['clipped by value', { ...BASE, clip: 0, clipValue: 0.25 }],
  ['groups', { ...BASE, groups: { embedding: { rate: 0.1, decay: 0 }, vector: { rate: 2 } } }],
  ['an average of the weights', { ...BASE, average: 0.75, optimiser: { kind: 'sgd', ...MOMENTUM } }],
]

for (const [name, config] of CASES) {
  test(`${name}: ${STEPS} steps are those of float64`, async () => {
    const tensors = (values: readonly Float64Array[]) =>
      values.map((v, i) => f32Tensor(PARAMETERS[i]!.shape, Float32Array.from(v)))
    const layout = trainState(PARAMETERS, config)
    const places = new Map(PARAMETERS.map((p, i) => [p.name, i]))
    const start = layout.map(({ parameter: { name, shape }, role }) => {
      const values = START[places.get(name)!]!
      return f32Tensor(
        shape,
        Float32Array.from(values, (v) => (role === 'value' || role === 'average' ? v : 0)),
      )
    })
    const { state } = await runReference(
      programOf(config),
      [...start, wordTensor(0), wordTensor(1)],
      [...tensors(GOAL), ...tensors(CURVE)],
      STEPS,
    )
    const wanted = inDoubles(config, STEPS)
    let worst = 0
    for (const [i, { parameter, role }] of layout.entries()) {
      const of = wanted[places.get(parameter.name)!]!
      const values = role === 'value' ? of.p : of[role]
      for (const [k, got] of f32Values(state[i]!).entries())
        worst = Math.max(worst, Math.abs(got - values[k]!))
    }
    assert.ok(worst < TOLERANCE, `off by ${worst}`)
    assert.ok(wanted.some(({ p }, i) => p.some((x, k) => Math.abs(x - START[i]![k]!) > 0.02)))
  })
}

/** Singular values as roots of the eigenvalues of the smaller Gram matrix, by Jacobi's rotations. */
const singularValues = (x: Float64Array, rows: number, columns: number): number[] => {
  if (rows > columns) return singularValues(transposed(x, rows, columns), columns, rows)
  const a = product(x, transposed(x, rows, columns), rows, columns, rows)
  for (let sweep = 0; sweep < 30; sweep++)
    for (let p = 0; p < rows; p++)
      for (let q = p + 1; q < rows; q++) {
        const apq = a[p * rows + q]!
        if (Math.abs(apq) < 1e-15) continue
        const angle = Math.atan2(2 * apq, a[q * rows + q]! - a[p * rows + p]!) / 2
        const [c, s] = [Math.cos(angle), Math.sin(angle)]
        for (let k = 0; k < rows; k++) {
          const [kp, kq] = [a[k * rows + p]!, a[k * rows + q]!]
          a[k * rows + p] = c * kp - s * kq
          a[k * rows + q] = s * kp + c * kq
        }
        for (let k = 0; k < rows; k++) {
          const [pk, qk] = [a[p * rows + k]!, a[q * rows + k]!]
          a[p * rows + k] = c * pk - s * qk
          a[q * rows + k] = s * pk + c * qk
        }
      }
  return Array.from({ length: rows }, (_, k) => Math.sqrt(a[k * (rows + 1)]!))
}
test('what Muon steps along has singular values near 1, whatever those of the gradient', async () => {
  for (const [rows, columns, scale] of [
    [8, 8, 1],
    [6, 20, 1e-3],
    [20, 6, 1e4],
    [1, 12, 1],
  ] as const) {
    const next = lcg(rows + columns)
    const values = Float64Array.from({ length: rows * columns }, () => Math.fround(scale * next()))
    const before = singularValues(values, rows, columns).map((v) => v / scale)
    const type = { dtype: 'f32', shape: [rows, columns] } as const
    const program = traceProgram({ state: {}, inputs: { x: type } }, (_, { x }) => ({
      outputs: { y: orthogonal(x) },
    }))
    const input = f32Tensor([rows, columns], Float32Array.from(values))
    const { outputs } = await runReference(program, [], [input])
    const after = singularValues(Float64Array.from(f32Values(outputs[0]!)), rows, columns)
    assert.equal(after.length, Math.min(rows, columns))
    for (const v of after) assert.ok(v > 0.65 && v < 1.25, `${rows} x ${columns}: ${before} to ${after}`)
  }
})
