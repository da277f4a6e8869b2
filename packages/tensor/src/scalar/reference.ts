import { bf16FromF32, f16FromF32, f32FromBf16, f32FromF16 } from './convert.ts'
import type { Opcode } from './instruction.ts'
import { canonicalF32, f32Bits, f32Value, SIGN } from './pattern.ts'
import type { ScalarProgram } from './scalar-program.ts'

/**
 * The meaning of every scalar instruction, on 32-bit patterns (unsigned numbers): docs/numerics.md, "Scalar
 * instructions". Every f pattern that comes out has its NaN as the one NaN.
 *
 * JavaScript numbers are binary64. Rounding a binary64 sum, product, quotient or square root of binary32 numbers to
 * binary32 is correct rounding, because 53 >= 2 * 24 + 2 (Figueroa, "When is double rounding innocuous?", 1995); it
 * also holds where the result is subnormal: the product is exact, the sum is exact there, and a quotient cannot lie
 * closer than 2^-48 (relative) to a midpoint without being it.
 */
type Meaning = (a: number, b: number, c: number) => number

const f1 =
  (g: (a: number) => number): Meaning =>
  (a) =>
    f32Bits(g(f32Value(a)))
const f2 =
  (g: (a: number, b: number) => number): Meaning =>
  (a, b) =>
    f32Bits(g(f32Value(a), f32Value(b)))
const test =
  (g: (a: number, b: number) => boolean): Meaning =>
  (a, b) =>
    g(f32Value(a), f32Value(b)) ? 1 : 0

export const MEANINGS: { readonly [O in Exclude<Opcode, 'index'>]: Meaning } = {
  const_f: canonicalF32,
  const_u: (a) => a >>> 0,

  fadd: f2((a, b) => a + b),
  fsub: f2((a, b) => a - b),
  fmul: f2((a, b) => a * b),
  fdiv: f2((a, b) => a / b),
  fsqrt: f1(Math.sqrt),
  fma: (a, b, c) => f32Bits(fusedMultiplyAdd(f32Value(a), f32Value(b), f32Value(c))),
  fneg: (a) => canonicalF32(a ^ SIGN),
  fabs: (a) => canonicalF32(a & ~SIGN),
  flt: test((a, b) => a < b),
  fle: test((a, b) => a <= b),
  feq: test((a, b) => a === b),

  uadd: (a, b) => (a + b) >>> 0,
  usub: (a, b) => (a - b) >>> 0,
  umul: (a, b) => Math.imul(a, b) >>> 0,
  umulhi: (a, b) => highProduct(a >>> 0, b >>> 0),
  and: (a, b) => (a & b) >>> 0,
  or: (a, b) => (a | b) >>> 0,
  xor: (a, b) => (a ^ b) >>> 0,
  shl: (a, b) => (a << b) >>> 0, // JavaScript shifts take their count modulo 32
  shr: (a, b) => a >>> b,
  sar: (a, b) => (a >> b) >>> 0,
  ult: (a, b) => (a >>> 0 < b >>> 0 ? 1 : 0),
  slt: (a, b) => ((a | 0) < (b | 0) ? 1 : 0),
  ueq: (a, b) => (a >>> 0 === b >>> 0 ? 1 : 0),

  select: (a, b, c) => (a !== 0 ? b : c) >>> 0,

  f2i: (a) => toInteger(f32Value(a), -(2 ** 31), 2 ** 31 - 1),
  f2u: (a) => toInteger(f32Value(a), 0, 2 ** 32 - 1),
  i2f: (a) => f32Bits(a | 0),
  u2f: (a) => f32Bits(a >>> 0),
  bits: canonicalF32,
  float: canonicalF32,
  bf16: (a) => f32FromBf16(bf16FromF32(a)),
  f16: (a) => f32FromF16(f16FromF32(a)),
}

const double = new Float64Array(1)
const doubleWords = new Uint32Array(double.buffer)
double[0] = 1 // 0x3ff00000_00000000
const LOW = doubleWords[0] === 0 ? 0 : 1 // which of the two words is the low one on this machine
const HIGH = 1 - LOW

/**
 * a * b + c for binary32 numbers, as a binary64 number that rounds to binary32 as the exact value does.
 *
 * The product is exact in binary64 (48 bits, no underflow: the least is 2^-298). The sum is rounded to odd: where it
 * is inexact and its last bit is even, it moves one place toward the exact value. A binary64 number rounded to odd
 * keeps on which side of every binary32 number and midpoint the exact value lies, subnormal results included.
 */
export const fusedMultiplyAdd = (a: number, b: number, c: number): number => {
  const product = a * b
  const sum = product + c
  if (!Number.isFinite(sum)) return sum
  const part = sum - product
  const error = product - (sum - part) + (c - part) // Knuth's two-sum: sum + error is exactly product + c
  if (error === 0) return sum
  double[0] = sum // not zero: an inexact sum is at least one ulp
  if ((doubleWords[LOW]! & 1) === 0) {
    if (error > 0 === sum > 0) doubleWords[LOW]! |= 1
    else if (doubleWords[LOW]!-- === 0) doubleWords[HIGH]!--
  }
  return double[0]!
}

/** The high word of a 64-bit product; every intermediate is below 2^49, exact. */
const highProduct = (a: number, b: number): number => {
  const low = a * (b & 0xffff)
  return Math.floor((a * (b >>> 16) + Math.floor(low / 0x10000)) / 0x10000)
}

const toInteger = (x: number, least: number, most: number): number =>
  Number.isNaN(x) ? 0 : Math.trunc(Math.min(Math.max(x, least), most)) >>> 0

/** What one instruction gives. `a`, `b`, `c` are its operands, as many as it takes, or its immediate. */
export const applyInstruction = (op: Exclude<Opcode, 'index'>, a: number, b = 0, c = 0): number =>
  MEANINGS[op](a, b, c)

/** A scalar program ready to run many times: args and coordinates of the iteration space in, the result's pattern out. */
export type CompiledScalar = (args: ArrayLike<number>, coordinates: ArrayLike<number>) => number

type Step = { at: number; meaning: Meaning | undefined; a: number; b: number; c: number }

/** Decodes a program once. The function it gives keeps one buffer of values, so it must not be re-entered. */
export const compileScalar = (program: ScalarProgram): CompiledScalar => {
  const arity = program.args.length
  const isF = program.args.map((r) => r === 'f')
  const values = new Uint32Array(arity + program.code.length)
  const steps: Step[] = [] // without the constants, which stay in `values`
  for (const [i, instruction] of program.code.entries()) {
    const at = arity + i
    if ('args' in instruction) {
      const [a = 0, b = 0, c = 0] = instruction.args
      steps.push({ at, meaning: MEANINGS[instruction.op], a, b, c })
    } else if (instruction.op === 'index') {
      steps.push({ at, meaning: undefined, a: instruction.immediate, b: 0, c: 0 })
    } else {
      values[at] = MEANINGS[instruction.op](instruction.immediate, 0, 0)
    }
  }
  return (args, coordinates) => {
    for (let i = 0; i < arity; i++) values[i] = isF[i] ? canonicalF32(args[i]!) : args[i]!
    for (let i = 0; i < steps.length; i++) {
      const s = steps[i]!
      values[s.at] = s.meaning ? s.meaning(values[s.a]!, values[s.b]!, values[s.c]!) : coordinates[s.a]!
    }
    return values[program.result]!
  }
}

/** Runs a scalar program once. Arguments and result are patterns. */
export const runScalar = (
  program: ScalarProgram,
  args: readonly number[],
  coordinates: readonly number[] = [],
): number => compileScalar(program)(args, coordinates)
