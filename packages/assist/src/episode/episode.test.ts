import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unwrap } from '@lockstep/tensor'
import fc from 'fast-check'
import { anyEpisode } from '../../test/any-episode.ts'
import { textSymbols } from '../environment/text.ts'
import {
  decodeEpisode,
  EPISODE_LIMITS,
  encodeEpisode,
  exportEpisodes,
  importEpisodes,
  withId,
} from './episode.ts'

test('an episode comes back from its encoding, under the same id', () => {
  fc.assert(
    fc.property(anyEpisode, (episode) => {
      const encoded = encodeEpisode(episode)
      assert.deepEqual(unwrap(decodeEpisode(encoded)), episode)
      assert.deepEqual(encodeEpisode(unwrap(decodeEpisode(encoded))), encoded)
    }),
  )
})

test('the format is as documented, byte for byte', () => {
  const episode = withId({
    ...{ version: 1, environment: 'text', bytes: true, began: 1_700_000_000_000, redacted: false },
    events: [
      { kind: 'acted', at: 0, symbols: textSymbols('t'), context: Uint16Array.of(256) },
      {
        kind: 'offered',
        at: 5,
        offer: 0,
        symbols: textSymbols('he'),
        version: 'base',
        probability: 0.5,
        saved: 1,
      },
      { kind: 'signal', at: 90, offer: 0, signal: 'accepted' },
      { kind: 'acted', at: 90, symbols: textSymbols('he'), taken: 0 },
      { kind: 'acted', at: 200, symbols: textSymbols('a'), back: 1 },
    ],
  })
  assert.equal(
    new TextDecoder().decode(encodeEpisode(episode)),
    '{"version":1,"environment":"text","bytes":true,"began":1700000000000,"redacted":false,"events":[' +
      '{"kind":"acted","at":0,"symbols":[116],"context":[256]},' +
      '{"kind":"offered","at":5,"offer":0,"symbols":[104,101],"version":"base","probability":0.5,"saved":1},' +
      '{"kind":"signal","at":90,"offer":0,"signal":"accepted"},' +
      '{"kind":"acted","at":90,"symbols":[104,101],"taken":0},' +
      '{"kind":"acted","at":200,"symbols":[97],"back":1}]}',
  )
  assert.match(episode.id, /^[0-9a-f]{64}$/)
})

test('what is no episode is a fault that names the field', () => {
  const faultOf = (value: unknown) => {
    const result = decodeEpisode(new TextEncoder().encode(JSON.stringify(value)))
    return result.ok ? undefined : result.fault.field
  }
  const good = {
    version: 1,
    environment: 'text',
    bytes: true,
    began: 0,
    redacted: false,
    events: [] as unknown[],
  }
  assert.equal(faultOf(good), undefined)
  assert.equal(faultOf({ ...good, version: 2 }), 'version')
  assert.equal(faultOf({ ...good, environment: '../x' }), 'environment')
  assert.equal(faultOf({ ...good, more: 1 }), 'episode')
  const acted = { kind: 'acted', at: 3, symbols: [1] }
  assert.equal(faultOf({ ...good, events: [{ ...acted, symbols: [512] }] }), 'events.0.symbols.0')
  assert.equal(faultOf({ ...good, events: [acted, { ...acted, at: 2 }] }), 'events.1.at')
  assert.equal(
    faultOf({ ...good, events: [{ kind: 'signal', at: 0, offer: 0, signal: 'accepted' }] }),
    'events.0.offer',
  )
  assert.equal(faultOf({ ...good, events: [{ ...acted, taken: 4 }] }), 'events.0.taken')
  assert.equal(faultOf({ ...good, events: new Array(EPISODE_LIMITS.events + 1).fill(acted) }), 'events')
  assert.equal(decodeEpisode(Uint8Array.of(0xff)).ok, false)
  assert.equal(decodeEpisode(new Uint8Array(EPISODE_LIMITS.encoded + 1)).ok, false)
})

test('random bytes are never an exception', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((json) => new TextEncoder().encode(json)),
      ),
      (bytes) => {
        decodeEpisode(bytes)
        importEpisodes(bytes)
      },
    ),
  )
})

test('an export is imported whole, or not at all', () => {
  fc.assert(
    fc.property(fc.array(anyEpisode, { maxLength: 4 }), (episodes) => {
      const exported = exportEpisodes(episodes)
      assert.deepEqual(unwrap(importEpisodes(exported)), episodes)
      assert.equal(importEpisodes(exported.subarray(0, -1)).ok, false)
      assert.equal(importEpisodes(Uint8Array.of(...exported, 10)).ok, false)
    }),
  )
})
