import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultError } from '@lockstep/tensor'
import { fieldsOf, ODD, put } from '../../test/wrong-values.ts'
import { parseManifest } from './parse.ts'
import { manifestSchema } from './schema.ts'

const good = {
  data: { text: 'a' },
  market: { sweep: [{ seed: 1 }], allowed: [`0x${'11'.repeat(20)}`], banned: [`0x${'11'.repeat(20)}`] },
}

const refusal = (document: unknown) => {
  try {
    parseManifest(new TextEncoder().encode(JSON.stringify(document)))
  } catch (error) {
    assert.ok(error instanceof FaultError, String(error))
    return error.fault
  }
  return undefined
}

const FIELDS = fieldsOf(manifestSchema)

test('each field of the market part is known, those within times and sweeps too', () => {
  const names = FIELDS.map(({ path }) => path.join('.')).filter((path) => path.startsWith('market.'))
  for (const one of [
    'market.mode',
    'market.times.deadline',
    'market.sweep.0.rate',
    'market.allowed.0',
    'market.bond',
  ])
    assert.ok(names.includes(one), `${one} of ${names}`)
})

for (const { path, beyond } of FIELDS) {
  const name = path.join('.')
  test(`${name}: what is no value of it is refused with field, value, limit and remedy`, () => {
    let refused = 0
    for (const value of [...ODD, ...beyond]) {
      const fault = refusal(put(good, path, value))
      if (beyond.includes(value as number)) assert.ok(fault, `${name} takes ${value}`)
      // What the fields have to do with each other is judged after each of them.
      if (fault === undefined || !`${fault.field}.`.startsWith(`${name}.`)) continue
      refused++
      assert.equal(fault.code, 'manifest-malformed')
      for (const word of [String(fault.value), String(fault.limit)])
        assert.ok(word.length > 0 && word.length <= 220, word)
      assert.match(fault.remedy, /lockstep init/)
    }
    assert.ok(refused >= 4, `${name} refuses ${refused} of ${ODD.length}`)
  })
}
