import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asWritten, planProgram, randomNetwork, randomProgram, refsOf, size } from '@lockstep/tensor'
import { isNarrow, placeOf, planDevice } from './device-plan.ts'

test('every launch finds its sources where the arena has them, and items cover every element', () => {
  let shared = 0
  for (let seed = 1; seed <= 40; seed++) {
    for (const { program } of [randomProgram(seed), randomNetwork(seed)]) {
      for (const plan of [planProgram(program, { group: false }), asWritten(program)]) {
        const { arena, kernels, launches, program: planned } = planDevice(plan)
        shared += launches.length - kernels.length
        launches.forEach(({ kernel, node, places }, i) => {
          assert.equal(node, i)
          const { kind, node: slotted, items, each, slots } = kernels[kernel]!
          if (items > 0) assert.ok(items * each >= size(slotted.shape))
          assert.ok((items - 1) * each < size(slotted.shape))
          if (kind !== 'scan') assert.ok([1, 2, 4].includes(each))
          places.forEach((at, parity) => {
            assert.equal(at.length, 1 + slots)
            assert.equal(at[0], arena.nodes[parity]![node])
            const own = refsOf(planned.nodes[node]!)
            refsOf(slotted).forEach(({ index }, k) => {
              assert.equal(at[1 + index], placeOf(arena, parity, own[k]!))
            })
          })
        })
      }
    }
  }
  assert.ok(shared > 0, 'nodes that differ only in whom they read share a kernel')
})

test('forms that 32 bits cannot hold are told apart', () => {
  const by = (factor: number) => ({ base: 1, terms: [{ at: 0, by: factor }] })
  assert.equal(isNarrow(by(2 ** 30), [2]), true)
  assert.equal(isNarrow(by(2 ** 30), [3]), false)
  assert.equal(isNarrow(by(-(2 ** 30)), [3]), true)
  assert.equal(isNarrow(by(-(2 ** 31) + 1), [3]), false)
})
