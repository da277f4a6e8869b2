import type { Register } from '../dtype.ts'
import { INSTRUCTIONS, type Leaf, type Opcode } from './instruction.ts'
import { f32Bits } from './pattern.ts'
import type { Instruction, ScalarProgram } from './scalar-program.ts'

/**
 * Tracing: an ordinary TypeScript function over F and U values becomes a scalar program.
 *
 *   traceScalar(['f', 'f'], (a, b) => a.mul(b).add(1))
 *
 * Equal sub-expressions are shared. Numbers are lifted to constants of the register they meet; a number that
 * binary32 cannot hold exactly is rounded to nearest, as `Math.fround` does.
 */
class Recorder {
  readonly args: readonly Register[]
  readonly code: Instruction[] = []
  readonly #known = new Map<string, number>()

  constructor(args: readonly Register[]) {
    this.args = args
  }

  leaf(op: Leaf, immediate: number): number {
    return this.#emit(`${op} ${immediate}`, { op, immediate })
  }

  apply(op: Exclude<Opcode, Leaf>, args: readonly number[]): number {
    return this.#emit(`${op} ${args.join(' ')}`, { op, args })
  }

  #emit(key: string, instruction: Instruction): number {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const id = this.args.length + this.code.length
    this.code.push(instruction)
    this.#known.set(key, id)
    return id
  }
}

let current: Recorder | undefined
const recorder = (): Recorder => {
  if (!current) throw new Error('scalar values exist only inside the function given to traceScalar')
  return current
}

const f = (op: Exclude<Opcode, Leaf>, ...args: readonly (F | U)[]): F =>
  new F(recorder().apply(op, ids(args)))
const u = (op: Exclude<Opcode, Leaf>, ...args: readonly (F | U)[]): U =>
  new U(recorder().apply(op, ids(args)))
const ids = (values: readonly (F | U)[]): number[] => values.map((v) => v.id)

export type FLike = F | number
export type ULike = U | number

/** A binary32 value being traced. */
export class F {
  readonly id: number
  constructor(id: number) {
    this.id = id
  }
  add(b: FLike): F {
    return f('fadd', this, f32(b))
  }
  sub(b: FLike): F {
    return f('fsub', this, f32(b))
  }
  mul(b: FLike): F {
    return f('fmul', this, f32(b))
  }
  div(b: FLike): F {
    return f('fdiv', this, f32(b))
  }
  /** this * b + c, one rounding. */
  fma(b: FLike, c: FLike): F {
    return f('fma', this, f32(b), f32(c))
  }
  sqrt(): F {
    return f('fsqrt', this)
  }
  neg(): F {
    return f('fneg', this)
  }
  abs(): F {
    return f('fabs', this)
  }
  lt(b: FLike): U {
    return u('flt', this, f32(b))
  }
  le(b: FLike): U {
    return u('fle', this, f32(b))
  }
  gt(b: FLike): U {
    return u('flt', f32(b), this)
  }
  ge(b: FLike): U {
    return u('fle', f32(b), this)
  }
  eq(b: FLike): U {
    return u('feq', this, f32(b))
  }
  /** select(this < b, this, b): b where either is NaN. */
  min(b: FLike): F {
    const c = f32(b)
    return select(this.lt(c), this, c)
  }
  /** select(b < this, this, b): b where either is NaN. */
  max(b: FLike): F {
    const c = f32(b)
    return select(c.lt(this), this, c)
  }
  toI32(): U {
    return u('f2i', this)
  }
  toU32(): U {
    return u('f2u', this)
  }
  bits(): U {
    return u('bits', this)
  }
  bf16(): F {
    return f('bf16', this)
  }
  f16(): F {
    return f('f16', this)
  }
}

/** A 32-bit integer being traced. */
export class U {
  readonly id: number
  constructor(id: number) {
    this.id = id
  }
  add(b: ULike): U {
    return u('uadd', this, u32(b))
  }
  sub(b: ULike): U {
    return u('usub', this, u32(b))
  }
  mul(b: ULike): U {
    return u('umul', this, u32(b))
  }
  mulhi(b: ULike): U {
    return u('umulhi', this, u32(b))
  }
  and(b: ULike): U {
    return u('and', this, u32(b))
  }
  or(b: ULike): U {
    return u('or', this, u32(b))
  }
  xor(b: ULike): U {
    return u('xor', this, u32(b))
  }
  shl(b: ULike): U {
    return u('shl', this, u32(b))
  }
  shr(b: ULike): U {
    return u('shr', this, u32(b))
  }
  sar(b: ULike): U {
    return u('sar', this, u32(b))
  }
  lt(b: ULike): U {
    return u('ult', this, u32(b))
  }
  slt(b: ULike): U {
    return u('slt', this, u32(b))
  }
  eq(b: ULike): U {
    return u('ueq', this, u32(b))
  }
  /** The nearest binary32 to this word read as an unsigned integer. */
  toF32(): F {
    return f('u2f', this)
  }
  /** The nearest binary32 to this word read as a two's complement integer. */
  i32ToF32(): F {
    return f('i2f', this)
  }
  /** The binary32 whose pattern this word is. */
  float(): F {
    return f('float', this)
  }
}

/** A constant, or the value itself. */
export const f32 = (x: FLike): F => (x instanceof F ? x : new F(recorder().leaf('const_f', f32Bits(x))))
/** A constant binary32 from its pattern. */
export const f32FromBits = (pattern: number): F => new F(recorder().leaf('const_f', pattern >>> 0))
/** A constant, or the value itself. Numbers are taken modulo 2^32. */
export const u32 = (x: ULike): U => (x instanceof U ? x : new U(recorder().leaf('const_u', x >>> 0)))
/** A coordinate of the iteration space: output coordinates first, then the box. */
export const index = (position: number): U => new U(recorder().leaf('index', position))

/** condition is not zero ? a : b. */
export function select(condition: U, a: F, b: FLike): F
export function select(condition: U, a: U, b: ULike): U
export function select(condition: U, a: F | U, b: FLike | ULike): F | U {
  return a instanceof F
    ? f('select', condition, a, f32(b as FLike))
    : u('select', condition, a, u32(b as ULike))
}

type ValueOf<R extends Register> = R extends 'f' ? F : U
type ValuesOf<A extends readonly Register[]> = { [K in keyof A]: ValueOf<A[K]> }

/** Records what `fn` does with its arguments. Dead instructions are dropped; order is otherwise as traced. */
export const traceScalar = <const A extends readonly Register[]>(
  args: A,
  fn: (...values: ValuesOf<A>) => F | U,
): ScalarProgram => {
  const outer = current
  const mine = new Recorder(args)
  current = mine
  try {
    const values = args.map((r, i) => (r === 'f' ? new F(i) : new U(i)))
    const result = fn(...(values as unknown as ValuesOf<A>))
    return dropDead({ args, code: mine.code, result: result.id })
  } finally {
    current = outer
  }
}

/** The register of a scalar program's value. */
export const registerOf = (program: ScalarProgram, value: number): Register => {
  if (value < program.args.length) return program.args[value]!
  const instruction = program.code[value - program.args.length]!
  const gives = INSTRUCTIONS[instruction.op].gives
  if (gives !== 'x') return gives
  if (!('args' in instruction)) throw new Error(`${instruction.op} has no operands`)
  return registerOf(program, instruction.args[1]!)
}

/** The same program without instructions that its result does not need. */
export const dropDead = (program: ScalarProgram): ScalarProgram => {
  const n = program.args.length
  const live = new Set<number>([program.result])
  for (let i = program.code.length - 1; i >= 0; i--) {
    const instruction = program.code[i]!
    if (live.has(n + i) && 'args' in instruction) for (const a of instruction.args) live.add(a)
  }
  const renamed = new Map<number, number>(program.args.map((_, i) => [i, i]))
  const code: Instruction[] = []
  program.code.forEach((instruction, i) => {
    if (!live.has(n + i)) return
    renamed.set(n + i, n + code.length)
    code.push(
      'args' in instruction
        ? { op: instruction.op, args: instruction.args.map((a) => renamed.get(a)!) }
        : instruction,
    )
  })
  return { args: program.args, code, result: renamed.get(program.result)! }
}
