import assert from 'node:assert/strict'
import { test } from 'node:test'
import { near, numbersFrom, numbersOf, tensor } from '../../test/agreement.ts'
import { evaluate } from '../../test/doubles.ts'
import { runStep } from '../reference.ts'
import { validateProgram } from '../validate.ts'
import { broadcastTo } from './broadcast.ts'
import { fold } from './fold.ts'
import { gradients } from './grad/gradients.ts'
import { type Grid, materialise } from './grid.ts'
import { add, mul } from './ops/arithmetic.ts'
import { concat } from './ops/concat.ts'
import { contract, matmul } from './ops/contract.ts'
import { gatherRows } from './ops/gather.ts'
import { sum } from './ops/reduce.ts'
import { reshape } from './reshape.ts'
import { TraceError } from './trace-error.ts'
import { traceProgram } from './trace-program.ts'
import { expand, flip, pad, slice, split, transpose, windows } from './views.ts'

type Change = (x: Grid<'f'>) => Grid<'f'>

/** A random view of any grid, chosen by a stream of numbers in [0, 1). */
const randomChange = (draw: () => number, x: Grid<'f'>): Change => {
  const pickOne = (n: number) => Math.floor(draw() * n)
  const axis = pickOne(Math.max(1, x.rank))
  const extent = x.shape[axis] ?? 1
  const around = (by: () => number) =>
    x.shape.map((_, d) => (d === axis ? ([by(), by()] as const) : ([0, 0] as const)))
  const kinds: (() => Change | undefined)[] = [
    () => {
      const keys = [...x.shape.keys()].map((d) => [draw(), d] as const)
      const order = keys.sort(([a], [b]) => a - b).map(([, d]) => d)
      return (g) => transpose(g, order)
    },
    () => {
      const from = pickOne(extent)
      const to = from + 1 + pickOne(extent - from)
      const step = 1 + pickOne(2)
      return (g) => slice(g, { axis, from, to, step })
    },
    () => (g) => flip(g, [axis]),
    () => {
      const [[before, after]] = [[pickOne(3), pickOne(3)]] as const
      const value = draw() < 0.5 ? 0 : 2
      let n = 0
      const sides = around(() => (n++ % 2 === 0 ? before! : after!))
      return (g) => pad(g, sides, value)
    },
    () => {
      const factors: number[] = []
      for (let rest = x.size; rest > 1; ) {
        const divisors = Array.from({ length: rest }, (_, i) => i + 1).filter((d) => rest % d === 0)
        const f = divisors[pickOne(divisors.length)]!
        factors.push(f)
        rest /= f
        if (factors.length === 4) factors[3] = factors[3]! * rest
        if (factors.length === 4) break
      }
      return (g) => reshape(g, factors)
    },
    () => {
      const size = 1 + pickOne(extent)
      const stride = 1 + pickOne(2)
      const last = x.rank - 1
      if (x.rank === 0 || axis !== last || x.size > 40) return undefined
      return (g) => windows(g, [{ size, stride }])
    },
    () => (x.size > 30 ? undefined : (g) => broadcastTo(expand(g, axis), x.shape.toSpliced(axis, 0, 2))),
  ]
  return kinds[pickOne(kinds.length)]!() ?? ((g) => g)
}

test('any composition of views is what copies at every step give, with the same gradients', () => {
  for (let seed = 1; seed <= 150; seed++) {
    const numbers = numbersFrom(seed)
    const draw = () => (numbers() + 1.2) / 2.4
    const length = 24
    const data = Float64Array.from({ length }, () => Math.fround(numbers()))
    let checked: Grid<'f'>[] = []
    const program = traceProgram({ state: { x: { dtype: 'f32', shape: [2, 3, 4] } } }, ({ x }) => {
      let lazy: Grid<'f'> = x
      let eager: Grid<'f'> = x
      for (let n = 0; n < 4 && lazy.rank > 0 && lazy.rank < 6; n++) {
        const change = randomChange(draw, lazy)
        lazy = change(lazy)
        eager = materialise(change(eager))
      }
      const slopeOf = (g: Grid<'f'>) => gradients(sum(mul(g, mul(g, 0.5))), { x }).x
      checked = [lazy, eager, slopeOf(lazy), slopeOf(eager)]
      return { outputs: { lazy, eager, a: checked[2]!, b: checked[3]! } }
    })
    const valid = validateProgram(program)
    assert.ok(valid.ok, `seed ${seed}: ${JSON.stringify(valid)}`)
    const [a, b, c, d] = evaluate(checked, () => data)
    assert.deepEqual(a, b, `seed ${seed}`)
    near(c!, d!, 1e-12, `seed ${seed}: gradient`)
    const ran = runStep(program, [tensor(program.state[0]!, data)], []).outputs.map(numbersOf)
    assert.deepEqual(ran[0], a, `seed ${seed}: f32`)
    assert.deepEqual(ran[1], a, `seed ${seed}: f32`)
    near(ran[2]!, c!, 1e-5, `seed ${seed}: f32 gradient`)
  }
})

test('reshapes of dense grids and of attention heads are free', () => {
  const program = traceProgram({ state: { x: { dtype: 'f32', shape: [2, 3, 8] } } }, ({ x }) => {
    const heads = transpose(reshape(x, [2, 3, 2, 4]), [0, 2, 1, 3])
    const back = reshape(transpose(heads, [0, 2, 1, 3]), [6, 8])
    return { outputs: { y: add(reshape(split(back, 2)[1]!, [3, 2, 2, 2]), 1) } }
  })
  assert.equal(program.nodes.length, 1)
})

test('equal nodes are made once and unused ones not at all', () => {
  const program = traceProgram({ state: { x: { dtype: 'f32', shape: [4] } } }, ({ x }) => {
    matmul(reshape(x, [2, 2]), reshape(x, [2, 2]))
    return { outputs: { y: add(mul(x, x), mul(x, x)), z: mul(x, x) } }
  })
  assert.equal(program.nodes.length, 2)
})

test('mistakes name the operation, the shapes and the remedy', () => {
  traceProgram(
    { state: { x: { dtype: 'f32', shape: [2, 3] }, t: { dtype: 'u32', shape: [3] } } },
    ({ x, t }) => {
      const fails = (fn: () => unknown, message: RegExp) =>
        assert.throws(fn, (e) => e instanceof TraceError && message.test(e.message))
      fails(() => matmul(x, x), /matmul: shapes \[2, 3\] and \[2, 3\]/)
      fails(() => add(x, transpose(x)), /add: shapes \[2, 3\] and \[3, 2\] do not broadcast/)
      fails(() => reshape(x, [4, 2]), /reshape: shape \[2, 3\] has 6 elements/)
      fails(() => slice(x, { axis: 1, from: 2, to: 5 }), /slice: \[2, 5\) by 1 of dimension 1, which has 3/)
      fails(() => contract('mk,kn->mn', x, x), /k is 3 and 2/)
      fails(() => concat([x, x, reshape(x, [3, 2])]), /concat: f32 \[3, 2\] does not continue/)
      fails(() => gradients(mul(x, x), { x }), /gradients: the loss has shape \[2, 3\]/)
      fails(() => gradients(sum(x), { y: transpose(x) }), /gradients: y is a view/)
      fails(() => gatherRows(x, x as unknown as typeof t), /a word must come from a grid of u32 or u8/)
      fails(
        () =>
          gradients(
            sum(
              fold({
                label: 'product',
                shape: [2],
                box: [3, 100],
                register: 'f',
                order: 'blocked',
                init: 1,
                reads: ([i], [k]) => [x.at(i!, k!)],
                step: (acc, v) => acc.mul(v),
                combine: (acc, v) => acc.mul(v),
              }),
            ),
            { x },
          ),
        /gradient of product: a blocked fold over 300 points/,
      )
      return {}
    },
  )
  assert.throws(
    () =>
      traceProgram({ state: { x: { dtype: 'f32', shape: [2] } } }, () => ({
        state: { x: undefined as never, y: 1 as never },
      })),
    /y, which is no state/,
  )
})
