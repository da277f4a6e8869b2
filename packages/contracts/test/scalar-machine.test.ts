import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import {
  encodeScalar,
  INSTRUCTIONS,
  type Instruction,
  index,
  isLeaf,
  Random,
  type Register,
  runScalar,
  runScalarConformance,
  type ScalarProgram,
  traceScalar,
  VECTOR_OPCODES,
} from '@lockstep/tensor'
import { type RefereeExecutor, startRefereeExecutor } from './referee-executor.ts'

let referee: RefereeExecutor
before(async () => {
  referee = await startRefereeExecutor()
})
after(() => referee.stop())

test('the conformance suite finds no other bit than the reference’s', async () => {
  const size = { seed: 2, cases: process.env.LOCKSTEP_NIGHTLY === '1' ? 100_000 : 1_000 }
  const { cases, mismatched, mismatches } = await runScalarConformance(referee, size)
  assert.equal(mismatched, 0, JSON.stringify(mismatches, undefined, 2))
  assert.ok(cases > 50 * size.cases)
})

/** The golden vectors of one instruction: rows of operands, and results. vectors/README.md has the format. */
const vectorsOf = (op: string, arity: number) => {
  const bytes = readFileSync(new URL(`../../../vectors/scalar/${op}.bin`, import.meta.url))
  const rows: number[] = []
  const results: number[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    for (let k = 0; k < arity; k++) rows.push(bytes.readUInt32BE(at + 4 * k))
    results.push(bytes.readUInt32BE(at + 12))
  }
  return { rows, results }
}

test('every golden vector of an instruction with operands holds', async () => {
  for (const op of VECTOR_OPCODES) {
    if (isLeaf(op)) continue
    // What `select` chooses between are any words there: they travel in u registers.
    const args = [...INSTRUCTIONS[op].takes].map((register): Register => (register === 'f' ? 'f' : 'u'))
    const code: Instruction[] = [{ op, args: args.map((_, i) => i) }]
    const { rows, results } = vectorsOf(op, args.length)
    const program: ScalarProgram = { args, code, result: args.length }
    assert.deepEqual([...(await referee.run(program, Uint32Array.from(rows), results.length))], results, op)
  }
})

test('every golden vector of a constant holds', async () => {
  for (const op of ['const_f', 'const_u'] as const) {
    const { rows, results } = vectorsOf(op, 1)
    for (const [i, immediate] of rows.entries()) {
      if (i % 20 !== 0) continue // a call each
      const program: ScalarProgram = { args: [], code: [{ op, immediate }], result: 0 }
      assert.equal((await referee.run(program, new Uint32Array(), 1))[0], results[i], `${op} ${immediate}`)
    }
  }
})

test('an argument in an f register has its NaN as the one NaN, and may be the result', async () => {
  const program: ScalarProgram = { args: ['u', 'f'], code: [], result: 1 }
  assert.deepEqual([...(await referee.run(program, Uint32Array.of(1, 0xffffffff), 1))], [0x7fc00000])
  assert.deepEqual(
    [...(await referee.run({ ...program, result: 0 }, Uint32Array.of(0xffffffff, 0), 1))],
    [0xffffffff],
  )
})

test('select takes f registers as well and index gives the coordinate', async () => {
  const program = traceScalar(['f', 'f'], (a, b) => {
    const picked = a.max(b)
    return picked.add(index(1).toF32())
  })
  const rows = Uint32Array.of(0x3f800000, 0x40000000, 0x40400000, 0x40000000)
  const points = Uint32Array.of(7, 1, 7, 4)
  const wanted = [0, 1].map((i) =>
    runScalar(program, [...rows.subarray(i * 2, i * 2 + 2)], [...points.subarray(i * 2, i * 2 + 2)]),
  )
  assert.deepEqual([...(await referee.run(program, rows, 2, points))], wanted)
})

const FAULTS = [
  'Arguments',
  'Register',
  'Values',
  'Opcode',
  'Operand',
  'Coordinate',
  'Result',
  'Truncated',
] as const

const malformed: readonly [string, readonly number[], (typeof FAULTS)[number]][] = [
  ['nothing at all', [], 'Truncated'],
  ['fewer arguments than given', [0, 0, 1, 1, 0, 0, 0, 0, 0], 'Arguments'],
  ['a register that is neither f nor u', [1, 2, 0, 0, 0], 'Register'],
  ['more than 256 values', [1, 0, 1, 0, ...Array(600).fill(0x16), 0], 'Values'],
  ['an unknown leaf', [1, 0, 0, 1, 0x03, 0, 0, 0, 0, 1], 'Opcode'],
  ['an unknown operation on f', [1, 0, 0, 1, 0x1b, 0, 0, 1], 'Opcode'],
  ['an unknown operation on u', [1, 1, 0, 1, 0x2d, 0, 0, 1], 'Opcode'],
  ['an unknown choice', [1, 1, 0, 1, 0x31, 0, 0, 0, 1], 'Opcode'],
  ['an unknown conversion', [1, 0, 0, 1, 0x48, 0, 1], 'Opcode'],
  ['a code far beyond', [1, 0, 0, 1, 0xff, 0, 1], 'Opcode'],
  ['an operand that is itself', [1, 0, 0, 1, 0x10, 0, 1, 1], 'Operand'],
  ['an operand that comes later', [1, 0, 0, 2, 0x10, 0, 2, 0x10, 0, 0, 1], 'Operand'],
  ['u where f is taken', [1, 1, 0, 1, 0x10, 0, 0, 1], 'Operand'],
  ['f where u is taken', [1, 0, 0, 1, 0x20, 0, 0, 1], 'Operand'],
  ['f as a condition', [1, 0, 0, 1, 0x30, 0, 0, 0, 1], 'Operand'],
  ['f given to i2f', [1, 0, 0, 1, 0x42, 0, 1], 'Operand'],
  ['u given to bits', [1, 1, 0, 1, 0x44, 0, 1], 'Operand'],
  ['a coordinate that is not there', [1, 0, 0, 1, 0x02, 0, 1], 'Coordinate'],
  ['a result that is not there', [1, 0, 0, 1, 0x16, 0, 2], 'Result'],
  ['a result that is cut off', [1, 0, 0, 1, 0x16, 0], 'Truncated'],
  ['an instruction count that is cut off', [1, 0, 0], 'Truncated'],
]

for (const [what, program, fault] of malformed) {
  test(`the interpreter refuses ${what}`, async () => {
    const answer = await referee.runEncoded(Uint8Array.from(program), [0x3f800000])
    assert.match(
      String(answer),
      new RegExp(`ScalarMalformed\\(uint256 value, uint8 fault\\)\\s+\\(\\d+, ${FAULTS.indexOf(fault)}\\)`),
    )
  })
}

test('no cut and no changed byte of a program does anything but run or be refused', async () => {
  const program = encodeScalar(
    traceScalar(['f', 'u'], (a, b) => a.fma(2, b.toF32()).sqrt().lt(3).add(b.mulhi(b)).float().f16()),
  )
  for (let length = 0; length < program.length; length++) {
    const answer = await referee.runEncoded(program.subarray(0, length), [1, 2])
    assert.match(String(answer), /ScalarMalformed/, `cut to ${length}`)
  }
  const r = new Random(5)
  for (let i = 0; i < 200; i++) {
    const changed = program.slice()
    changed[r.between(0, changed.length)] = r.between(0, 256)
    const answer = await referee.runEncoded(changed, [1, 2])
    assert.match(String(answer), /^\d+$|ScalarMalformed|length/, Buffer.from(changed).toString('hex'))
  }
})
