import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { agrees, near } from '../../../test/agreement.ts'
import { evaluate } from '../../../test/doubles.ts'
import { executors, sameEverywhere } from '../../../test/everywhere.ts'
import { traceProgram } from '../trace-program.ts'
import { geglu, swiglu } from './activation.ts'
import { rotary, rotaryFrequencies, rotation } from './rotary.ts'

const list = await executors()
after(() => Promise.all(list.map((e) => e.close())))

test('rotary positions and gated units, with their gradients', async () => {
  const words = { p: { shape: [3], values: [0, 1, 5] }, each: { shape: [2, 3], values: [0, 1, 2, 7, 8, 9] } }
  const numbers = { x: [2, 3, 2, 4] }
  const frequencies = () => rotaryFrequencies(4, 100)
  const gates = { a: [2, 5], b: [2, 5] }
  await sameEverywhere(list, [
    agrees({ numbers, words, fn: ({ x }, { p }) => rotary(x!, rotation(p!, frequencies())) }),
    agrees({ numbers, words, fn: ({ x }, { each }) => rotary(x!, rotation(each!, frequencies())) }),
    agrees({ numbers, words, fn: ({ x }, { p }) => rotary(x!, rotation(p!, frequencies()), 'neighbours') }),
    agrees({ numbers: gates, fn: ({ a, b }) => swiglu(a!, b!) }),
    agrees({ numbers: gates, fn: ({ a, b }) => geglu(a!, b!) }),
  ])
})

test('a pair turns by its place times its frequency', () => {
  traceProgram(
    { state: { x: { dtype: 'f32', shape: [1, 1, 1, 4] } }, inputs: { p: { dtype: 'u32', shape: [1] } } },
    ({ x }, { p }) => {
      const turn = rotation(p, rotaryFrequencies(4, 100))
      const data = ({ name }: { name: string }) => (name === 'x' ? [1, 2, 3, 4] : [5])
      const [c, s] = [Math.cos, Math.sin]
      const [halves, neighbours] = evaluate([rotary(x, turn), rotary(x, turn, 'neighbours')], data)
      const [a, b] = [5, 0.5] // 5 * 100^0 and 5 * 100^(-1/2)
      const expected = [1 * c(a) - 3 * s(a), 2 * c(b) - 4 * s(b), 3 * c(a) + 1 * s(a), 4 * c(b) + 2 * s(b)]
      near(halves!, expected, 1e-7, 'halves')
      const other = [c(a) - 2 * s(a), 2 * c(a) + s(a), 3 * c(b) - 4 * s(b), 4 * c(b) + 3 * s(b)]
      near(neighbours!, other, 1e-7, 'neighbours')
      return {}
    },
  )
  assert.throws(() => traceProgram({ state: {} }, () => ({ outputs: { f: rotaryFrequencies(3) } })), /even/)
})
