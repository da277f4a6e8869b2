import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { agrees } from '../../../test/agreement.ts'
import { executors, sameEverywhere } from '../../../test/everywhere.ts'
import type { Grid } from '../grid.ts'
import { traceProgram } from '../trace-program.ts'
import { adaptiveMeanPool2d, globalMeanPool, maxPool1d, maxPool2d, meanPool1d, meanPool2d } from './pool.ts'

const list = await executors()
after(() => Promise.all(list.map((e) => e.close())))

test('pools: overlapping, padded, strided, global, adaptive', async () => {
  const line = { x: [2, 7, 2] }
  const plane = { x: [1, 5, 6, 2] }
  await sameEverywhere(list, [
    agrees({ numbers: line, fn: ({ x }) => maxPool1d(x!, { size: 3, stride: 1, padding: 1 }) }),
    agrees({ numbers: line, fn: ({ x }) => maxPool1d(x!, { size: 2, stride: 3, dilation: 2 }) }),
    agrees({ numbers: line, fn: ({ x }) => meanPool1d(x!, { size: 2 }) }),
    agrees({
      numbers: line,
      fn: ({ x }) => meanPool1d(x!, { size: 3, stride: 2, padding: 1, countPadding: false }),
    }),
    agrees({
      numbers: plane,
      fn: ({ x }) => maxPool2d(x!, { size: [3, 2], stride: [2, 1], padding: [1, 0] }),
    }),
    agrees({
      numbers: plane,
      fn: ({ x }) => meanPool2d(x!, { size: 3, stride: 2, padding: 1, countPadding: false }),
    }),
    agrees({ numbers: plane, fn: ({ x }) => meanPool2d(x!, { size: 2, stride: 1, padding: 1 }) }),
    agrees({ numbers: plane, fn: ({ x }) => globalMeanPool(x!) }),
    agrees({ numbers: plane, fn: ({ x }) => adaptiveMeanPool2d(x!, [5, 2]) }),
    agrees({ numbers: plane, fn: ({ x }) => adaptiveMeanPool2d(x!, [3, 4]) }),
  ])
})

test('what does not fit is said', () => {
  const build = (fn: (x: Grid<'f'>) => Grid<'f'>) => () =>
    traceProgram({ state: { x: { dtype: 'f32', shape: [1, 4, 4, 1] } } }, ({ x }) => ({
      outputs: { y: fn(x) },
    }))
  assert.throws(
    build((x) => maxPool2d(x, { size: 2, padding: 2 })),
    /at most half/,
  )
  assert.throws(
    build((x) => maxPool1d(x, { size: 2 })),
    /1 places and channels/,
  )
})
