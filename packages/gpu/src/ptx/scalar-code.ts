import { INSTRUCTIONS, type Opcode, type ScalarProgram } from '@lockstep/tensor'
import type { PtxKernel } from './kernel-text.ts'

/** Opcodes of one PTX instruction on as many operands. Without `.ftz`, so that subnormals are kept. */
const DIRECT: { readonly [O in Opcode]?: string } = {
  fadd: 'add.rn.f32',
  fsub: 'sub.rn.f32',
  fmul: 'mul.rn.f32',
  fdiv: 'div.rn.f32',
  fsqrt: 'sqrt.rn.f32',
  fma: 'fma.rn.f32',
  fneg: 'neg.f32',
  fabs: 'abs.f32',
  uadd: 'add.u32',
  usub: 'sub.u32',
  umul: 'mul.lo.u32',
  umulhi: 'mul.hi.u32',
  and: 'and.b32',
  or: 'or.b32',
  xor: 'xor.b32',
  // To an integer PTX saturates, and gives 0 for a NaN.
  f2i: 'cvt.rzi.s32.f32',
  f2u: 'cvt.rzi.u32.f32',
  i2f: 'cvt.rn.f32.s32',
  u2f: 'cvt.rn.f32.u32',
  float: 'mov.b32',
}
/** Comparisons; those of numbers are false with a NaN. */
const TESTS: { readonly [O in Opcode]?: string } = {
  flt: 'setp.lt.f32',
  fle: 'setp.le.f32',
  feq: 'setp.eq.f32',
  ult: 'setp.lt.u32',
  slt: 'setp.lt.s32',
  ueq: 'setp.eq.u32',
}
/** PTX clamps a count to 32: the machine takes it modulo 32. */
const SHIFTS: { readonly [O in Opcode]?: string } = { shl: 'shl.b32', shr: 'shr.u32', sar: 'shr.s32' }

/** A pattern as PTX writes a number. */
export const numberLiteral = (pattern: number): string =>
  `0f${(pattern >>> 0).toString(16).toUpperCase().padStart(8, '0')}`

/** A number's pattern, with every NaN as the one NaN. */
export const patternOf = (k: PtxKernel, number: string): string => {
  const nan = k.let('p', 'setp.nan.f32', number, number)
  const pattern = k.let('r', 'mov.b32', number)
  return k.let('r', 'selp.b32', 0x7fc00000, pattern, nan)
}

/** The pattern of the nearest bfloat16 in the low half of a word: a carry out of the fraction is right. */
export const bf16PatternOf = (k: PtxKernel, number: string): string => {
  const nan = k.let('p', 'setp.nan.f32', number, number)
  const pattern = k.let('r', 'mov.b32', number)
  const high = k.let('r', 'shr.u32', pattern, 16)
  const odd = k.let('r', 'and.b32', high, 1)
  const half = k.let('r', 'add.u32', pattern, 0x7fff)
  const sum = k.let('r', 'add.u32', half, odd)
  const rounded = k.let('r', 'shr.u32', sum, 16)
  return k.let('r', 'selp.b32', 0x7fc0, rounded, nan)
}

/** The nearest binary16, whose NaN may be any. */
export const f16Of = (k: PtxKernel, number: string): string => k.let('h', 'cvt.rn.f16.f32', number)

/**
 * A scalar program in registers: `args` hold its arguments, `coordinate` gives a word of the iteration space. Gives the
 * register of its result. A NaN in a register may have any pattern; `bits` gives the one.
 */
export const emitScalar = (
  k: PtxKernel,
  { args: registers, code, result }: ScalarProgram,
  args: readonly string[],
  coordinate: (position: number) => string,
): string => {
  if (args.length !== registers.length) throw new Error('as many arguments as the program has')
  const values = [...args]
  const isWord = registers.map((r) => r === 'u')
  for (const instruction of code) {
    const { op } = instruction
    const { gives } = INSTRUCTIONS[op]
    if ('immediate' in instruction) {
      isWord.push(gives === 'u')
      if (op === 'index') values.push(coordinate(instruction.immediate))
      else if (op === 'const_f') values.push(k.let('f', 'mov.f32', numberLiteral(instruction.immediate)))
      else values.push(k.let('r', 'mov.b32', instruction.immediate >>> 0))
      continue
    }
    const operands = instruction.args.map((a) => values[a]!)
    const word = gives === 'x' ? isWord[instruction.args[1]!]! : gives === 'u'
    isWord.push(word)
    values.push(emitInstruction(k, op, operands, word))
  }
  return values[result]!
}

const emitInstruction = (k: PtxKernel, op: Opcode, operands: readonly string[], word: boolean): string => {
  const [a, b, c] = operands as readonly [string, string, string]
  const direct = DIRECT[op]
  if (direct) return k.let(word ? 'r' : 'f', direct, ...operands)
  const test = TESTS[op]
  if (test) {
    const holds = k.let('p', test, a, b)
    return k.let('r', 'selp.b32', 1, 0, holds)
  }
  const shift = SHIFTS[op]
  if (shift) {
    const count = k.let('r', 'and.b32', b, 31)
    return k.let('r', shift, a, count)
  }
  switch (op) {
    case 'select': {
      const chosen = k.let('p', 'setp.ne.u32', a, 0)
      return word ? k.let('r', 'selp.b32', b, c, chosen) : k.let('f', 'selp.f32', b, c, chosen)
    }
    case 'bits':
      return patternOf(k, a)
    case 'bf16':
      return k.let('f', 'mov.b32', k.let('r', 'shl.b32', bf16PatternOf(k, a), 16))
    case 'f16':
      return k.let('f', 'cvt.f32.f16', f16Of(k, a))
    default:
      throw new Error(`the instruction ${op} has no PTX`)
  }
}
