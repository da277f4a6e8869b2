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
    if (!x.mask) return f.get(x.local)
    const local = f.get(x.local).splat(1).v('v128.and').keep(V128)
    values[i] = { ...x, local, mask: false }
    return f.get(local)
  }
  const condition = (i: number): Fn => {
    const x = values[i]!
    return x.mask ? f.get(x.local) : f.get(x.local).splat(0).v('i32x4.ne')
  }
  const { sides, owner } = lazySides(program)

  const emitAll = (side: Side | undefined): void => {
    program.code.forEach((instruction, i) => {
      const v = args.length + i
      if (owner.get(v) !== side) return
      if (instruction.op === 'select' && sides.has(v)) {
        emitSelect(v, instruction.args as readonly [number, number, number], sides.get(v)!)
        return
      }
      const mask = emitInstruction(f, instruction, use, condition, (c) => values[c]!.constant, context)
      values[v] = { local: f.keep(V128), mask }
      if (instruction.op === 'const_u') values[v].constant = instruction.immediate
    })
  }
  /** A side's instructions, run if the condition on the stack holds. What is known inside is not known outside. */
  const emitSide = (side: Side, result: number): Local => {
    const to = f.local(V128)
    f.if(() => {
      const before = [...values]
      emitAll(side)
      use(result).set(to)
      values.splice(0, values.length, ...before)
    })
    return to
  }
  const emitSelect = (v: number, [c, a, b]: readonly [number, number, number], { yes, no }: Sides): void => {
    const mask = condition(c).keep(V128)
    if (yes) f.get(mask).v('v128.any_true')
    const left = yes && emitSide(yes, a)
    if (no) f.get(mask).v('i32x4.all_true').op('i32.eqz')
    const right = no && emitSide(no, b)
    if (left === undefined) use(a)
    else f.get(left)
    if (right === undefined) use(b)
    else f.get(right)
    values[v] = { local: f.get(mask).v('v128.bitselect').keep(V128), mask: false }
  }
  emitAll(undefined)
  use(program.result)
  f.op('drop')
  return values[program.result]!.local
}

/** Values that only one side of one select needs: they are computed only where one of the four lanes takes that side. */
type Side = ReadonlySet<number>
type Sides = { readonly yes: Side | undefined; readonly no: Side | undefined }
/** A side cheaper than this, in instructions, is cheaper computed than asked about. */
const WORTH_ASKING = 12
const DEAR: Readonly<Record<string, number>> = { fdiv: 6, fsqrt: 6, const_f: 0, const_u: 0 }

const lazySides = ({ args, code, result }: ScalarProgram) => {
  const sides = new Map<number, Sides>()
  const owner = new Map<number, Side>() // the innermost side that a value belongs to
  if (!code.some((c) => c.op === 'select')) return { sides, owner }
  const users = Array.from({ length: args.length + code.length }, (): number[] => [])
  code.forEach((c, i) => {
    if ('args' in c) for (const a of new Set(c.args)) users[a]!.push(args.length + i)
  })
  const sideOf = (select: number, from: number, others: readonly number[]): Side | undefined => {
    if (from < args.length || from === result || others.includes(from)) return undefined
    if (users[from]!.some((u) => u !== select)) return undefined
    const side = new Set([from])
    for (let v = from - 1; v >= args.length; v--)
      if (v !== result && users[v]!.length > 0 && users[v]!.every((u) => side.has(u))) side.add(v)
    const cost = [...side].reduce((n, v) => n + (DEAR[code[v - args.length]!.op] ?? 1), 0)
    return cost >= WORTH_ASKING ? side : undefined
  }
  code.forEach((instruction, i) => {
    if (instruction.op !== 'select') return
    const [c, a, b] = instruction.args as readonly [number, number, number]
    const [yes, no] = [sideOf(args.length + i, a, [b, c]), sideOf(args.length + i, b, [a, c])]
    if (yes || no) sides.set(args.length + i, { yes, no })
    for (const side of [yes, no])
      for (const v of side ?? []) {
        const known = owner.get(v)
        if (!known || known.size > side!.size) owner.set(v, side!)
      }
  })
  return { sides, owner }
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
