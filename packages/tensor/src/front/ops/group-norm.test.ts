import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { agrees, near, numbersFrom, numbersOf, tensor } from '../../../test/agreement.ts'
import { executors, sameEverywhere } from '../../../test/everywhere.ts'
import { runStep } from '../../reference.ts'
import { traceProgram } from '../trace-program.ts'
import { batchNorm, batchNormFixed, groupNorm } from './group-norm.ts'

const list = await executors()
after(() => Promise.all(list.map((e) => e.close())))

const numbers = { x: [2, 2, 1, 4], g: [4], b: [4], m: [4], v: [4] }

test('group and batch norms and their gradients', async () => {
  await sameEverywhere(list, [
    agrees({ numbers, fn: ({ x, g, b }) => groupNorm(x!, { groups: 2, gain: g!, bias: b! }) }),
    agrees({ numbers: { x: [1, 3, 4] }, fn: ({ x }) => groupNorm(x!, { groups: 4 }) }),
    agrees({ numbers: { x: [1, 64] }, fn: ({ x }) => groupNorm(x!, { groups: 1 }) }),
    agrees({
      numbers,
      fn: ({ x, g, b, m, v }) =>
        batchNorm(x!, { running: { mean: m!, variance: v! }, gain: g!, bias: b! }).normal,
    }),
    agrees({
      numbers,
      positive: true,
      fn: ({ x, g, m, v }) => batchNormFixed(x!, { running: { mean: m!, variance: v! }, gain: g! }),
    }),
  ])
})

test('the running statistics of a batch norm move towards those of the batch', () => {
  const f = (...shape: number[]) => ({ dtype: 'f32', shape }) as const
  const program = traceProgram(
    { state: { m: f(2), v: f(2) }, inputs: { x: f(3, 5, 2) } },
    ({ m, v }, { x }) => {
      const { normal, running } = batchNorm(x, { running: { mean: m, variance: v }, momentum: 0.25 })
      return { state: { m: running.mean, v: running.variance }, outputs: { normal } }
    },
  )
  const next = numbersFrom(4)
  const x = Array.from({ length: 30 }, next)
  const { next: state } = runStep(
    program,
    [tensor(program.state[0]!, [1, 2]), tensor(program.state[1]!, [3, 4])],
    [tensor(program.inputs[0]!, x)],
  )
  for (const channel of [0, 1]) {
    const own = x.filter((_, i) => i % 2 === channel)
    const mean = own.reduce((a, b) => a + b) / 15
    const variance = own.reduce((a, b) => a + (b - mean) ** 2, 0) / 14
    near([numbersOf(state[0]!)[channel]!], [0.75 * (1 + channel) + 0.25 * mean], 1e-6, 'mean')
    near([numbersOf(state[1]!)[channel]!], [0.75 * (3 + channel) + 0.25 * variance], 1e-6, 'variance')
  }
})

test('what does not fit is said', () => {
  traceProgram({ state: { x: { dtype: 'f32', shape: [2, 3, 4] } } }, ({ x }) => {
    assert.throws(() => groupNorm(x, { groups: 3 }), /C a multiple of the groups/)
    assert.throws(() => groupNorm(x, { groups: 2, gain: x }), /gain is \[2, 3, 4\]; it must be \[4\]/)
    return {}
  })
})
