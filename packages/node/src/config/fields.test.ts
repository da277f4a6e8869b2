import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fieldsOf, ODD, put } from '../../../client/test/wrong-values.ts'
import { parseConfig } from './parse.ts'
import { configSchema } from './schema.ts'

const good = {
  executor: { module: 'm.ts' },
  network: {
    listen: ['/ip4/127.0.0.1/tcp/1'],
    announce: ['/ip4/127.0.0.1/tcp/1'],
    bootstrap: ['/ip4/1.2.3.4/tcp/1/p2p/Q'],
  },
  http: { names: ['a.example'] },
  policy: { caps: { hours: [{ from: '20:00', to: '21:00', days: ['sat'] }] } },
}

const FIELDS = fieldsOf(configSchema)

test('the fields of a config are known, those within lists too', () => {
  const names = FIELDS.map(({ path }) => path.join('.'))
  for (const one of [
    'chain.rpc',
    'policy.price.floor',
    'policy.caps.hours.0.from',
    'http.names.0',
    'account.seat',
  ])
    assert.ok(names.includes(one), `${one} of ${names}`)
})

for (const { path, beyond } of FIELDS) {
  const name = path.join('.')
  test(`${name}: what is no value of it is refused with field, value, limit and remedy`, () => {
    let refused = 0
    for (const value of [...ODD, ...beyond]) {
      const parsed = parseConfig(new TextEncoder().encode(JSON.stringify(put(good, path, value))))
      if (beyond.includes(value as number)) assert.ok(!parsed.ok, `${name} takes ${value}`)
      if (parsed.ok) continue
      const { fault } = parsed
      // A place in a list that holds another list is within the place that was wrong.
      assert.ok(
        `${fault.field}.`.startsWith(`${name}.`) || name.startsWith(`${fault.field}.`),
        `${name}: ${fault.field}`,
      )
      refused++
      assert.equal(fault.code, 'config-malformed')
      for (const word of [String(fault.value), String(fault.limit)])
        assert.ok(word.length > 0 && word.length <= 220, word)
      assert.match(fault.remedy, /lockstep node init/)
    }
    assert.ok(refused >= 4, `${name} refuses ${refused} of ${ODD.length}`)
  })
}
