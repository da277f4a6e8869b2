import type { Opcode, ScalarProgram } from '@lockstep/tensor'

/**
 * The most gas that the contract's interpreter takes for each instruction, over operands of every kind, and a twentieth
 * more: measured in packages/contracts/snapshots/ScalarMachine.json, which a test compares with this table.
 */
export const SCALAR_GAS: { readonly [O in Opcode]: number } = {
  const_f: 560,
  const_u: 490,
  index: 570,
  fadd: 1310,
  fsub: 1320,
  fmul: 1030,
  fdiv: 1140,
  fsqrt: 1120,
  fma: 1380,
  fneg: 580,
  fabs: 580,
  flt: 690,
  fle: 720,
  feq: 730,
  uadd: 490,
  usub: 490,
  umul: 490,
  umulhi: 500,
  and: 490,
  or: 510,
  xor: 510,
  shl: 520,
  shr: 550,
  sar: 580,
  ult: 580,
  slt: 620,
  ueq: 600,
  select: 570,
  f2i: 780,
  f2u: 810,
  i2f: 820,
  u2f: 830,
  bits: 630,
  float: 680,
  bf16: 810,
  f16: 1380,
}

/** What a run costs before its first instruction, and for each argument. */
export const SCALAR_START_GAS = 520
export const SCALAR_ARGUMENT_GAS = 310

export const scalarGas = ({ args, code }: ScalarProgram): number =>
  code.reduce((gas, { op }) => gas + SCALAR_GAS[op], SCALAR_START_GAS + args.length * SCALAR_ARGUMENT_GAS)
