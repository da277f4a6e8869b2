import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecoveryPhrase, secretOfPhrase } from './recovery-phrase.ts'

const DEVELOPMENT = 'test test test test test test test test test test test junk'

test('a new phrase has 24 words, is shown once, and brings its account back', () => {
  const phrase = RecoveryPhrase.generate()
  const words = phrase.show()
  assert.equal(words.split(' ').length, 24)
  assert.throws(() => phrase.show(), /once/)
  const restored = secretOfPhrase(words)
  assert.ok(restored.ok)
  assert.equal(restored.value.address, phrase.secret.address)
})

test('a phrase is the account that every wallet derives from it', () => {
  const restored = secretOfPhrase(`\n  ${DEVELOPMENT.toUpperCase().replaceAll(' ', '  ')} \n`)
  assert.ok(restored.ok)
  assert.equal(restored.value.address, '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266')
  // The test vectors of BIP-39 (Trezor's list): the entropies of all zeros and all ones are phrases.
  for (const phrase of [
    `${'abandon '.repeat(11)}about`,
    `${'abandon '.repeat(23)}art`,
    `${'zoo '.repeat(11)}wrong`,
    `${'zoo '.repeat(23)}vote`,
    'scheme spot photo card baby mountain device kick cradle pact join borrow',
  ])
    assert.ok(secretOfPhrase(phrase).ok, phrase)
})

test('a slip is found, and the fault shows the place and not the words', () => {
  const cases: [text: string, field: string, value: string][] = [
    ['test test', 'recovery phrase', '2 words'],
    ['', 'recovery phrase', '1 words'],
    [DEVELOPMENT.replace('junk', 'jumk'), 'word 12 of the recovery phrase', 'no word of the list'],
    [DEVELOPMENT.replace('junk', 'test'), 'recovery phrase', 'inconsistent'],
    [
      'scheme spot photo card baby device mountain kick cradle pact join borrow',
      'recovery phrase',
      'inconsistent',
    ],
  ]
  for (const [text, field, value] of cases) {
    const restored = secretOfPhrase(text)
    assert.ok(!restored.ok, text)
    assert.equal(restored.fault.field, field)
    assert.equal(restored.fault.value, value)
    assert.doesNotMatch(JSON.stringify(restored.fault), /jumk|scheme|test/)
  }
})
