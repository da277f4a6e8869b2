import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { codeOf } from './code.ts'
import type { Instruction, Operation } from './instruction.ts'
import { interpreter } from './interpret.ts'

const NO_REQUEST = new Uint8Array(128)

/** The table's meaning in numbers without bounds. */
const MEANING: { readonly [O in Operation]?: (x: bigint, y: bigint) => bigint } = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  mulhi: (x, y) => (x * y) >> 32n,
  div: (x, y) => (y === 0n ? 0n : x / y),
  rem: (x, y) => (y === 0n ? 0n : x % y),
  and: (x, y) => x & y,
  or: (x, y) => x | y,
  xor: (x, y) => x ^ y,
  shl: (x, y) => x << (y % 32n),
  shr: (x, y) => x >> (y % 32n),
  lt: (x, y) => (x < y ? 1n : 0n),
  slt: (x, y) => (BigInt.asIntN(32, x) < BigInt.asIntN(32, y) ? 1n : 0n),
  eq: (x, y) => (x === y ? 1n : 0n),
}

const EDGES = [0, 1, 2, 9, 31, 32, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]
const wordArbitrary = fc.oneof(fc.constantFrom(...EDGES), fc.nat(0xffff_ffff))
const set = (d: number, word: number): Instruction => ({ op: 'set', d, a: word & 0xffff, b: word >>> 16 })

const gives = (op: Operation, x: number, y: number): number => {
  const code = codeOf([set(10, x), set(11, y), { op, d: 12, a: 10, b: 11 }, { op: 'halt', b: 12 }])
  return interpreter(code).run(NO_REQUEST).score
}

test('arithmetic is that of unsigned words that wrap', () => {
  for (const [op, meaning] of Object.entries(MEANING) as [Operation, (x: bigint, y: bigint) => bigint][]) {
    const check = (x: number, y: number): void =>
      assert.equal(
        gives(op, x, y),
        Number(BigInt.asUintN(32, meaning(BigInt(x), BigInt(y)))),
        `${op} ${x} ${y}`,
      )
    for (const x of EDGES) for (const y of EDGES) check(x, y)
    fc.assert(fc.property(wordArbitrary, wordArbitrary, check), { numRuns: 20 })
  }
})

test('an immediate is the operand itself', () => {
  const code = codeOf([
    set(10, 7),
    { op: 'mul', d: 10, a: 10, b: 0xffff, immediate: true },
    { op: 'halt', b: 10 },
  ])
  assert.equal(interpreter(code).run(NO_REQUEST).score, 7 * 0xffff)
})

test('words are loaded and stored modulo the memory, and bytes past the request are its last', () => {
  const request = new Uint8Array(128)
  request[16] = 65
  request[127] = 9
  const code = codeOf([
    set(10, 2048 + 500),
    set(11, 77),
    { op: 'store', d: 11, a: 10, b: 0xfffe, immediate: true }, // to (2548 + 65534) mod 2048 = 498
    { op: 'load', d: 12, a: 0, b: 498, immediate: true },
    { op: 'ask', d: 13, a: 0, b: 16, immediate: true },
    set(14, 0xffffffff),
    { op: 'ask', d: 14, a: 14, b: 0, immediate: true },
    { op: 'mul', d: 12, a: 12, b: 100, immediate: true },
    { op: 'add', d: 12, a: 12, b: 13 },
    { op: 'mul', d: 12, a: 12, b: 10, immediate: true },
    { op: 'add', d: 12, a: 12, b: 14 },
    { op: 'halt', b: 12 },
  ])
  assert.equal(interpreter(code).run(request).score, 77_659)
})

test('jumps, calls and conditions go where the table says', () => {
  const code = codeOf([
    { op: 'call', d: 20, b: 6, immediate: true },
    { op: 'nonzero', d: 3, b: 21 },
    { op: 'halt', b: 1, immediate: true },
    { op: 'zero', d: 5, b: 22 },
    { op: 'halt', b: 2, immediate: true },
    { op: 'halt', b: 21 },
    { op: 'add', d: 21, a: 21, b: 3, immediate: true },
    { op: 'below', d: 6, a: 21, b: 30, immediate: true },
    { op: 'jump', b: 20 },
  ])
  const end = interpreter(code).run(NO_REQUEST)
  assert.deepEqual([end.score, end.place, end.steps], [30, 5, 24])
})

test('a run that does not halt ends at its limit without a score, and can be gone on with', () => {
  const code = codeOf([
    { op: 'add', d: 5, a: 5, b: 1, immediate: true },
    { op: 'below', d: 0, a: 5, b: 1000, immediate: true },
    { op: 'halt', b: 5 },
  ])
  const machine = interpreter(code)
  const early = machine.run(NO_REQUEST, 2000)
  assert.deepEqual([early.halted, early.score, early.steps, early.place], [false, 0, 2000, 2])
  const late = machine.resume(early.memory.slice(), early.place, NO_REQUEST, 1)
  assert.deepEqual([late.halted, late.score, late.steps], [true, 1000, 0])
  assert.equal(machine.run(NO_REQUEST).score, 1000, 'memory is clear again')
})
