import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anyEpisode } from '../../test/any-episode.ts'
import { REDACTED, textSymbols } from '../environment/text.ts'
import { decodeEpisode, type Episode, type EpisodeEvent, encodeEpisode, withId } from './episode.ts'
import { passagesOf } from './passages.ts'
import { redact } from './redact.ts'

const episode = (events: readonly EpisodeEvent[]): Episode =>
  withId({ version: 1, environment: 'text', bytes: true, began: 90_000_000, redacted: false, events })
/** Typed key by key; `<` takes the last key back. */
const keys = (text: string): Episode => {
  const events: EpisodeEvent[] = []
  let back = 0
  for (const [at, key] of [...text].entries())
    if (key === '<') back++
    else {
      events.push({ ...{ kind: 'acted', at, symbols: textSymbols(key) }, ...(back > 0 && { back }) })
      back = 0
    }
  return episode(events)
}
const shown = (symbols: Uint16Array): string =>
  [...symbols].map((symbol) => (symbol === REDACTED ? '▮' : String.fromCharCode(symbol))).join('')
const left = (one: Episode, rules?: { name: string; pattern: string }[]): string =>
  passagesOf(redact(one, rules))
    .map(({ context, symbols }) => shown(context) + shown(symbols))
    .join('|')
/** All that can be read anywhere in what leaves, with nothing between the symbols of different events. */
const readable = (one: Episode): string =>
  redact(one)
    .events.flatMap((event) =>
      event.kind === 'signal' ? [] : [shown(event.context ?? new Uint16Array(0)), shown(event.symbols)],
    )
    .join('')

test("what is nobody else's business is one mark, whatever it was", () => {
  const cases: readonly (readonly [string, string])[] = [
    ['write to ann.lee+x@mail.example.org now', 'write to ▮ now'],
    ['clone https://me:pa55@host.example/r.git ok', 'clone ▮ ok'],
    ['pay 4111 1111 1111 1111 today', 'pay ▮ today'],
    ['id 4111 1111 1111 1112 is none', 'id 4111 1111 1111 1112 is none'],
    ['to DE89 3704 0044 0532 0130 00 please', 'to ▮ please'],
    ['DB_PASSWORD=hunter2 node', '▮ node'],
    ['login --token abc123 now', 'login ▮ now'],
    ['{"apiKey": "a b c"} x', '{"▮} x'],
    ['Authorization: Bearer abcdefghijklmnop1234 x', '▮ x'],
    ['key ghp_abcdefghij0123456789 end', 'key ▮ end'],
    ['hash 0123456789abcdef0123456789abcdef.', 'hash ▮.'],
    ['call +49 170 1234567 or 555-123-4567', 'call ▮ or ▮'],
    ['call (030) 123 456 78, 089/1234567', 'call ▮, ▮'],
    ['the year 2024, 12 of 100 and 3.14159', 'the year 2024, 12 of 100 and 3.14159'],
    ['const secretary = token + internationalisation', 'const secretary = token + internationalisation'],
  ]
  for (const [text, expected] of cases) assert.equal(left(keys(text)), expected)
})

test("rules of one's own are kept too", () => {
  const rules = [{ name: 'client', pattern: 'müller( & co)?' }]
  const text = 'for Müller & Co, 2 copies'
  const symbols = textSymbols(text)
  const events = [{ kind: 'acted', at: 0, symbols }] as const
  assert.equal(left(episode(events), rules), 'for ▮, 2 copies')
})

test('what was taken back, offered or seen is redacted as what stayed', () => {
  assert.doesNotMatch(readable(keys('mail bob@example.com<<<<<<<<<<<<<<< nobody')), /bob|example/)
  assert.equal(left(keys('mail bob@example.com<<<<<<<<<<<<<<<nobody')), 'mail nobody')
  // A key that was wrong and corrected in the middle of a number.
  assert.doesNotMatch(readable(keys('pay 4111 1111 1111 1112<1 now')), /\d/)
  const offered = (symbols: string): EpisodeEvent => ({
    ...{
      kind: 'offered',
      at: 99,
      offer: 0,
      symbols: textSymbols(symbols),
      version: 'base',
      probability: 1,
      saved: 1,
    },
  })
  const before = keys('ask bob@').events
  assert.doesNotMatch(readable(episode([...before, offered('example.com')])), /bob|example/)
  // An offer in the middle of a number that is typed otherwise.
  const half = keys('pay 4111 1111 1111 ').events
  const rest = keys('pay 4111 1111 1111 1111').events.slice(half.length)
  const late = rest.map((event) => ({ ...event, at: 99 + event.at }))
  assert.doesNotMatch(readable(episode([...half, offered('1110 more'), ...late])), /\d/)
  const whole: EpisodeEvent = {
    kind: 'acted',
    at: 0,
    symbols: textSymbols(' go'),
    context: textSymbols('to bob@example.com'),
  }
  assert.equal(readable(episode([whole])), 'to ▮ go')
  const cut = `1 1111 ${'word '.repeat(40)}`
  assert.doesNotMatch(readable(episode([{ ...whole, context: textSymbols(cut) }])), /1/)
})

test('what is redacted is an episode still, with nothing left to redact', () => {
  fc.assert(
    fc.property(anyEpisode, (one) => {
      const result = redact(one)
      assert.equal(result.redacted, true)
      assert.deepEqual(decodeEpisode(encodeEpisode(result)), { ok: true, value: result })
    }),
  )
})

test('corrections still say how much they take back', () => {
  const typed = fc
    .array(fc.constantFrom('a@b.cc ', 'x', 'ye ', '<', '<'), { maxLength: 30 })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(typed, (text) => {
      const plain = passagesOf(keys(text))
        .map(({ symbols }) => shown(symbols))
        .join('')
      const result = left(keys(text))
      // Outside of what is hidden nothing is lost: the letters x and y are never part of it, unless joined to an address.
      if (!/[\w.]*@[\w.]*/.test(text)) assert.equal(result, plain)
      assert.doesNotMatch(result, /a@b\.cc/)
    }),
  )
})

test('no text takes long', () => {
  for (const text of [
    'a'.repeat(4096),
    '1 '.repeat(2048),
    'a.'.repeat(2048),
    '@'.repeat(4096),
    'a@'.repeat(2048),
    'token = '.repeat(500),
  ]) {
    const symbols = textSymbols(text)
    redact(episode([{ kind: 'acted', at: 0, symbols }]))
  }
})
