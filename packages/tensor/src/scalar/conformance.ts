import type { Register } from '../dtype.ts'
import { Random, scalarCases, type TestedOpcode } from './cases.ts'
import { cos, erf, exp, expm1, log, log1p, pow, rsqrt, sigmoid, sin, tanh } from './elementary.ts'
import { INSTRUCTIONS, OPCODES } from './instruction.ts'
import { philox, uniform } from './philox.ts'
import { compileScalar } from './reference.ts'
import type { Instruction, ScalarProgram } from './scalar-program.ts'
import { traceScalar } from './trace.ts'

/** Anything that claims to run scalar programs: its answers must be the reference's, bit for bit. */
export type ScalarExecutor = {
  readonly name: string
  /** `batch` is (count, args), row-major patterns; gives `count` result patterns. */
  run(program: ScalarProgram, batch: Uint32Array, count: number): Uint32Array | Promise<Uint32Array>
}

export type ScalarMismatch = {
  readonly program: string
  readonly args: readonly number[]
  readonly expected: number
  readonly got: number | undefined
}
/** `mismatches` has the first few; `mismatched` counts all. */
export type ScalarConformance = {
  readonly cases: number
  readonly mismatched: number
  readonly mismatches: readonly ScalarMismatch[]
}

type Subject = { readonly name: string; readonly program: ScalarProgram; readonly batch: Uint32Array }

const SHOWN = 8

/** Runs every instruction, elementary function and a set of random programs, `cases` times each. */
export const runScalarConformance = async (
  executor: ScalarExecutor,
  { seed, cases }: { readonly seed: number; readonly cases: number },
): Promise<ScalarConformance> => {
  const mismatches: ScalarMismatch[] = []
  let mismatched = 0
  let total = 0
  for (const { name, program, batch } of subjects(seed, cases)) {
    const arity = program.args.length
    const reference = compileScalar(program)
    const answers = await executor.run(program, batch.slice(), cases)
    for (let i = 0; i < cases; i++) {
      const args = batch.subarray(i * arity, (i + 1) * arity)
      const expected = reference(args, [])
      total++
      if (answers[i] === expected) continue
      mismatched++
      if (mismatches.length < SHOWN)
        mismatches.push({ program: name, args: [...args], expected, got: answers[i] })
    }
  }
  return { cases: total, mismatched, mismatches }
}

function* subjects(seed: number, cases: number): Generator<Subject> {
  for (const op of OPCODES) if (op !== 'index') yield* instructionSubjects(op, seed, cases)
  for (const [name, fn] of Object.entries(FUNCTIONS))
    yield { name, program: traceScalar(['f'], (x) => fn(x)), batch: floats(seed, cases, 1) }
  yield { name: 'pow', program: traceScalar(['f', 'f'], (x, y) => pow(x, y)), batch: floats(seed, cases, 2) }
  yield {
    name: 'philox',
    program: traceScalar(['u', 'u', 'u'], (i, step, key) => uniform(philox([i, step, 0, 0], [key, 1])[3])),
    batch: operandBatch('umulhi', seed, cases, 3),
  }
  for (let k = 0; k < RANDOM_PROGRAMS; k++) {
    const program = randomProgram(seed + k)
    yield { name: `random program ${seed + k}`, program, batch: mixedBatch(program.args, seed + k, cases) }
  }
}

const FUNCTIONS = { exp, expm1, log, log1p, tanh, sigmoid, sin, cos, erf, rsqrt }
const RANDOM_PROGRAMS = 16

function* instructionSubjects(op: TestedOpcode, seed: number, cases: number): Generator<Subject> {
  const { takes, gives } = INSTRUCTIONS[op]
  if (op === 'const_f' || op === 'const_u') {
    const immediate = scalarCases(op, seed, 1)[0]!.a
    yield { name: op, program: { args: [], code: [{ op, immediate }], result: 0 }, batch: new Uint32Array(0) }
    return
  }
  for (const x of gives === 'x' ? (['f', 'u'] as const) : ([undefined] as const)) {
    const args = [...takes].map((register) => (register === 'x' ? x! : (register as Register)))
    const program: ScalarProgram = { args, code: [{ op, args: args.map((_, i) => i) }], result: args.length }
    const name = x ? `${op} ${x}` : op
    const batch = x === 'f' ? mixedBatch(args, seed, cases) : operandBatch(op, seed, cases, args.length)
    yield { name, program, batch }
  }
}

const operandBatch = (op: TestedOpcode, seed: number, cases: number, arity: number): Uint32Array =>
  Uint32Array.from(scalarCases(op, seed, cases).flatMap(({ a, b, c }) => [a, b, c].slice(0, arity)))

/** One argument in two comes from where functions do their work, the others are of every kind. */
const floats = (seed: number, cases: number, arity: number): Uint32Array => {
  const r = new Random(seed)
  return Uint32Array.from({ length: cases * arity }, (_, i) =>
    i % 2 ? r.float() : r.atExponent(r.between(100, 134)),
  )
}

const mixedBatch = (args: readonly Register[], seed: number, cases: number): Uint32Array => {
  const r = new Random(seed)
  return Uint32Array.from({ length: cases * args.length }, (_, i) =>
    args[i % args.length] === 'f' ? r.float() : r.word(),
  )
}

const PROGRAM_LENGTH = 40

/** A program of two floats and two words, the same for everyone from its seed. No operation is left out. */
const randomProgram = (seed: number): ScalarProgram => {
  const r = new Random(seed)
  const args: Register[] = ['f', 'f', 'u', 'u']
  const registers: Register[] = [...args]
  const code: Instruction[] = []
  const emit = (instruction: Instruction, register: Register): number => {
    code.push(instruction)
    return registers.push(register) - 1
  }
  const recent = (register: Register): number => {
    const all = registers.flatMap((have, value) => (have === register ? [value] : []))
    return all[Math.max(0, all.length - 1 - r.between(0, 6))]!
  }
  const ops = OPCODES.filter((op) => op !== 'index')
  for (let k = 0; k < PROGRAM_LENGTH; k++) {
    const op = r.pick(ops)
    if (op === 'const_f') emit({ op, immediate: r.float() }, 'f')
    else if (op === 'const_u') emit({ op, immediate: r.word() }, 'u')
    else {
      const { takes, gives } = INSTRUCTIONS[op]
      const x: Register = r.pick(['f', 'u'])
      const of = (register: string): Register => (register === 'x' ? x : (register as Register))
      emit({ op, args: [...takes].map((register) => recent(of(register))) }, of(gives))
    }
  }
  // Everything that was made is mixed into the result, so that no wrong value stays hidden.
  const prime = emit({ op: 'const_u', immediate: 0x01000193 }, 'u')
  const made = registers.slice(0, prime)
  let sum = prime
  for (const [value, register] of made.entries()) {
    const word = register === 'f' ? emit({ op: 'bits', args: [value] }, 'u') : value
    const mixed = emit({ op: 'xor', args: [sum, word] }, 'u')
    sum = emit({ op: 'umul', args: [mixed, prime] }, 'u')
  }
  return { args, code, result: sum }
}
