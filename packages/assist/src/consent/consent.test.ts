import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssistError } from '../assist-error.ts'
import { textOf, textSymbols } from '../environment/text.ts'
import { withId } from '../episode/episode.ts'
import { memoryStorage } from '../episode/storage.ts'
import { openConsent } from './consent.ts'

const episode = withId({
  ...{ version: 1, environment: 'text', bytes: true, began: 0, redacted: false },
  events: [{ kind: 'acted', at: 0, symbols: textSymbols('ask bob@example.com at acme') }],
})
const refused = { name: 'AssistError', code: 'consent-missing' }

test('without consent to that destination nothing leaves', async () => {
  const consent = await openConsent(memoryStorage(), () => 5)
  await assert.rejects(consent.episodes('swarm', [episode]), refused)
  await assert.rejects(consent.update('swarm', Uint8Array.of(1), []), refused)
  await consent.give('other', 'episodes')
  await assert.rejects(consent.episodes('swarm', [episode]), refused)
  await consent.give('swarm', 'updates')
  await assert.rejects(consent.episodes('swarm', [episode]), refused)
  assert.deepEqual(consent.log(), [])
  await consent.update('swarm', Uint8Array.of(1), [])
  await consent.withdraw('swarm')
  await assert.rejects(consent.update('swarm', Uint8Array.of(1), []), refused)
  assert.equal(consent.log().length, 1)
})

test('what leaves is redacted, by the rules of its destination too, and logged', async () => {
  const storage = memoryStorage()
  const consent = await openConsent(storage, () => 5)
  await consent.give('swarm', 'episodes', { rules: [{ name: 'client', pattern: 'acme' }] })
  const [left] = await consent.episodes('swarm', [episode])
  assert.equal(left!.redacted, true)
  const [event] = left!.events
  assert.equal(event!.kind === 'acted' && textOf(event!.symbols.filter((symbol) => symbol < 256)), 'ask  at ')
  const again = await openConsent(storage, () => 6)
  assert.deepEqual(again.list(), consent.list())
  const [entry] = again.log()
  assert.deepEqual([entry!.destination, entry!.episodes, entry!.at], ['swarm', [episode.id], 5])
})

test('nothing leaves where consent was withdrawn while it was being written down', async () => {
  const storage = memoryStorage()
  const consent = await openConsent(storage, () => 5)
  await consent.give('swarm', 'episodes')
  const leaving = assert.rejects(consent.episodes('swarm', [episode]), refused)
  await consent.withdraw('swarm')
  await leaving
})

test('what cannot be a rule or a destination is refused with its name', async () => {
  const consent = await openConsent(memoryStorage(), () => 5)
  await assert.rejects(consent.give('', 'episodes'), AssistError)
  await assert.rejects(consent.give('swarm', 'episodes', { rules: [{ name: 'x', pattern: '(' }] }), /rules/)
  assert.deepEqual(consent.list(), [])
})
