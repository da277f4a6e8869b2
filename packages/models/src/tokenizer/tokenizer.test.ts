import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  bpeTokenizer,
  byteTokenizer,
  loadTokenizer,
  MAX_VOCAB,
  type Merge,
  ModelError,
  type Tokenizer,
  trainBpe,
} from '../index.ts'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)
const book = readFileSync(new URL('../../../../data/moby-dick.txt', import.meta.url)).subarray(0, 200_000)
const trained = trainBpe(book, 512)

const roundTrips = (tokenizer: Tokenizer, bytes: Uint8Array): void => {
  const ids = tokenizer.encode(bytes)
  assert.ok(ids.every((id) => id < tokenizer.vocabSize))
  assert.deepEqual(tokenizer.decode(ids), new Uint8Array(bytes))
}

test('every sequence of bytes comes back as it was', () => {
  const texty = fc
    .array(fc.oneof(fc.constantFrom(...' \n\te09.,tThhan'), fc.string({ unit: 'grapheme', maxLength: 2 })))
    .map((parts) => ascii(parts.join('')))
  for (const tokenizer of [byteTokenizer, trained]) {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 400 }), texty), (bytes) =>
        roundTrips(tokenizer, bytes),
      ),
      { numRuns: 500 },
    )
    roundTrips(tokenizer, book.subarray(0, 50_000))
    roundTrips(tokenizer, new Uint8Array(100_000).fill(0x61)) // no spaces at all: the work stays linear
  }
})

test('training merges the most frequent pair, of equals the smaller ids', () => {
  // "ab" and "cd" occur four times each: (97, 98) comes first; then (99, 100); no pair of the rest occurs twice.
  const tokenizer = trainBpe(ascii('cd\nab\nab\ncd\nab\ncd\ncd\nab'), 258)
  assert.equal(tokenizer.save(), '{"kind":"bpe","version":1,"merges":[[97,98],[99,100]]}')
  assert.deepEqual([...tokenizer.encode(ascii('abcd'))], [256, 257])
})

test('training counts overlapping runs as they are merged', () => {
  const tokenizer = trainBpe(ascii('aaaa\naaaa'), 300)
  assert.equal(tokenizer.save(), '{"kind":"bpe","version":1,"merges":[[97,97],[256,256]]}')
})

test('training is deterministic and makes text shorter', () => {
  assert.equal(trainBpe(book, 512).save(), trained.save())
  assert.equal(trained.vocabSize, 512)
  assert.ok(trained.encode(book).length < 0.6 * book.length)
})

test('training recounts exactly: its merges are those of a trainer that counts everything anew', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...'aab b\nc'), { maxLength: 80 }), (letters) => {
      const text = ascii(letters.join(''))
      const trained = trainBpe(text, 264)
      // The slow trainer: encode with the merges so far, count pairs inside pieces, take the best.
      const merges: Merge[] = []
      while (merges.length < 8) {
        const so = bpeTokenizer(merges)
        const count = new Map<number, number>()
        for (const piece of new TextDecoder().decode(text).match(/ ?[abc]+|\s+?(?= [abc])|\s+/g) ?? []) {
          const ids = so.encode(ascii(piece))
          for (let i = 0; i + 1 < ids.length; i++) {
            const key = ids[i]! * MAX_VOCAB + ids[i + 1]!
            count.set(key, (count.get(key) ?? 0) + 1)
          }
        }
        const [best] = [...count].sort(([a, n], [b, m]) => m - n || a - b)
        if (!best || best[1] < 2) break
        merges.push([Math.floor(best[0] / MAX_VOCAB), best[0] % MAX_VOCAB])
      }
      assert.equal(trained.save(), bpeTokenizer(merges).save())
    }),
    { numRuns: 300 },
  )
})

test('a saved tokenizer loads as itself', () => {
  for (const tokenizer of [byteTokenizer, trained, bpeTokenizer([])]) {
    const loaded = loadTokenizer(tokenizer.save())
    assert.equal(loaded.save(), tokenizer.save())
    assert.deepEqual(loaded.encode(book.subarray(0, 1000)), tokenizer.encode(book.subarray(0, 1000)))
  }
})

test('a damaged tokenizer file gives a tokenizer or a ModelError', () => {
  const json = trainBpe(ascii('abababab cdcdcd'), 262).save()
  fc.assert(
    fc.property(fc.nat(json.length), fc.nat(3), fc.string({ maxLength: 4 }), (at, cut, put) => {
      try {
        const tokenizer = loadTokenizer(json.slice(0, at) + put + json.slice(at + cut))
        assert.ok(tokenizer.vocabSize >= 256)
      } catch (e) {
        if (!(e instanceof ModelError)) throw e
        assert.equal(e.code, 'tokenizer-malformed')
      }
    }),
    { numRuns: 2000 },
  )
})

test('merges that no training gives are refused', () => {
  const refused = (merges: readonly Merge[]): void =>
    assert.throws(() => bpeTokenizer(merges), { name: 'ModelError', code: 'tokenizer-malformed' })
  refused([[256, 0]]) // an id that does not exist yet
  refused([
    [97, 98],
    [97, 98],
  ]) // twice
  refused([
    [97, 97],
    [256, 256],
    [257, 257],
    [258, 258],
    [259, 259],
    [260, 260],
    [261, 261],
  ]) // 128 bytes
  assert.throws(() => loadTokenizer(' '.repeat(2 ** 21)), /length/)
})

test('ids outside the vocabulary are refused', () => {
  const refused = { name: 'ModelError', code: 'tokenizer-invalid' }
  assert.throws(() => byteTokenizer.decode([256]), refused)
  assert.throws(() => byteTokenizer.decode([-1]), refused)
  assert.throws(() => trained.decode([512]), refused)
  assert.throws(() => trainBpe(book, 255), refused)
})
