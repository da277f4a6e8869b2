import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { agrees } from '../../../test/agreement.ts'
import { executors, sameEverywhere } from '../../../test/everywhere.ts'
import { traceProgram } from '../trace-program.ts'
import { binaryCrossEntropy, huber, klDivergences, meanAbsoluteError, meanSquaredError } from './loss.ts'
import { crossEntropies, crossEntropy } from './softmax.ts'

const list = await executors()
after(() => Promise.all(list.map((e) => e.close())))

test('losses and their gradients', async () => {
  const numbers = { x: [2, 5], y: [2, 5] }
  await sameEverywhere(
    list,
    [meanSquaredError, meanAbsoluteError, huber, binaryCrossEntropy, klDivergences].map((loss) =>
      agrees({ numbers, fn: ({ x, y }) => loss(x!, y!) }),
    ),
  )
  agrees({ numbers: { x: [3, 4], y: [4] }, fn: ({ x, y }) => meanSquaredError(x!, y!) })
  agrees({ numbers, fn: ({ x, y }) => huber(x!, y!, { delta: 0.3 }) })
})

test('cross-entropy with rows that are ignored and weight that is spread', async () => {
  const numbers = { x: [4, 5] }
  const words = { t: { shape: [4], values: [4, 0, 2, 0] } }
  await sameEverywhere(list, [
    agrees({ numbers, words, fn: ({ x }, { t }) => crossEntropy(x!, t!, { ignore: 0 }) }),
    agrees({ numbers, words, fn: ({ x }, { t }) => crossEntropies(x!, t!, { smoothing: 0.1 }) }),
    agrees({ numbers, words, fn: ({ x }, { t }) => crossEntropy(x!, t!, { ignore: 2, smoothing: 0.25 }) }),
  ])
})

test('the gradient of cross-entropy with options is one node of all logits', () => {
  const words = { t: { shape: [4], values: [4, 0, 2, 0] } }
  const program = agrees({
    numbers: { x: [4, 5] },
    words,
    fn: ({ x }, { t }) => crossEntropies(x!, t!, { ignore: 2, smoothing: 0.25 }),
  })
  assert.equal(program.nodes.filter((n) => String(n.shape) === '4,5').length, 1)
})

test('what does not fit is said', () => {
  const types = { x: { dtype: 'f32', shape: [2, 3] }, y: { dtype: 'f32', shape: [2, 4] } } as const
  traceProgram({ state: types, inputs: { t: { dtype: 'u32', shape: [2] } } }, ({ x, y }, { t }) => {
    assert.throws(() => klDivergences(x, y), /they must be alike/)
    assert.throws(() => huber(x, x, { delta: 0 }), /above 0/)
    assert.throws(() => crossEntropy(x, t, { smoothing: 1 }), /in \[0, 1\)/)
    assert.throws(() => crossEntropy(x, t, { ignore: -100 }), /must be a word/)
    return {}
  })
})
