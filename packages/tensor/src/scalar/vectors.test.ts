import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { it } from 'node:test'
import { scalarVectors, VECTOR_OPCODES } from './vectors.ts'

const folder = new URL('../../../../vectors/scalar/', import.meta.url)

it('the committed scalar vectors are what the reference gives: else run node scripts/vectors.ts', () => {
  assert.deepEqual(readdirSync(folder).sort(), VECTOR_OPCODES.map((op) => `${op}.bin`).sort())
  for (const op of VECTOR_OPCODES) {
    const committed = readFileSync(new URL(`${op}.bin`, folder))
    assert.ok(committed.equals(scalarVectors(op)), op)
  }
})
