import type { Instruction, ScalarProgram } from '../scalar/scalar-program.ts'
import type { Fn, Local } from './emitter.ts'
import { V128 } from './emitter.ts'
import { emitFma, type Fma } from './fma.ts'
import { canonical, narrowBf16, narrowF16, widenBf16, widenF16 } from './formats.ts'

/** What a scalar program may need beside its arguments. `index` leaves the coordinate in four lanes on the stack. */
export type ScalarContext = { readonly fma: Fma; readonly index: (position: number) => void }

/** A value of the program: its local, or a lane mask that stands for 1 where set. */
type Value = { local: Local; mask: boolean; constant?: number }

/** Writes the program for four lanes at once; gives the local with the result. Arguments are v128 locals. */
export const emitScalar = (
  f: Fn,
  program: ScalarProgram,
  args: readonly Local[],
  context: ScalarContext,
): Local => {
  const values: Value[] = args.map((local) => ({ local, mask: false }))
  const use = (i: number): Fn => {
    const x = values[i]!
    if (x.mask) {
      x.local = f.get(x.local).splat(1).v('v128.and').keep(V128)
      x.mask = false
    }
    return f.get(x.local)
  }
  const condition = (i: number): Fn => {
    const x = values[i]!
    return x.mask ? f.get(x.local) : f.get(x.local).splat(0).v('i32x4.ne')
  }
  for (const instruction of program.code) {
    const mask = emitInstruction(f, instruction, use, condition, (i) => values[i]!.constant, context)
    const value: Value = { local: f.keep(V128), mask }
    if (instruction.op === 'const_u') value.constant = instruction.immediate
    values.push(value)
  }
  use(program.result)
  f.op('drop')
  return values[program.result]!.local
}

const DIRECT = {
  fadd: 'f32x4.add',
  fsub: 'f32x4.sub',
  fmul: 'f32x4.mul',
  fdiv: 'f32x4.div',
  fsqrt: 'f32x4.sqrt',
  fneg: 'f32x4.neg',
  fabs: 'f32x4.abs',
  uadd: 'i32x4.add',
  usub: 'i32x4.sub',
  umul: 'i32x4.mul',
  and: 'v128.and',
  or: 'v128.or',
  xor: 'v128.xor',
  f2i: 'i32x4.trunc_sat_f32x4_s',
  f2u: 'i32x4.trunc_sat_f32x4_u',
  i2f: 'f32x4.convert_i32x4_s',
  u2f: 'f32x4.convert_i32x4_u',
} as const
const COMPARE = {
  flt: 'f32x4.lt',
  fle: 'f32x4.le',
  feq: 'f32x4.eq',
  ult: 'i32x4.lt_u',
  slt: 'i32x4.lt_s',
  ueq: 'i32x4.eq',
} as const
const SHIFT = { shl: 'shl', shr: 'shr_u', sar: 'shr_s' } as const

/** Leaves the instruction's value on the stack; says whether it is a lane mask. */
const emitInstruction = (
  f: Fn,
  instruction: Instruction,
  use: (i: number) => Fn,
  condition: (i: number) => Fn,
  constant: (i: number) => number | undefined,
  context: ScalarContext,
): boolean => {
  if (!('args' in instruction)) {
    if (instruction.op === 'index') context.index(instruction.immediate)
    else f.splat(instruction.immediate)
    return false
  }
  const { op, args } = instruction
  const [a, b, c] = args as readonly [number, number, number]
  switch (op) {
    case 'flt':
    case 'fle':
    case 'feq':
    case 'ult':
    case 'slt':
    case 'ueq':
      use(a)
      use(b).v(COMPARE[op])
      return true
    case 'select':
      use(b)
      use(c)
      condition(a).v('v128.bitselect')
      return false
    case 'fma':
      use(a)
      use(b)
      emitFma(use(c), context.fma)
      return false
    case 'umulhi': {
      const x = use(a).keep(V128)
      const y = use(b).keep(V128)
      f.get(x).get(y).v('i64x2.extmul_low_i32x4_u').get(x).get(y).v('i64x2.extmul_high_i32x4_u')
      f.shuffleWords(1, 3, 5, 7)
      return false
    }
    case 'shl':
    case 'shr':
    case 'sar': {
      const count = constant(b)
      if (count !== undefined)
        use(a)
          .i32(count & 31)
          .v(`i32x4.${SHIFT[op]}`)
      else {
        const x = use(a).keep(V128)
        const n = use(b).keep(V128)
        f.get(x)
        for (let lane = 0; lane < 4; lane++)
          f.get(x).extract(lane).get(n).extract(lane).op(`i32.${SHIFT[op]}`).replace(lane)
      }
      return false
    }
    case 'bits':
      canonical(use(a))
      return false
    case 'float':
      use(a)
      return false
    case 'bf16':
      widenBf16(narrowBf16(use(a)))
      return false
    case 'f16':
      widenF16(narrowF16(use(a)))
      return false
    default:
      use(a)
      if (args.length > 1) use(b)
      f.v(DIRECT[op])
      return false
  }
}
