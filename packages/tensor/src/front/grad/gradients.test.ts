import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agrees } from '../../../test/agreement.ts'
import type { Tensor } from '../../program.ts'
import { runStep } from '../../reference.ts'
import type { F } from '../../scalar/trace.ts'
import { validateProgram } from '../../validate.ts'
import { equals, fold, lessThan } from '../fold.ts'
import { stopGradient, view } from '../grid.ts'
import { map } from '../map.ts'
import { add, cast, clip, div, less, maximum, mul, sqrt, sub, where } from '../ops/arithmetic.ts'
import { contract, matmul } from '../ops/contract.ts'
import { max, mean, min, reduceBy, SUM, sum } from '../ops/reduce.ts'
import { reshape } from '../reshape.ts'
import { traceProgram } from '../trace-program.ts'
import { flip, pad, pick, slice, split, transpose, windows } from '../views.ts'
import { gradients } from './gradients.ts'

test('arithmetic broadcasts and differentiates', () => {
  agrees({ numbers: { a: [2, 3], b: [3] }, fn: ({ a, b }) => add(mul(a!, b!), div(a!, b!)) })
  agrees({ numbers: { a: [2, 1, 3], b: [4, 1] }, fn: ({ a, b }) => sub(mul(a!, a!), mul(b!, 3)) })
  agrees({ numbers: { a: [5] }, positive: true, fn: ({ a }) => sqrt(a!) })
  agrees({ numbers: { a: [7], b: [7] }, fn: ({ a, b }) => maximum(a!, where(less(a!, b!), b!, 2)) })
  agrees({ numbers: { a: [9] }, fn: ({ a }) => clip(a!, -0.5, 0.5) })
})

test('a matrix product differentiates in all transpositions', () => {
  agrees({ numbers: { a: [3, 4], b: [4, 2] }, fn: ({ a, b }) => matmul(a!, b!) })
  agrees({ numbers: { a: [4, 3], b: [2, 4] }, fn: ({ a, b }) => matmul(transpose(a!), transpose(b!)) })
  agrees({ numbers: { a: [2, 3, 4], b: [4, 2] }, fn: ({ a, b }) => matmul(a!, b!) })
  agrees({ numbers: { a: [2, 1, 3, 4], b: [5, 4, 2] }, fn: ({ a, b }) => matmul(a!, b!) })
  agrees({
    numbers: { a: [2, 3, 2, 2], b: [2, 3, 2, 2] },
    fn: ({ a, b }) => contract('bthd,bshd->bhts', a!, b!),
  })
  agrees({
    numbers: { a: [2, 3, 3], b: [2, 3, 2] },
    fn: ({ a, b }) => contract('hts,hsd->thd', a!, b!, { guards: ({ s, t }) => [lessThan(s!, t!.add(1))] }),
  })
})

test('gradients are added onto those of before, whatever of them are used', () => {
  const type = { dtype: 'f32', shape: [3] } as const
  const types = { state: { a: type, b: type, c: type }, inputs: { x: type, y: type, z: type } }
  const program = traceProgram(types, ({ a, b, c }, onto) => {
    const d = mul(a, 2) // wanted itself, and on the way to a
    const loss = sum(mul(mul(d, a), b))
    const slopes = gradients(loss, { a, b, c, d }, { a: onto.x, b: onto.y, c: onto.z, d: onto.x })
    return { outputs: slopes }
  })
  const f32 = (...values: number[]): Tensor => ({
    dtype: 'f32',
    shape: [3],
    data: new Uint8Array(Float32Array.from(values).buffer),
  })
  const [a, b] = [
    [1, 2, 3],
    [4, 0.5, -1],
  ] as const
  const before = f32(100, 200, 300)
  const { outputs } = runStep(program, [f32(...a), f32(...b), f32(7, 7, 7)], [before, before, before])
  const found = outputs.map(({ data }) => [...new Float32Array(data.slice().buffer)])
  const wanted = (slope: (i: number) => number) => [0, 1, 2].map((i) => 100 * (i + 1) + slope(i))
  assert.deepEqual(
    found[0],
    wanted((i) => 4 * a[i]! * b[i]!),
  )
  assert.deepEqual(
    found[1],
    wanted((i) => 2 * a[i]! * a[i]!),
  )
  assert.deepEqual(
    found[2],
    wanted(() => 0),
  )
  assert.deepEqual(
    found[3],
    wanted((i) => a[i]! * b[i]!),
  )
})

test('reductions, in lanes too', () => {
  agrees({ numbers: { a: [3, 4, 2] }, fn: ({ a }) => sum(a!, { axes: [0, 2] }) })
  agrees({ numbers: { a: [2, 64] }, fn: ({ a }) => sum(mul(a!, a!), { axes: -1, keep: true }) })
  agrees({ numbers: { a: [2, 64], b: [2, 1] }, fn: ({ a, b }) => mul(mul(a!, a!), b!) })
  agrees({ numbers: { a: [3, 5] }, fn: ({ a }) => mul(max(a!, { axes: 0 }), min(a!)) })
  agrees({ numbers: { a: [2, 64] }, fn: ({ a }) => max(a!, { axes: 1 }) })
  agrees({ numbers: { a: [300] }, fn: ({ a }) => mul(mean(a!), mean(mul(a!, a!))) })
  agrees({
    numbers: { a: [4, 4] },
    fn: ({ a }) =>
      reduceBy('causal', SUM, [a!], (x) => x.mul(x), { axes: 1, guards: ([t, s]) => [lessThan(s!, t!)] }),
  })
})

test('views carry gradients', () => {
  agrees({ numbers: { a: [3, 4, 2] }, fn: ({ a }) => transpose(a!, [2, 0, 1]) })
  agrees({ numbers: { a: [6, 4] }, fn: ({ a }) => slice(a!, { axis: 0, from: 1, to: 6, step: 2 }) })
  agrees({
    numbers: { a: [6, 4] },
    fn: ({ a }) =>
      pad(slice(flip(a!, [1]), { axis: 1, to: 3 }), [
        [1, 0],
        [2, 1],
      ]),
  })
  agrees({ numbers: { a: [2, 6] }, fn: ({ a }) => split(a!, 3).reduce((p, q) => mul(p, q)) })
  agrees({
    numbers: { a: [2, 6] },
    fn: ({ a }) => reshape(transpose(reshape(a!, [2, 3, 2]), [1, 2, 0]), [4, 3]),
  })
  agrees({ numbers: { a: [3, 3] }, fn: ({ a }) => view([3], (i) => a!.at(i, i)) })
  agrees({ numbers: { a: [5, 2] }, fn: ({ a }) => mul(pick(a!, 2), pick(a!, -1)) })
  agrees({ numbers: { a: [4] }, fn: ({ a }) => mul(stopGradient(a!), 0) })
})

test('windows carry gradients at every stride', () => {
  for (const [size, stride, dilation] of [
    [3, 1, 1],
    [2, 2, 1],
    [3, 2, 1],
    [2, 3, 1],
    [4, 2, 1],
    [2, 1, 2],
    [5, 3, 1],
    [2, 2, 2],
  ] as const)
    agrees({ numbers: { a: [2, 11] }, fn: ({ a }) => windows(a!, [{ size, stride, dilation }]) })
  agrees({
    numbers: { a: [5, 4], w: [3, 2] },
    fn: ({ a, w }) =>
      contract(
        'hwij,ij->hw',
        windows(
          pad(a!, [
            [1, 1],
            [1, 0],
          ]),
          [{ size: 3, stride: 2 }, { size: 2 }],
        ),
        w!,
      ),
  })
  agrees({
    numbers: { a: [6, 6] },
    fn: ({ a }) =>
      max(
        windows(
          pad(
            a!,
            [
              [1, 1],
              [1, 1],
            ],
            -9,
          ),
          [
            { size: 3, stride: 2 },
            { size: 3, stride: 1 },
          ],
        ),
        { axes: [2, 3] },
      ),
  })
})

test('gathers scatter their gradients in order', () => {
  const words = { t: { shape: [2, 3], values: [4, 0, 2, 2, 4, 1] } }
  agrees({
    numbers: { e: [5, 2] },
    words,
    fn: ({ e }, { t }) => view([2, 3, 2], (b, i, d) => e!.at(t!.at(b, i), d)),
  })
  agrees({
    numbers: { e: [2, 3, 5] },
    words,
    fn: ({ e }, { t }) => view([2, 3], (b, i) => e!.at(b, i, t!.at(b, i))),
  })
  agrees({
    numbers: { e: [5, 2], w: [2] },
    words,
    fn: ({ e, w }, { t }) =>
      fold({
        shape: [2, 3],
        box: [2],
        register: 'f',
        order: 'blocked',
        init: -0,
        reads: ([b, i], [k]) => [e!.at(t!.at(b!, i!), k!), w!.at(k!)],
        step: (acc, x, y) => x.fma(y, acc),
        combine: (acc, x) => acc.add(x),
      }),
  })
  agrees({
    numbers: { e: [6, 2] },
    words: { t: { shape: [6], values: [1, 0, 1, 3, 1, 0] } },
    fn: ({ e }, { t }) =>
      fold({
        shape: [4, 2],
        box: [6],
        register: 'f',
        order: 'chain',
        init: 0,
        reads: ([, d], [k]) => [e!.at(k!, d!)],
        guards: ([v], [k]) => [equals(t!.at(k!), v!)],
        step: (acc, x) => acc.add(x),
      }),
  })
})

test('scans and recurrences', () => {
  const scan = (step: (acc: F, x: F) => F, init = 0) =>
    agrees({
      numbers: { a: [2, 5] },
      fn: ({ a }) =>
        fold({
          shape: [2],
          box: [5],
          register: 'f',
          order: 'scan',
          init,
          reads: ([i], [k]) => [a!.at(i!, k!)],
          step: (acc, x) => step(acc, x),
        }),
    })
  scan((acc, x) => acc.add(x))
  scan((acc, x) => acc.fma(0.5, x.mul(x)))
  scan((acc, x) => acc.mul(x), 2)
  agrees({
    numbers: { a: [2, 5], i: [2] },
    fn: ({ a, i }) =>
      fold({
        shape: [2],
        box: [5],
        register: 'f',
        order: 'scan',
        init: ([n]) => i!.at(n!),
        reads: ([n], [k]) => [a!.at(n!, k!)],
        step: (acc, x) => acc.add(x),
      }),
  })
  for (const order of ['chain', 'blocked'] as const)
    agrees({
      numbers: { a: [2, 5] },
      fn: ({ a }) =>
        fold({
          shape: [2],
          box: [5],
          register: 'f',
          order,
          init: 1,
          reads: ([n], [k]) => [a!.at(n!, k!)],
          step: (acc, x) => acc.mul(x),
          combine: (acc, x) => acc.mul(x),
        }),
    })
  agrees({ numbers: { a: [4], b: [4] }, fn: ({ a, b }) => map([a!, b!], (x, y) => x.fma(y, x)) })
})

test('a gradient is a program like any other and has a gradient', () => {
  agrees({
    numbers: { a: [2, 3], b: [3, 2] },
    fn: ({ a, b }) => {
      const y = matmul(mul(a!, a!), b!)
      const { a: slope } = gradients(sum(mul(y, y)), { a: a! })
      return mul(slope, slope)
    },
  })
})

test('numbers narrower than f32 have f32 gradients; rounding counts as the identity', () => {
  const program = traceProgram(
    { state: { w: { dtype: 'bf16', shape: [4, 2] }, x: { dtype: 'f16', shape: [3, 4] } } },
    ({ w, x }) => {
      const { w: slope } = gradients(sum(cast(matmul(x, w), 'bf16')), { w })
      assert.equal(slope.dtype, 'f32')
      return { state: { w: cast(sub(w, mul(slope, 0.5)), 'bf16') } }
    },
  )
  const valid = validateProgram(program)
  assert.ok(valid.ok, JSON.stringify(valid))
})
