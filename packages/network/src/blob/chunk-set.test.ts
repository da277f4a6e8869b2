import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ChunkSet } from './chunk-set.ts'

test('a set comes back from its bits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 70 }), fc.array(fc.nat(69)), (chunks, members) => {
      const set = new ChunkSet(chunks)
      const inside = new Set(members.filter((m) => m < chunks))
      for (const m of inside) set.add(m)
      const again = ChunkSet.fromBits(chunks, set.bits)
      assert.ok(again)
      assert.equal(again.size, inside.size)
      for (let i = 0; i < chunks; i++) assert.equal(again.has(i), inside.has(i))
    }),
  )
})

test('bits of another length, or past the end, are refused', () => {
  assert.equal(ChunkSet.fromBits(9, new Uint8Array(1)), null)
  assert.equal(ChunkSet.fromBits(9, new Uint8Array(3)), null)
  assert.equal(ChunkSet.fromBits(9, new Uint8Array([0, 2])), null)
  assert.equal(ChunkSet.fromBits(0, new Uint8Array(0))?.size, 0)
  assert.equal(ChunkSet.full(17).size, 17)
  assert.equal(ChunkSet.fromBits(17, ChunkSet.full(17).bits)?.size, 17)
})
