import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numbersFrom, tensor } from '../../test/agreement.ts'
import { randomChange } from '../../test/random-views.ts'
import { gradients } from '../front/grad/gradients.ts'
import type { Grid } from '../front/grid.ts'
import { map } from '../front/map.ts'
import { add, cast, div, maximum, mul, sub } from '../front/ops/arithmetic.ts'
import { matmul } from '../front/ops/contract.ts'
import { mean, sum } from '../front/ops/reduce.ts'
import { reshape } from '../front/reshape.ts'
import { traceProgram } from '../front/trace-program.ts'
import { transpose } from '../front/views.ts'
import type { Program } from '../program.ts'
import { runStep } from '../reference.ts'
import { exp } from '../scalar/elementary.ts'
import { index } from '../scalar/trace.ts'
import { checkProgram, checkSamePromise } from './check.ts'
import { inlineMaps } from './inline.ts'
import { asWritten } from './plan.ts'

const run = (program: Program) => {
  const next = numbersFrom(3)
  const state = program.state.map((t) =>
    tensor(t, Float64Array.from({ length: t.shape.reduce((n, e) => n * e, 1) }, next)),
  )
  const { outputs, next: after } = runStep(program, state, [])
  return [...outputs, ...after].map((t) => Buffer.from(t.data).toString('hex'))
}

const sameResults = (program: Program): Program => {
  const fused = inlineMaps(asWritten(program)).program
  checkProgram(fused, 'inline')
  checkSamePromise(program, fused, 'inline')
  assert.deepEqual(run(fused), run(program))
  return fused
}
const f32 = (...shape: number[]) => ({ dtype: 'f32', shape }) as const

test('chains of maps become one node', () => {
  const program = traceProgram({ state: { a: f32(4, 6), b: f32(6) } }, ({ a, b }) => ({
    state: { a: div(maximum(add(mul(a, a), b), 0.5), 3) },
  }))
  assert.equal(program.nodes.length, 4)
  assert.equal(sameResults(program).nodes.length, 1)
})

test('fusion keeps every narrowing', () => {
  const program = traceProgram({ state: { a: f32(5) } }, ({ a }) => ({
    outputs: {
      bf16: sub(cast(a, 'bf16'), a),
      f16: sub(cast(mul(a, 1e-6), 'f16'), a),
      u8: cast(cast(cast(mul(a, 1e4), 'u32'), 'u8'), 'f32'),
    },
  }))
  assert.equal(sameResults(program).nodes.length, 3)
})

test('transposed, reshaped and reduced reads fuse too, with their coordinates', () => {
  const program = traceProgram({ state: { a: f32(2, 3, 64), b: f32(6, 64) } }, ({ a, b }) => {
    const placed = map([a], (x) => x.mul(index(0).mul(3).add(index(1)).toF32()))
    const turned = mul(transpose(mul(a, a), [2, 0, 1]), 2)
    return {
      outputs: { rows: add(reshape(mul(a, 3), [6, 64]), b), turned, total: sum(placed, { axes: -1 }) },
    }
  })
  assert.deepEqual(
    sameResults(program).nodes.map((n) => n.kind),
    ['map', 'map', 'fold', 'fold'],
  )
})

test('a reader of another shape is reshaped to its producer, even if it is a result', () => {
  const program = (result: boolean) =>
    traceProgram({ state: { a: f32(2, 3, 4) } }, ({ a }) => {
      const placed = map([a], (x) => x.mul(index(1).toF32()))
      const flat = map([reshape(placed, [6, 4])], (x) => x.add(index(0).toF32()))
      return { outputs: { x: result ? flat : sum(flat, { axes: 0 }) } }
    })
  assert.equal(sameResults(program(true)).nodes.length, 1)
  assert.equal(sameResults(program(false)).nodes.length, 2) // of 3: the sum stays
})

test('what is read twice, kept, or summed many times stays', () => {
  const program = traceProgram({ state: { a: f32(4, 4) } }, ({ a }) => {
    const shared = mul(a, 2)
    const inner = mul(a, 3)
    return { outputs: { x: add(shared, 1), y: matmul(inner, a), shared } }
  })
  assert.equal(sameResults(program).nodes.length, program.nodes.length)
})

test('a training step keeps its results and loses nodes', () => {
  const program = traceProgram({ state: { w: f32(6, 16), b: f32(16), x: f32(8, 6) } }, ({ w, b, x }) => {
    const hidden = maximum(add(matmul(x, w), b), 0)
    const norm = sub(hidden, mean(hidden, { axes: -1, keep: true }))
    const loss = mean(mul(norm, norm))
    const slopes = gradients(loss, { w, b })
    return { state: { w: sub(w, mul(slopes.w, 0.1)), b: sub(b, mul(slopes.b, 0.1)) }, outputs: { loss } }
  })
  const fused = sameResults(program)
  assert.ok(fused.nodes.length < program.nodes.length - 3, `${program.nodes.length} to ${fused.nodes.length}`)
})

test('whatever views lie between maps and folds, fusion keeps the results', () => {
  let removed = 0
  for (let seed = 1; seed <= 120; seed++) {
    const numbers = numbersFrom(seed)
    const draw = () => (numbers() + 1.2) / 2.4
    const program = traceProgram({ state: { a: f32(2, 3, 4) } }, ({ a }) => {
      let x: Grid<'f'> = map([a], (v) => v.mul(index(2).add(1).toF32()))
      for (let n = 0; n < 3 && x.rank > 0 && x.rank < 6; n++) {
        x = randomChange(draw, x)(x)
        if (draw() < 0.6) x = map([x], (v) => (draw() < 0.5 ? v.add(index(0).toF32()) : v.mul(3)))
      }
      return { outputs: { x: map([x], (v) => v.add(1)), y: sum(mul(x, 2), { axes: 0 }) } }
    })
    removed += program.nodes.length - sameResults(program).nodes.length
  }
  assert.ok(removed > 100, `${removed}`)
})

test('a map is computed more than once where that costs less than to write and read it', () => {
  const program = (dear: boolean) =>
    traceProgram({ state: { a: f32(64) } }, ({ a }) => {
      const made = dear ? map([a], (x) => exp(x)) : mul(a, 2)
      return { outputs: { x: mul(made, 3), y: add(made, made), z: sub(1, made) } }
    })
  assert.equal(sameResults(program(false)).nodes.length, 3)
  assert.equal(sameResults(program(true)).nodes.length, 4)
})

test('a sum of products takes in a copy and nothing else', () => {
  const program = (copied: boolean) =>
    traceProgram({ state: { a: f32(32, 16), b: f32(16, 64) } }, ({ a, b }) => ({
      outputs: {
        y: matmul(
          map([a], (x) => (copied ? x : x.neg())),
          b,
        ),
      },
    }))
  assert.equal(sameResults(program(true)).nodes.length, 1)
  assert.equal(sameResults(program(false)).nodes.length, 2)
})
