import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  contract,
  type Grid,
  layerNorm,
  mul,
  type Program,
  planProgram,
  randomNetwork,
  rmsNorm,
  size,
  softmax,
  sum,
  traceProgram,
} from '@lockstep/tensor'
import { membersOf, type RowChain, rowChains, sourcesOf } from './row-chain.ts'

const WORDS = 12_288
const planned = (shape: readonly number[], make: (x: Grid<'f'>) => Grid<'f'>): Program => {
  const program = traceProgram({ state: {}, inputs: { x: { dtype: 'f32', shape } } }, (_, { x }) => ({
    state: {},
    outputs: { y: make(x as Grid<'f'>) },
  }))
  return planProgram(program, { group: false }).program
}

test('softmax and norms of rows are one chain each, of which only the result is kept', () => {
  for (const [shape, make] of [
    [[40, 1024], softmax],
    [[40, 300], softmax],
    [[2, 40, 128], (x: Grid<'f'>) => softmax(x, { causal: true })],
    [[40, 768], layerNorm],
    [[40, 4096], rmsNorm],
  ] as const) {
    const { nodes, ...rest } = planned(shape, make as (x: Grid<'f'>) => Grid<'f'>)
    const chains = rowChains({ nodes, ...rest }, WORDS)
    assert.equal(chains.length, 1)
    const [chain] = chains as [RowChain]
    assert.equal(chain.count, nodes.length)
    assert.equal(chain.rows, size(shape.slice(0, -1)))
    assert.deepEqual(chain.kept, [nodes.length - 1])
    assert.deepEqual(chain.staged, [{ ref: { from: 'input', index: 0 }, width: shape.at(-1) }])
  }
})

test('what is not over the same rows, or has no room, is no chain', () => {
  for (const [shape, make] of [
    [[64, 64], (x: Grid<'f'>) => mul(contract('ij,jk->ik', x, x), 2)], // a product
    [[64, 1024], (x: Grid<'f'>) => sum(x, { axes: 0 })], // along columns
    [[64, 16], softmax], // narrow
    [[4, 20_001], softmax], // too wide
  ] as const)
    assert.deepEqual(rowChains(planned(shape, make as (x: Grid<'f'>) => Grid<'f'>), WORDS), [])
  // The row, its exponentials, and 16 lanes and a result of the greatest and of the sum.
  const words = 2 * (1024 + 16 + 1)
  assert.equal(rowChains(planned([64, 1024], softmax), words - 1)[0]?.count, 5)
  assert.equal(rowChains(planned([64, 1024], softmax), words)[0]?.count, 6)
})

test('chains of random networks keep what others read, and read each other only along the row', () => {
  let found = 0
  for (let seed = 1; seed <= 60; seed++) {
    const { program } = planProgram(randomNetwork(seed).program, { group: false })
    let free = 0
    for (const chain of rowChains(program, WORDS)) {
      found++
      const members = membersOf(chain)
      assert.ok(chain.first >= free && chain.count >= 2)
      free = chain.first + chain.count
      for (const m of members) assert.equal(size(program.nodes[m]!.shape) % chain.rows, 0)
      // Everything that a member of another place could see is there before the chain runs.
      for (const ref of sourcesOf(program, members)) assert.ok(ref.from !== 'node' || ref.index < chain.first)
      const outside = program.nodes.flatMap((node, i) =>
        members.includes(i) ? [] : node.reads.map((r) => r.ref),
      )
      for (const ref of [...outside, ...program.next, ...program.outputs.map((o) => o.ref)])
        if (ref.from === 'node' && members.includes(ref.index)) assert.ok(chain.kept.includes(ref.index))
    }
  }
  assert.ok(found > 20, `${found} chains`)
})
