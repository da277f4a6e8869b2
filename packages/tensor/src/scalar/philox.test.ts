import assert from 'node:assert/strict'
import { it } from 'node:test'
import { f32Value } from './pattern.ts'
import { philox, uniform } from './philox.ts'
import { runScalar } from './reference.ts'
import { traceScalar } from './trace.ts'

// Random123 (D. E. Shaw Research), tests/kat_vectors, lines "philox4x32 10": counter, key, result.
const KNOWN_ANSWERS = [
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    result: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    result: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    result: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
]

const WORDS = ['u', 'u', 'u', 'u', 'u', 'u'] as const

it('Philox 4x32-10 gives the published known answers', () => {
  for (let word = 0; word < 4; word++) {
    const program = traceScalar(WORDS, (a, b, c, d, k, l) => philox([a, b, c, d], [k, l])[word]!)
    for (const { counter, key, result } of KNOWN_ANSWERS)
      assert.equal(runScalar(program, [...counter, ...key]), result[word])
  }
})

it('Philox 4x32-10 fits in one scalar program with room to spare', () => {
  const program = traceScalar(
    ['u', 'u', 'u'],
    (element, step, seed) => philox([element, step, 0, 0], [seed, 1])[0],
  )
  assert.ok(program.args.length + program.code.length <= 130, `${program.code.length} instructions`)
})

it('a uniform number is at least 0 and below 1, from the upper 24 bits', () => {
  const program = traceScalar(['u'], (word) => uniform(word))
  const at = (word: number) => f32Value(runScalar(program, [word]))
  assert.equal(at(0xff), 0)
  assert.equal(at(0x100), 2 ** -24)
  assert.equal(at(0xffffffff), 1 - 2 ** -24)
})
