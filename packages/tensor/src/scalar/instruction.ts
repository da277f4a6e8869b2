import type { Register } from '../dtype.ts'

/**
 * The closed table of scalar instructions: the whole trusted arithmetic.
 * `code` is the byte in the canonical encoding; `takes` are the operand registers; `gives` is the result register.
 * `x` stands for one register type that all operands marked `x` and the result share (select only).
 * Meanings: docs/numerics.md, "Scalar instructions".
 */
export const INSTRUCTIONS = {
  // leaves: their operand is an immediate, not a value
  const_f: { code: 0x00, takes: '', gives: 'f' }, // immediate: 32-bit pattern
  const_u: { code: 0x01, takes: '', gives: 'u' }, // immediate: 32-bit pattern
  index: { code: 0x02, takes: '', gives: 'u' }, // immediate: which coordinate of the iteration space
  // binary32, correctly rounded to nearest, ties to even; subnormals kept
  fadd: { code: 0x10, takes: 'ff', gives: 'f' },
  fsub: { code: 0x11, takes: 'ff', gives: 'f' },
  fmul: { code: 0x12, takes: 'ff', gives: 'f' },
  fdiv: { code: 0x13, takes: 'ff', gives: 'f' },
  fsqrt: { code: 0x14, takes: 'f', gives: 'f' },
  fma: { code: 0x15, takes: 'fff', gives: 'f' }, // a * b + c, one rounding
  fneg: { code: 0x16, takes: 'f', gives: 'f' },
  fabs: { code: 0x17, takes: 'f', gives: 'f' },
  flt: { code: 0x18, takes: 'ff', gives: 'u' }, // 0 or 1; 0 with a NaN
  fle: { code: 0x19, takes: 'ff', gives: 'u' },
  feq: { code: 0x1a, takes: 'ff', gives: 'u' },
  // 32-bit integers, wrapping
  uadd: { code: 0x20, takes: 'uu', gives: 'u' },
  usub: { code: 0x21, takes: 'uu', gives: 'u' },
  umul: { code: 0x22, takes: 'uu', gives: 'u' },
  umulhi: { code: 0x23, takes: 'uu', gives: 'u' }, // high word of the unsigned 64-bit product
  and: { code: 0x24, takes: 'uu', gives: 'u' },
  or: { code: 0x25, takes: 'uu', gives: 'u' },
  xor: { code: 0x26, takes: 'uu', gives: 'u' },
  shl: { code: 0x27, takes: 'uu', gives: 'u' }, // shift counts are taken modulo 32
  shr: { code: 0x28, takes: 'uu', gives: 'u' },
  sar: { code: 0x29, takes: 'uu', gives: 'u' },
  ult: { code: 0x2a, takes: 'uu', gives: 'u' },
  slt: { code: 0x2b, takes: 'uu', gives: 'u' }, // two's complement
  ueq: { code: 0x2c, takes: 'uu', gives: 'u' },
  // choice: operand 0 is non-zero ? operand 1 : operand 2
  select: { code: 0x30, takes: 'uxx', gives: 'x' },
  // conversions
  f2i: { code: 0x40, takes: 'f', gives: 'u' }, // truncate, saturate to i32, NaN gives 0
  f2u: { code: 0x41, takes: 'f', gives: 'u' }, // truncate, saturate to u32, NaN gives 0
  i2f: { code: 0x42, takes: 'u', gives: 'f' }, // two's complement to nearest-even
  u2f: { code: 0x43, takes: 'u', gives: 'f' }, // unsigned to nearest-even
  bits: { code: 0x44, takes: 'f', gives: 'u' }, // the pattern; a NaN gives 0x7fc00000
  float: { code: 0x45, takes: 'u', gives: 'f' }, // the number that a pattern stands for
  bf16: { code: 0x46, takes: 'f', gives: 'f' }, // round to bfloat16 and back
  f16: { code: 0x47, takes: 'f', gives: 'f' }, // round to binary16 and back
} as const satisfies Record<string, { code: number; takes: string; gives: Register | 'x' }>

export type Opcode = keyof typeof INSTRUCTIONS
export const OPCODES = Object.keys(INSTRUCTIONS) as readonly Opcode[]

const byCode = new Map<number, Opcode>(OPCODES.map((op) => [INSTRUCTIONS[op].code, op]))
export const opcodeFromCode = (code: number): Opcode | undefined => byCode.get(code)

/** Instructions whose operand is an immediate. */
export type Leaf = 'const_f' | 'const_u' | 'index'
export const isLeaf = (op: Opcode): op is Leaf => op === 'const_f' || op === 'const_u' || op === 'index'
