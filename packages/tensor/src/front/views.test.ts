import assert from 'node:assert/strict'
import { test } from 'node:test'
import { near, numbersFrom, numbersOf, tensor } from '../../test/agreement.ts'
import { evaluate } from '../../test/doubles.ts'
import { randomChange } from '../../test/random-views.ts'
import { runStep } from '../reference.ts'
import { validateProgram } from '../validate.ts'
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
import { slice, split, transpose } from './views.ts'

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
