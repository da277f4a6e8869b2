import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publicCounts } from './public-counts.ts'
import { textMemory, weightsFor } from './text-memory.ts'

const SYMBOLS = 300
const read = (text: string): Uint16Array => Uint16Array.from(new TextEncoder().encode(text))
const NONE = new Uint16Array(0)
const PAST = [
  'the whale and the sea, the whale and the ship. ',
  'a sea of trouble; ',
  'the the the ship ',
].map(read)
const ASKED = ['', 'the', 'a whale and the s', 'the ship ', 'unknown zq', 'sea of'].map(read)

/** Bits of what passages come to, each seen once it has all before it. */
const bitsOf = (text: Uint16Array, memory = textMemory(SYMBOLS)): number => {
  let bits = 0
  for (const [i, symbol] of text.entries()) {
    bits -= Math.log2(memory.view(text.subarray(0, i)).p[symbol]!)
    memory.learn(text.subarray(0, i), text.subarray(i, i + 1), i)
  }
  return bits / text.length
}

test('chances sum to one, none is nothing, and what was met is likely', () => {
  for (const beneath of [[], [{ counts: publicCounts([read('whales swim in the sea')]) }]]) {
    const memory = textMemory(SYMBOLS, beneath)
    for (const past of [NONE, ...PAST]) {
      memory.learn(NONE, past, 1)
      for (const asked of ASKED) {
        const { p } = memory.view(asked)
        assert.ok(Math.abs(p.reduce((a, b) => a + b, 0) - 1) < 1e-4)
        assert.ok(p.every((chance) => chance > 0))
      }
    }
    const { p, matched } = memory.view(read('a whale and the '))
    assert.equal(matched, 15)
    assert.ok([read('s')[0]!, read('w')[0]!].includes(p.indexOf(Math.max(...p))))
  }
})

test('what was met lately is likelier than what was met as often before', () => {
  const memory = textMemory(SYMBOLS)
  const [x, y] = [read('x')[0]!, read('y')[0]!]
  for (const [at, text] of ['bcax', 'bcax', 'bcay', 'bcay'].entries()) memory.learn(NONE, read(text), at)
  const { p } = memory.view(read('bca'))
  assert.ok(p[y]! > p[x]!, `${p[y]} ${p[x]}`)
})

test('what is forgotten leaves the memory as though it had never been learned, bit for bit, in any order', () => {
  const passages = PAST.flatMap((text, i) => [
    { context: NONE, symbols: text, at: i },
    { context: text, symbols: read(`${i}, and then`), at: i + 0.5 },
  ])
  for (let gone = 0; gone < passages.length; gone++)
    for (const also of [undefined, 0, passages.length - 1]) {
      const [one, other] = [textMemory(SYMBOLS), textMemory(SYMBOLS)]
      const goes = new Set([gone, also])
      for (const { context, symbols, at } of passages) one.learn(context, symbols, at)
      assert.notDeepEqual(one.view(ASKED[1]!), other.view(ASKED[1]!))
      for (const [i, { context, symbols, at }] of passages.entries())
        if (goes.has(i)) one.forget(context, symbols, at)
        else other.learn(context, symbols, at)
      const last = { context: NONE, symbols: read('the whale again'), at: 9 }
      for (const memory of [one, other]) memory.learn(last.context, last.symbols, last.at)
      for (const asked of ASKED) assert.deepEqual(one.view(asked), other.view(asked))
    }
})

test('typing errors that are taken back at once leave nothing, key by key', () => {
  const [one, other] = [textMemory(SYMBOLS), textMemory(SYMBOLS)]
  const text = PAST[0]!
  for (const [at, symbol] of text.entries()) {
    const [context, typed] = [text.subarray(0, at), Uint16Array.of(symbol)]
    if (at % 3 === 0) {
      const wrong = Uint16Array.of(symbol + 1)
      one.learn(context, wrong, at)
      one.forget(context, wrong, at)
    }
    for (const memory of [one, other]) memory.learn(context, typed, at)
  }
  for (const asked of ASKED) assert.deepEqual(one.view(asked), other.view(asked))
})

test('passages that arrive late count as when they were written', () => {
  const [one, other] = [textMemory(SYMBOLS), textMemory(SYMBOLS)]
  for (const [at, text] of PAST.entries()) one.learn(NONE, text, at)
  for (const at of [2, 0, 1]) other.learn(NONE, PAST[at]!, at)
  for (const asked of ASKED) assert.deepEqual(one.view(asked), other.view(asked))
})

test('public counts help where one has written nothing yet, and one own word soon outweighs them', () => {
  const common = [{ counts: publicCounts([read('the whale swims. '.repeat(20))]) }]
  const text = read('the whale swims again')
  assert.ok(bitsOf(text, textMemory(SYMBOLS, common)) < bitsOf(text) - 1)
  const memory = textMemory(SYMBOLS, common)
  for (let at = 0; at < 8; at++) memory.learn(read('the '), read('whimsy '), at)
  const { p } = memory.view(read('the wh'))
  assert.equal(p.indexOf(Math.max(...p)), read('i')[0])
})

test('the kind of public texts that foresees what this person writes is heard, and forgetting takes that back too', () => {
  const book = read('the whale and the sea and the ship and the crew '.repeat(20))
  const code = read('the what = the sea(ship) ; the crew(sea) = what ; '.repeat(20))
  const counts = [book, code].map((text) => publicCounts([text]))
  const kinds = [book, code].map((text, k) => ({
    counts: counts[k]!,
    weights: weightsFor([text.subarray(0, 500)], SYMBOLS, counts),
  }))
  const memory = textMemory(SYMBOLS, kinds)
  const chance = (): number => memory.view(read('the sea')).p[read('(')[0]!]!
  const before = chance()
  memory.learn(NONE, code.subarray(0, 100), 1)
  assert.ok(chance() > 2 * before, `${before} ${chance()}`)
  memory.forget(NONE, code.subarray(0, 100), 1)
  assert.equal(chance(), before)
})

test('weights that were learned for such texts are better than even ones', () => {
  const counts = [
    publicCounts([read('the whale swims in the sea '.repeat(9))]),
    publicCounts([read('x = y(z); ')]),
  ]
  const texts = Array.from({ length: 20 }, (_, i) =>
    read(`the whale ${i} swims in the sea by the ship ${i}; `),
  )
  const weights = weightsFor(texts, SYMBOLS, counts)
  const bits = (some?: Float64Array): number =>
    bitsOf(
      read('the whale 77 swims in the sea by the ship 77; '),
      textMemory(
        SYMBOLS,
        counts.map((of) => ({ counts: of, ...(some && { weights: some }) })),
      ),
    )
  assert.ok(bits(weights) < bits() - 0.02, `${bits(weights)} ${bits()}`)
})

test('what was written before is foreseen from where it stood, however long it was', () => {
  const memory = textMemory(SYMBOLS)
  const line = read('zeta(omega, 41) => quux[7]; ')
  memory.learn(NONE, line, 1)
  memory.learn(line, read('something else. zeta(omega'), 2)
  const at = memory.view(read('something else. zeta(omega'))
  assert.equal(at.p.indexOf(Math.max(...at.p)), read(',')[0])
  assert.ok(at.matched >= 10, `${at.matched}`)
})
