import assert from 'node:assert/strict'
import { test } from 'node:test'
import { f32Tensor, f32Values } from '@lockstep/models'
import { createWasmExecutor, type NamedType, referenceExecutor, type Tensor } from '@lockstep/tensor'
import fc from 'fast-check'
import { boundOf, mergeUpdates } from './merge-updates.ts'

const types: NamedType[] = [
  { name: 'a', dtype: 'f32', shape: [2, 3] },
  { name: 'b', dtype: 'f32', shape: [2] },
]
const model = (values: readonly number[]): Tensor[] => [
  f32Tensor([2, 3], Float32Array.from(values.slice(0, 6))),
  f32Tensor([2], Float32Array.from(values.slice(6))),
]
const numbers = (tensors: readonly Tensor[]): number[] => tensors.flatMap((tensor) => [...f32Values(tensor)])
const base = model([1, 2, 3, 4, 5, 6, 7, 8])
const moved = (by: number): Tensor[] => model([1, 2, 3 + by, 4, 5, 6, 7, 8])

test('updates within the bound stay as they are, others come back to it, and the result is their mean', async () => {
  const wasm = await createWasmExecutor({ threads: 1 })
  for (const executor of [referenceExecutor, wasm]) {
    const merged = await mergeUpdates(executor, types, base, [moved(1), moved(-2), moved(1000)], 100)
    assert.deepEqual(merged.norms, [1, 2, 1000])
    assert.equal(merged.bound, 2)
    assert.deepEqual(numbers(merged.parameters), [1, 2, Math.fround(10 / 3), 4, 5, 6, 7, 8])
    assert.equal(merged.clips.length, 3)
    const alone = await mergeUpdates(executor, types, base, [moved(1000)], 10)
    assert.deepEqual([alone.bound, alone.average], [10, null])
    assert.deepEqual(numbers(alone.parameters), [1, 2, 13, 4, 5, 6, 7, 8])
    const still = await mergeUpdates(executor, types, base, [base, moved(5)], 10)
    assert.deepEqual(still.bound, 0)
    assert.deepEqual(still.parameters, base)
  }
  await wasm.close()
})

test('fewer than half of the updates put the bound nowhere but among the honest norms', () => {
  const norm = fc.float({ min: 0, max: 1000, noNaN: true })
  fc.assert(
    fc.property(
      fc.array(norm, { minLength: 1, maxLength: 20 }),
      fc.array(norm, { maxLength: 20 }),
      (honest, all) => {
        const others = all.slice(0, honest.length - 1)
        const bound = boundOf([...honest, ...others], 1e6)
        assert.ok(bound >= Math.min(...honest) && bound <= Math.max(...honest))
        assert.equal(boundOf([...others, ...honest].reverse(), 1e6), bound)
        assert.ok(boundOf([...honest, ...others], 3) <= 3)
      },
    ),
  )
})
