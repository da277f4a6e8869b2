import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromJson, type Json, toJson } from './json.ts'

test('what is written is what is read, bigints at any depth included', () => {
  const { value } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.string(),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (Object.is(x, -0) ? 0 : x)),
      fc.boolean(),
      fc.constant(null),
      fc.bigInt({ min: -(2n ** 255n), max: 2n ** 256n }),
      fc.array(tie('value')),
      fc.dictionary(
        fc.string().filter((key) => key !== '#' && key !== '__proto__'),
        tie('value'),
        { noNullPrototype: true },
      ),
    ),
  }))
  fc.assert(fc.property(value, (held) => assert.deepEqual(fromJson(toJson(held)), held)))
})

test('what could not be read back as it was is refused', () => {
  assert.throws(() => toJson({ '#': '12' }), /the key #/)
  assert.throws(() => toJson([Number.NaN]), /NaN has no JSON/)
  assert.equal(toJson({ a: 5n, b: undefined }), '{"a":{"#":"5"}}')
})
