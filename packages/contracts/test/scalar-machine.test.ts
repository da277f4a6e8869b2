import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  applyInstruction,
  encodeScalar,
  INSTRUCTIONS,
  type Instruction,
  index,
  isLeaf,
  OPCODES,
  type Register,
  runScalar,
  type ScalarProgram,
  scalarCases,
  type TestedOpcode,
  traceScalar,
} from '@lockstep/tensor'
import { type RefereeExecutor, startRefereeExecutor } from './referee-executor.ts'

const CASES = process.env.LOCKSTEP_NIGHTLY ? 200_000 : 4_000

let referee: RefereeExecutor
before(async () => {
  referee = await startRefereeExecutor()
})
after(() => referee.stop())

const hex = (...words: readonly number[]) => words.map((word) => word.toString(16).padStart(8, '0')).join(' ')

const tested = OPCODES.filter((op): op is TestedOpcode => op !== 'index')

for (const op of tested.filter((op) => !isLeaf(op))) {
  test(`${op} gives the reference's bits`, async () => {
    const takes = [...INSTRUCTIONS[op].takes]
    // `select` works on both registers; its cases are plain words.
    const args = takes.map((register): Register => (register === 'f' ? 'f' : 'u'))
    const program: ScalarProgram = {
      args,
      code: [{ op, args: args.map((_, i) => i) } as Instruction],
      result: args.length,
    }
    const cases = scalarCases(op, 1, CASES)
    const rows = new Uint32Array(cases.flatMap(({ a, b, c }) => [a, b, c].slice(0, args.length)))
    const results = await referee.run(program, rows, cases.length)
    for (const [i, { a, b, c }] of cases.entries()) {
      const wanted = applyInstruction(op, a, b, c)
      if (results[i] !== wanted)
        assert.fail(`${op} ${hex(a, b, c)} gave ${hex(results[i]!)}, not ${hex(wanted)}`)
    }
  })
}

test('constants are the words they name, and a NaN pattern is the one NaN', async () => {
  for (const [op, immediate, wanted] of [
    ['const_u', 0xffc00001, 0xffc00001],
    ['const_f', 0xffc00001, 0x7fc00000],
    ['const_f', 0x80000000, 0x80000000],
  ] as const) {
    const program: ScalarProgram = { args: [], code: [{ op, immediate }], result: 0 }
    assert.deepEqual([...(await referee.run(program, new Uint32Array(), 1))], [wanted])
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

/** A small counter-based generator, so that a failure names its seed. */
const random = (seed: number) => {
  let state = seed
  return (end: number): number => {
    state = (state + 0x9e3779b9) | 0
    let x = Math.imul(state ^ (state >>> 16), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    return ((x ^ (x >>> 16)) >>> 0) % end
  }
}

const randomProgram = (seed: number): ScalarProgram => {
  const r = random(seed)
  const args = Array.from({ length: 1 + r(4) }, (): Register => (r(2) ? 'f' : 'u'))
  const registers: Register[] = [...args, 'f', 'u']
  const code: Instruction[] = [
    { op: 'const_f', immediate: r(2 ** 32) },
    { op: 'const_u', immediate: r(2 ** 32) },
  ]
  const pick = (register: string) => {
    const places = registers.flatMap((found, i) => (found === register ? [i] : []))
    return places[r(places.length)]!
  }
  const length = r(40)
  while (code.length < length) {
    const op = OPCODES[r(OPCODES.length)]!
    const { takes, gives } = INSTRUCTIONS[op]
    const x: Register = r(2) ? 'f' : 'u'
    if (op === 'index') code.push({ op, immediate: r(2) })
    else if (isLeaf(op)) code.push({ op, immediate: r(2 ** 32) })
    else code.push({ op, args: [...takes].map((register) => pick(register === 'x' ? x : register)) })
    registers.push(gives === 'x' ? x : gives)
  }
  return { args, code, result: registers.length - 1 - r(Math.min(3, registers.length)) }
}

test('random programs give the reference’s bits', async () => {
  for (let seed = 1; seed <= CASES / 20; seed++) {
    const program = randomProgram(seed)
    const r = random(-seed)
    const rows = Uint32Array.from({ length: program.args.length * 8 }, () => r(2 ** 32))
    const points = Uint32Array.from({ length: 16 }, () => r(2 ** 31))
    const results = await referee.run(program, rows, 8, points)
    for (let i = 0; i < 8; i++) {
      const row = [...rows.subarray(i * program.args.length, (i + 1) * program.args.length)]
      const wanted = runScalar(program, row, [...points.subarray(i * 2, i * 2 + 2)])
      assert.equal(results[i], wanted, `seed ${seed}, row ${i}`)
    }
  }
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
  const r = random(5)
  for (let i = 0; i < 200; i++) {
    const changed = program.slice()
    changed[r(changed.length)] = r(256)
    const answer = await referee.runEncoded(changed, [1, 2])
    assert.match(String(answer), /^\d+$|ScalarMalformed|length/, Buffer.from(changed).toString('hex'))
  }
})
