import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { familyVectors } from './vectors.ts'

test('families are, ask and score what the golden vectors say', () => {
  const file = new URL('../../../../vectors/families.json', import.meta.url)
  assert.equal(
    familyVectors(),
    readFileSync(file, 'utf8'),
    'a family has changed, so that its scores are other proof tasks: if that is meant, run node scripts/vectors.ts',
  )
})
