import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agrees, near, numbersFrom } from '../../../test/agreement.ts'
import { evaluate } from '../../../test/doubles.ts'
import { traceProgram } from '../trace-program.ts'
import { transpose } from '../views.ts'
import { add, mul } from './arithmetic.ts'
import { concat, stack } from './concat.ts'
import { conv1d, conv2d } from './convolve.ts'
import { cumulativeProduct, cumulativeSum } from './cumulative.ts'
import { gatherLast, gatherRows, oneHot, take } from './gather.ts'
import { maxPool2d, meanPool2d } from './pool.ts'
import { argmax } from './reduce.ts'

const words = { t: { shape: [2, 3], values: [4, 0, 2, 2, 4, 1] }, k: { shape: [3], values: [3, 0, 3] } }

test('gathers', () => {
  agrees({ numbers: { e: [5, 2] }, words, fn: ({ e }, { t }) => mul(gatherRows(e!, t!), 2) })
  agrees({ numbers: { x: [2, 3, 5] }, words, fn: ({ x }, { t }) => gatherLast(mul(x!, x!), t!) })
  agrees({ numbers: { x: [2, 4] }, words, fn: ({ x }, { k }) => take(x!, k!, 1) })
  agrees({ numbers: { x: [2, 3, 5] }, words, fn: ({ x }, { t }) => mul(oneHot(t!, 5), x!) })
})

test('concatenation, also of more grids than a node reads', () => {
  agrees({ numbers: { a: [2, 3], b: [2, 1] }, fn: ({ a, b }) => concat([a!, mul(b!, 2), a!], 1) })
  agrees({
    numbers: { a: [2, 1], b: [2, 2] },
    fn: ({ a, b }) => concat([a!, b!, b!, a!, b!, b!, a!, b!], -1),
  })
  agrees({ numbers: { a: [2, 2], b: [2, 2] }, fn: ({ a, b }) => stack([a!, transpose(b!)], 1) })
})

test('cumulative sums and products', () => {
  agrees({ numbers: { a: [2, 4, 3] }, fn: ({ a }) => cumulativeSum(a!, 1) })
  agrees({ numbers: { a: [4, 2] }, fn: ({ a }) => cumulativeProduct(a!, 0) })
})

test('convolutions and pools', () => {
  agrees({
    numbers: { x: [2, 7, 2], w: [3, 2, 3] },
    fn: ({ x, w }) => conv1d(x!, w!, { padding: 1, stride: 2 }),
  })
  agrees({ numbers: { x: [1, 8, 2], w: [2, 2, 2] }, fn: ({ x, w }) => conv1d(x!, w!, { dilation: 3 }) })
  agrees({ numbers: { x: [1, 5, 4, 2], w: [3, 3, 2, 2] }, fn: ({ x, w }) => conv2d(x!, w!, { padding: 1 }) })
  agrees({
    numbers: { x: [1, 5, 6, 2], w: [3, 3, 2, 1] },
    fn: ({ x, w }) => conv2d(x!, w!, { padding: 1, stride: 2 }),
  })
  agrees({ numbers: { x: [1, 6, 4, 2] }, fn: ({ x }) => maxPool2d(x!, { size: 2 }) })
  agrees({ numbers: { x: [1, 5, 5, 1] }, fn: ({ x }) => maxPool2d(x!, { size: 3, stride: 2, padding: 1 }) })
  agrees({ numbers: { x: [1, 5, 6, 2] }, fn: ({ x }) => meanPool2d(x!, { size: 3, stride: 1 }) })
})

test('a convolution is the sum it says it is', () => {
  const next = numbersFrom(5)
  const data: { [name: string]: number[] } = {
    x: Array.from({ length: 1 * 4 * 5 * 2 }, next),
    w: Array.from({ length: 2 * 3 * 2 * 2 }, next),
  }
  const types = {
    x: { dtype: 'f32', shape: [1, 4, 5, 2] },
    w: { dtype: 'f32', shape: [2, 3, 2, 2] },
  } as const
  traceProgram({ state: types }, ({ x, w }) => {
    const [got] = evaluate([conv2d(x, w)], ({ name }) => data[name]!)
    const expected: number[] = []
    for (let h = 0; h < 3; h++)
      for (let v = 0; v < 3; v++)
        for (let o = 0; o < 2; o++) {
          let sum = 0
          for (let k = 0; k < 2; k++)
            for (let l = 0; l < 3; l++)
              for (let i = 0; i < 2; i++)
                sum += data.x![((h + k) * 5 + v + l) * 2 + i]! * data.w![((k * 3 + l) * 2 + i) * 2 + o]!
          expected.push(sum)
        }
    near(got!, expected, 1e-12, 'conv2d')
    return {}
  })
})

test('argmax is the first maximum', () => {
  traceProgram({ state: { x: { dtype: 'f32', shape: [2, 4] } } }, ({ x }) => {
    const [got] = evaluate([argmax(x)], () => [1, 3, 3, 2, 5, 5, 5, 5])
    assert.deepEqual(got, [1, 0])
    return { outputs: { x: add(x, 0) } }
  })
})
