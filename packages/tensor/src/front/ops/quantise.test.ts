import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { agrees, near, numbersFrom, numbersOf, tensor } from '../../../test/agreement.ts'
import { executors, sameEverywhere } from '../../../test/everywhere.ts'
import { runStep } from '../../reference.ts'
import { traceProgram } from '../trace-program.ts'
import { matmul } from './contract.ts'
import { dequantise, matmulQuantised, quantise } from './quantise.ts'

const list = await executors()
after(() => Promise.all(list.map((e) => e.close())))

const program = traceProgram(
  { state: { x: { dtype: 'f32', shape: [3, 40] }, w: { dtype: 'f32', shape: [40, 10] } } },
  ({ x, w }) => {
    const small = quantise(w)
    return {
      outputs: {
        exact: matmul(x, w),
        product: matmulQuantised(x, small),
        words: small.words,
        scale: small.scale,
        w: dequantise(small),
        slow: matmul(x, dequantise(small)),
      },
    }
  },
)

test('a quantised weight is within half a step of the weight, and its product within what follows', () => {
  const next = numbersFrom(8)
  const x = Array.from({ length: 120 }, () => Math.fround(next()))
  // Columns of very different magnitudes; one of zeroes, one with its least and greatest at both ends.
  const w = Array.from({ length: 400 }, (_, i) =>
    Math.fround(i % 10 === 3 ? 0 : next() * 10 ** ((i % 10) - 5)),
  )
  w[4] = 8
  w[14] = -8
  const { outputs } = runStep(program, [tensor(program.state[0]!, x), tensor(program.state[1]!, w)], [])
  const [exact, product, , scale, back, slow] = outputs.map((t) => (t.dtype === 'u8' ? [] : numbersOf(t)))
  const words = outputs[2]!.data
  for (let n = 0; n < 10; n++) {
    const m = Math.max(...w.filter((_, i) => i % 10 === n).map(Math.abs))
    assert.ok(Math.abs(scale![n]! - m / 127) <= (2 ** -23 * m) / 127)
    for (let k = 0; k < 40; k++) {
      const i = k * 10 + n
      assert.ok(Math.abs(back![i]! - w[i]!) <= m / 254 + 2 ** -22 * m, `${i}`)
      assert.ok(n === 3 ? words[i] === 128 : words[i]! >= 1)
    }
    for (let r = 0; r < 3; r++) {
      const size = x.slice(r * 40, r * 40 + 40).reduce((sum, a) => sum + Math.abs(a), 0)
      const at = r * 10 + n
      assert.ok(Math.abs(product![at]! - exact![at]!) <= size * m * (1 / 254 + 2 ** -20))
      near([product![at]! / (m || 1)], [slow![at]! / (m || 1)], 2 ** -19, 'the two ways')
    }
  }
  assert.deepEqual([words[4], words[14]], [255, 1])
})

test('quantised products have the same bits everywhere, and x has a gradient', async () => {
  await sameEverywhere(list, [
    program,
    agrees({
      numbers: { x: [2, 2, 5], s: [3] },
      words: { w: { shape: [5, 3], values: Array.from({ length: 15 }, (_, i) => (i * 37) % 255) } },
      fn: ({ x, s }, { w }) => matmulQuantised(x!, { words: w!, scale: s! }),
    }),
  ])
})
