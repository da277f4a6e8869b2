import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { agrees, numbersFrom, numbersOf, tensor } from '../../../test/agreement.ts'
import { executors, sameEverywhere } from '../../../test/everywhere.ts'
import { runStep } from '../../reference.ts'
import { broadcastTo } from '../broadcast.ts'
import type { Grid } from '../grid.ts'
import { traceProgram } from '../trace-program.ts'
import { cumulativeMax, cumulativeMin } from './cumulative.ts'
import { argmax, argmin } from './reduce.ts'
import { greatestPlaces, keepGreatest, keepLikeliest, sample } from './sample.ts'

const list = await executors()
after(() => Promise.all(list.map((e) => e.close())))

const rowsOf = (shape: readonly number[], fn: (x: Grid<'f'>) => Grid) =>
  traceProgram({ state: { x: { dtype: 'f32', shape } } }, ({ x }) => ({ outputs: { y: fn(x) } }))
const run = (values: readonly number[], fn: (x: Grid<'f'>) => Grid): number[] => {
  const program = rowsOf([values.length], fn)
  return numbersOf(runStep(program, [tensor(program.state[0]!, values)], []).outputs[0]!)
}
const gone = Number.NEGATIVE_INFINITY

test('the k greatest stay, of equal ones the first', () => {
  const x = [3, -1, 7, -0, 0, 7, -2, Number.NEGATIVE_INFINITY, 2e-45, 3]
  const order = x
    .map((value, place) => ({ value, place }))
    .sort((a, b) =>
      Object.is(a.value, b.value) ? a.place - b.place : b.value - a.value || (Object.is(a.value, 0) ? -1 : 1),
    )
  for (const k of [1, 2, 3, 6, 9, 10]) {
    const kept = order.slice(0, k).map((o) => o.place)
    assert.deepEqual(
      run(x, (g) => keepGreatest(g, k)),
      x.map((value, place) => (kept.includes(place) ? Math.fround(value) : gone)),
      `k ${k}`,
    )
    assert.deepEqual(
      run(x, (g) => greatestPlaces(g, k)),
      kept.toSorted((a, b) => a - b),
    )
  }
})

test('the likeliest places with a probability of p stay', () => {
  const shares = [0.1, 0.35, 0.05, 0.3, 0.2]
  const x = shares.map(Math.log)
  const kept = (p: number) => run(x, (g) => keepLikeliest(g, p)).flatMap((v, i) => (v === gone ? [] : [i]))
  assert.deepEqual(kept(0.2), [1])
  assert.deepEqual(kept(0.36), [1, 3])
  assert.deepEqual(kept(0.64), [1, 3])
  assert.deepEqual(kept(0.66), [1, 3, 4])
  assert.deepEqual(kept(0.9), [0, 1, 3, 4])
  assert.deepEqual(kept(1), [0, 1, 2, 3, 4])
})

test('draws follow the probabilities of what is kept', () => {
  const count = 1000
  const program = traceProgram(
    { state: { x: { dtype: 'f32', shape: [4] } }, inputs: { seed: { dtype: 'u32', shape: [1] } } },
    ({ x }, { seed }) => ({
      outputs: {
        y: sample(broadcastTo(x, [count, 4]), {
          temperature: 0.5,
          greatest: 3,
          from: { seed, step: seed, salt: 1 },
        }),
        sure: sample(x, { temperature: 0, from: { seed, step: seed, salt: 1 } }),
      },
    }),
  )
  const shares = [0.4, 0.1, 0.3, 0.2]
  const x = tensor(program.state[0]!, shares.map(Math.log))
  const ran = runStep(program, [x], [tensor(program.inputs[0]!, [7])])
  const drawn = numbersOf(ran.outputs[0]!)
  const squares = [0.16, 0, 0.09, 0.04].map((s) => s / 0.29) // at temperature 1/2
  for (const [place, share] of squares.entries()) {
    const part = drawn.filter((d) => d === place).length / count
    assert.ok(Math.abs(part - share) <= 4 * Math.sqrt((share * (1 - share)) / count), `${place}: ${part}`)
  }
  assert.deepEqual(numbersOf(ran.outputs[1]!), [0])
})

test('what is kept takes the gradient; cumulative extremes and least places', async () => {
  const numbers = { x: [2, 9] }
  await sameEverywhere(list, [
    agrees({ numbers: { x: [2, 5] }, fn: ({ x }) => cumulativeMax(x!) }),
    agrees({ numbers: { x: [4, 2] }, fn: ({ x }) => cumulativeMin(x!, 0) }),
    rowsOf([3, 9], (x) => keepGreatest(x, 4)),
    rowsOf([3, 9], (x) => keepLikeliest(x, 0.7)),
    rowsOf([2, 70], (x) => greatestPlaces(x, 5)),
    rowsOf([2, 9], (x) => argmin(x)),
  ])
  const kept = traceProgram({ state: { x: { dtype: 'f32', shape: numbers.x } } }, ({ x }) => ({
    outputs: { least: argmin(x, { axis: 0 }), most: argmax(x, { axis: 0 }) },
  }))
  const next = numbersFrom(2)
  const x = Array.from({ length: 18 }, next)
  const [least, most] = runStep(kept, [tensor(kept.state[0]!, x)], []).outputs.map(numbersOf)
  assert.deepEqual(
    least,
    x.slice(0, 9).map((a, i) => (a <= x[i + 9]! ? 0 : 1)),
  )
  assert.deepEqual(
    most,
    x.slice(0, 9).map((a, i) => (a >= x[i + 9]! ? 0 : 1)),
  )
})

test('what does not fit is said', () => {
  assert.throws(() => rowsOf([2, 4], (x) => keepGreatest(x, 5)), /k is 5/)
  assert.throws(() => rowsOf([2, 4], (x) => keepLikeliest(x, 0)), /above 0/)
})
