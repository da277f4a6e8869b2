import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bareProducts } from './bare-products.ts'
import { gptCase, mlpCase } from './cases.ts'
import { pattern } from './pattern.ts'
import { sameWork } from './same-work.ts'

test('another result is refused, the same result in another order of sums is not', () => {
  assert.equal(sameWork('a', 'them', [1, 2], [1, 2.000002]), 'within 1.0e-6')
  assert.throws(() => sameWork('a', 'them', [1, 2], [1, 2.01]), /them computes something else/)
  assert.throws(() => sameWork('a', 'them', [1, 2], [1]), /something else/)
  assert.throws(() => sameWork('a', 'them', [1], [Number.NaN]), /something else/)
})

test('the numbers that all sides start from are these', () => {
  // The same four are what bench/peers/pattern.py gives.
  assert.deepEqual([...pattern(3, 4, 2)], FIRST)
})
const FIRST = [-0.1402837038040161, 0.297031044960022, 0.7067078351974487, -0.15369760990142822]

test("a step's bare products are its contractions: three a dense layer but one less for the first", () => {
  const mlp = mlpCase({ widths: [8, 6, 5, 4], batch: 3, rate: 0.1 })
  const { program, flops } = bareProducts(mlp.program)
  assert.equal(program.nodes.length, 3 * 3 - 1)
  assert.equal(flops, 2 * 3 * (3 * (8 * 6 + 6 * 5 + 5 * 4) - 8 * 6))
  const gpt = gptCase({ vocab: 16, context: 4, width: 8, layers: 1, heads: 2, batch: 2, rate: 0.1 })
  // qkv, out, in, out and head: three each; scores and values: three each.
  assert.equal(bareProducts(gpt.program).program.nodes.length, 3 * 5 + 3 * 2)
})
