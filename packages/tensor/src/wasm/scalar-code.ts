import type { Leaf, Opcode } from '../scalar/instruction.ts'
import type { Instruction, ScalarProgram } from '../scalar/scalar-program.ts'
import type { Fn, Local } from './emitter.ts'
import { V128 } from './emitter.ts'
import { emitFma, type Fma } from './fma.ts'
import { canonical, narrowBf16, narrowF16, widenBf16, widenF16 } from './formats.ts'
import { bitsOfAnyNaN } from './not-a-number.ts'

/** What a scalar program may need beside its arguments. `index` leaves the coordinate in four lanes on the stack. */
export type ScalarContext = { readonly fma: Fma; readonly index: (position: number) => void }
/** The arguments of one of several runs of a program side by side, and its coordinates. */
export type ScalarRun = { readonly args: readonly Local[]; readonly index: (position: number) => void }

/** Writes the program for four lanes at once; gives the local with the result. Arguments are v128 locals. */
export const emitScalar = (
  f: Fn,
  program: ScalarProgram,
  args: readonly Local[],
  { fma, index }: ScalarContext,
): Local => emitScalars(f, program, [{ args, index }], fma)[0]!

/** A value of the program: its local in every run, or lane masks that stand for 1 where set. */
type Value = { readonly locals: readonly Local[]; readonly mask: boolean }

/**
 * Writes the program for several times four lanes, instruction by instruction in turn: then they wait for nobody's
 * results but their own, and a constant that does not fit the registers is fetched once for all. Gives their results.
 */
export const emitScalars = (
  f: Fn,
  program: ScalarProgram,
  runs: readonly ScalarRun[],
  fma: Fma,
): readonly Local[] => {
  const { args, code, result } = program
  const limits = limitsOf(program)
  const { sides, owner } = lazySides(program, limits)
  const needed = neededOf(program, limits)
  const any = bitsOfAnyNaN(program)
  const values: Value[] = args.map((_, i) => ({ locals: runs.map((r) => r.args[i]!), mask: false }))

  const numbers = (i: number): readonly Local[] => {
    const x = values[i]!
    if (x.mask) {
      const locals = x.locals.map((l) => f.get(l).splat(1).v('v128.and').keep(V128))
      values[i] = { locals, mask: false }
    }
    return values[i]!.locals
  }
  const masks = (i: number): readonly Local[] => {
    const x = values[i]!
    return x.mask ? x.locals : x.locals.map((l) => f.get(l).splat(0).v('i32x4.ne').keep(V128))
  }
  const constant = (i: number): number | undefined => {
    const c = code[i - args.length]
    return c?.op === 'const_u' ? c.immediate : undefined
  }

  const emitAll = (side: Side | undefined): void => {
    code.forEach((instruction, i) => {
      const v = args.length + i
      if (owner.get(v) !== side || !needed.has(v)) return
      values[v] = emitOne(instruction, v)
    })
  }
  const emitOne = (instruction: Instruction, v: number): Value => {
    const one = (each: (run: number) => unknown, mask = false): Value => ({
      locals: runs.map((_, run) => {
        each(run)
        return f.keep(V128)
      }),
      mask,
    })
    if (!('args' in instruction)) {
      const { op, immediate } = instruction
      if (op === 'index') return one((run) => runs[run]!.index(immediate))
      const local = immediate === 0 ? f.splat(0).keep(V128) : f.constant(immediate, immediate)
      return { locals: runs.map(() => local), mask: false }
    }
    const { op } = instruction
    const limit = limits.get(v)
    if (limit) {
      const [x, y] = [numbers(limit.args[0]), numbers(limit.args[1])]
      return one((run) => f.get(x[run]!).get(y[run]!).v(limit.op))
    }
    const [a, b] = instruction.args as readonly [number, number, number]
    if (op === 'select') {
      const lazy = sides.get(v)
      return lazy ? emitLazy(instruction.args, lazy) : emitSelect(instruction.args)
    }
    if (op === 'float' || (op === 'bits' && any.has(v))) return { locals: numbers(a), mask: false }
    const operands = instruction.args.map(numbers)
    if (op in COMPARE)
      return one(
        (run) =>
          f
            .get(operands[0]![run]!)
            .get(operands[1]![run]!)
            .v(COMPARE[op as keyof typeof COMPARE]),
        true,
      )
    const count = op in SHIFT ? constant(b) : undefined
    return one((run) =>
      emitInstruction(
        f,
        op,
        operands.map((x) => x[run]!),
        count,
        fma,
      ),
    )
  }
  const choose = (mask: readonly Local[], yes: readonly Local[], no: readonly Local[]): Value => ({
    locals: mask.map((m, run) => laneSelect(f.get(yes[run]!).get(no[run]!).get(m), fma).keep(V128)),
    mask: false,
  })
  const emitSelect = ([c, a, b]: readonly number[]): Value => {
    const mask = masks(c!)
    return choose(mask, numbers(a!), numbers(b!))
  }
  /** A side's instructions, run if the condition on the stack holds. What is known inside is not known outside. */
  const emitSide = (side: Side, of: number): readonly Local[] => {
    const to = runs.map(() => f.local(V128))
    f.if(() => {
      const before = [...values]
      emitAll(side)
      numbers(of).forEach((local, run) => {
        f.get(local).set(to[run]!)
      })
      values.splice(0, values.length, ...before)
    })
    return to
  }
  const emitLazy = ([c, a, b]: readonly number[], { yes, no }: Sides): Value => {
    const mask = masks(c!)
    const together = (name: 'v128.or' | 'v128.and'): Fn => {
      mask.forEach((m, run) => {
        f.get(m)
        if (run > 0) f.v(name)
      })
      return f
    }
    if (yes) together('v128.or').v('v128.any_true')
    const left = yes && emitSide(yes, a!)
    if (no) together('v128.and').v('i32x4.all_true').op('i32.eqz')
    const right = no && emitSide(no, b!)
    return choose(mask, left ?? numbers(a!), right ?? numbers(b!))
  }
  emitAll(undefined)
  return numbers(result)
}

/** Takes two vectors and a mask of whole lanes from the stack, and leaves the first one's lanes where it is set. */
export const laneSelect = (f: Fn, fma: Fma): Fn =>
  f.v(fma.kind === 'fused' ? 'i32x4.relaxed_laneselect' : 'v128.bitselect')

type Limit = { readonly op: 'f32x4.pmin' | 'f32x4.pmax'; readonly args: readonly [number, number] }

/** Selects of two numbers by their own comparison: one instruction, which is defined as that comparison and choice. */
const limitsOf = ({ args, code }: ScalarProgram): ReadonlyMap<number, Limit> => {
  const limits = new Map<number, Limit>()
  code.forEach((c, i) => {
    if (c.op !== 'select') return
    const [condition, yes, no] = c.args as readonly [number, number, number]
    const test = code[condition - args.length]
    if (test?.op !== 'flt') return
    const [p, q] = test.args as readonly [number, number]
    if (yes === p && no === q) limits.set(args.length + i, { op: 'f32x4.pmin', args: [q, p] })
    if (yes === q && no === p) limits.set(args.length + i, { op: 'f32x4.pmax', args: [p, q] })
  })
  return limits
}

type Limits = ReadonlyMap<number, Limit>
/** What an instruction takes, with selects that are limits in place of their comparisons. */
const takesOf = (c: Instruction, v: number, limits: Limits): readonly number[] =>
  limits.get(v)?.args ?? ('args' in c ? c.args : [])

/** Values that the result depends on. */
const neededOf = ({ args, code, result }: ScalarProgram, limits: Limits): ReadonlySet<number> => {
  const needed = new Set([result])
  for (let v = result; v >= args.length; v--)
    if (needed.has(v)) for (const a of takesOf(code[v - args.length]!, v, limits)) needed.add(a)
  return needed
}

/** Values that only one side of one select needs: they are computed only where one of the four lanes takes that side. */
type Side = ReadonlySet<number>
type Sides = { readonly yes: Side | undefined; readonly no: Side | undefined }
/**
 * A side cheaper than this, in instructions, is cheaper computed than asked about. Where numbers decide, the answer is
 * a matter of chance and a wrong guess of the processor costs as much as many instructions.
 */
const WORTH_ASKING = { words: 12, numbers: 40 }
const DEAR: Readonly<Record<string, number>> = { fdiv: 6, fsqrt: 6, const_f: 0, const_u: 0 }

const lazySides = ({ args, code, result }: ScalarProgram, limits: Limits) => {
  const sides = new Map<number, Sides>()
  const owner = new Map<number, Side>() // the innermost side that a value belongs to
  if (!code.some((c) => c.op === 'select')) return { sides, owner }
  const users = Array.from({ length: args.length + code.length }, (): number[] => [])
  code.forEach((c, i) => {
    for (const a of new Set(takesOf(c, args.length + i, limits))) users[a]!.push(args.length + i)
  })
  const chance = code.map(() => false)
  code.forEach((c, i) => {
    chance[i] = COMPARES_NUMBERS.has(c.op) || ('args' in c && c.args.some((a) => chance[a - args.length]))
  })
  const sideOf = (
    select: number,
    from: number,
    [condition, other]: readonly [number, number],
  ): Side | undefined => {
    if (from < args.length || from === result || from === condition || from === other) return undefined
    if (users[from]!.some((u) => u !== select)) return undefined
    const side = new Set([from])
    for (let v = from - 1; v >= args.length; v--)
      if (v !== result && users[v]!.length > 0 && users[v]!.every((u) => side.has(u))) side.add(v)
    const cost = [...side].reduce((n, v) => n + (DEAR[code[v - args.length]!.op] ?? 1), 0)
    return cost >= WORTH_ASKING[chance[condition - args.length] ? 'numbers' : 'words'] ? side : undefined
  }
  code.forEach((instruction, i) => {
    if (instruction.op !== 'select' || limits.has(args.length + i)) return
    const [c, a, b] = instruction.args as readonly [number, number, number]
    const [yes, no] = [sideOf(args.length + i, a, [c, b]), sideOf(args.length + i, b, [c, a])]
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
const COMPARES_NUMBERS: ReadonlySet<string> = new Set(['flt', 'fle', 'feq'])
const SHIFT = { shl: 'shl', shr: 'shr_u', sar: 'shr_s' } as const

/** Leaves the instruction's value on the stack; `count` is a shift's, where it is constant. */
const emitInstruction = (
  f: Fn,
  op: Exclude<Opcode, Leaf>,
  [a, b, c]: readonly Local[],
  count: number | undefined,
  fma: Fma,
): void => {
  switch (op) {
    case 'fma':
      emitFma(f.get(a!).get(b!).get(c!), fma)
      return
    case 'umulhi':
      f.get(a!).get(b!).v('i64x2.extmul_low_i32x4_u').get(a!).get(b!).v('i64x2.extmul_high_i32x4_u')
      f.shuffleWords(1, 3, 5, 7)
      return
    case 'shl':
    case 'shr':
    case 'sar':
      f.get(a!)
      if (count !== undefined) f.i32(count & 31).v(`i32x4.${SHIFT[op]}`)
      else
        for (let lane = 0; lane < 4; lane++)
          f.get(a!).extract(lane).get(b!).extract(lane).op(`i32.${SHIFT[op]}`).replace(lane)
      return
    case 'bits':
      canonical(f.get(a!), fma)
      return
    case 'bf16':
      widenBf16(narrowBf16(f.get(a!)))
      return
    case 'f16':
      widenF16(narrowF16(f.get(a!)))
      return
    default:
      f.get(a!)
      if (b !== undefined) f.get(b)
      f.v(DIRECT[op as keyof typeof DIRECT])
  }
}
