import type { Register } from '../dtype.ts'
import type { ElementaryFunction, FormulaCode, Step } from './formula.ts'
import { INSTRUCTIONS, type Leaf, type Opcode } from './instruction.ts'
import { f32Bits } from './pattern.ts'
import type { ScalarProgram } from './scalar-program.ts'

/**
 * Tracing: an ordinary TypeScript function over F and U values becomes a scalar program.
 *
 *   traceScalar(['f', 'f'], (a, b) => a.mul(b).add(1))
 *
 * Equal sub-expressions are shared. Numbers are lifted to constants of the register they meet; a number that
 * binary32 cannot hold exactly is rounded to nearest, as `Math.fround` does.
 *
 * An elementary function such as `exp` is expanded where it is called. To keep it as one step, so that its derivative
 * is known, trace a formula instead: formula.ts.
 */
class Recorder {
  readonly args: readonly Register[]
  readonly code: Step[] = []
  readonly #known = new Map<string, number>()
  readonly #callees: ElementaryFunction[] = []
  readonly #keepCalls: boolean

  constructor(args: readonly Register[], keepCalls: boolean) {
    this.args = args
    this.#keepCalls = keepCalls
  }

  leaf(op: Leaf, immediate: number): number {
    return this.#emit(`${op} ${immediate}`, { op, immediate })
  }

  apply(op: Exclude<Opcode, Leaf>, args: readonly number[]): number {
    return this.#emit(`${op} ${args.join(' ')}`, { op, args })
  }

  call(callee: ElementaryFunction, args: readonly F[]): F {
    if (!this.#keepCalls) return callee.expand(...args)
    if (!this.#callees.includes(callee)) this.#callees.push(callee)
    const key = `call ${this.#callees.indexOf(callee)} ${ids(args).join(' ')}`
    return new F(this.#emit(key, { op: 'call', callee, args: ids(args) }))
  }

  #emit(key: string, step: Step): number {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const id = this.args.length + this.code.length
    this.code.push(step)
    this.#known.set(key, id)
    return id
  }
}

let current: Recorder | undefined
const recorder = (): Recorder => {
  if (!current)
    throw new Error('scalar values exist only inside the function given to traceScalar or traceFormula')
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

/** Calls an elementary function: expanded here and now by traceScalar, kept as one step by traceFormula. */
export const call = (callee: ElementaryFunction, ...args: readonly FLike[]): F =>
  recorder().call(callee, args.map(f32))

/** The step that made a value; undefined for an argument. */
export const stepOf = (value: F | U): Step | undefined => {
  const r = recorder()
  return r.code[value.id - r.args.length]
}

export type ValueOf<R extends Register> = R extends 'f' ? F : U
export type ValuesOf<A extends readonly Register[]> = { [K in keyof A]: ValueOf<A[K]> }

const record = <const A extends readonly Register[]>(
  args: A,
  keepCalls: boolean,
  fn: (...values: ValuesOf<A>) => F | U,
): FormulaCode => {
  const outer = current
  const mine = new Recorder(args, keepCalls)
  current = mine
  try {
    const values = args.map((r, i) => (r === 'f' ? new F(i) : new U(i)))
    const result = fn(...(values as unknown as ValuesOf<A>))
    return dropDead({ args, code: mine.code, result: result.id })
  } finally {
    current = outer
  }
}

/** Records what `fn` does with its arguments. Dead instructions are dropped; order is otherwise as traced. */
export const traceScalar = <const A extends readonly Register[]>(
  args: A,
  fn: (...values: ValuesOf<A>) => F | U,
): ScalarProgram => record(args, false, fn) as ScalarProgram // calls were expanded, so every step is an instruction

/** The same, with calls of elementary functions as steps of their own. */
export const traceCode = <const A extends readonly Register[]>(
  args: A,
  fn: (...values: ValuesOf<A>) => F | U,
): FormulaCode => record(args, true, fn)

/** Traces every step of a recorded program again, on values of the function now being traced: all its values. */
export const replay = (program: FormulaCode, args: readonly (F | U)[]): (F | U)[] => {
  const values = [...args]
  for (const step of program.code) {
    if (!('args' in step)) {
      const id = recorder().leaf(step.op, step.immediate)
      values.push(step.op === 'const_f' ? new F(id) : new U(id))
      continue
    }
    const operands = step.args.map((a) => values[a]!)
    if (step.op === 'call') values.push(call(step.callee, ...(operands as F[])))
    else {
      const gives = INSTRUCTIONS[step.op].gives
      const isF = gives === 'x' ? operands[1] instanceof F : gives === 'f'
      values.push(isF ? f(step.op, ...operands) : u(step.op, ...operands))
    }
  }
  return values
}

/** A recorded program's result on values of the function now being traced. */
export const inline = (program: FormulaCode, ...args: readonly (F | U)[]): F | U =>
  replay(program, args)[program.result]!

/** The register of a program's value. */
export const registerOf = (program: FormulaCode, value: number): Register => {
  if (value < program.args.length) return program.args[value]!
  const step = program.code[value - program.args.length]!
  if (step.op === 'call') return 'f'
  const gives = INSTRUCTIONS[step.op].gives
  if (gives !== 'x') return gives
  if (!('args' in step)) throw new Error(`${step.op} has no operands`)
  return registerOf(program, step.args[1]!)
}

/** Which arguments the result depends on. */
export const usedArguments = (program: FormulaCode): boolean[] => {
  const live = liveValues(program)
  return program.args.map((_, i) => live.has(i))
}

const liveValues = (program: FormulaCode): Set<number> => {
  const live = new Set<number>([program.result])
  for (let i = program.code.length - 1; i >= 0; i--) {
    const step = program.code[i]!
    if (live.has(program.args.length + i) && 'args' in step) for (const a of step.args) live.add(a)
  }
  return live
}

/** The same program without steps that its result does not need. */
export const dropDead = <P extends FormulaCode>(program: P): P => {
  const n = program.args.length
  const live = liveValues(program)
  const renamed = new Map<number, number>(program.args.map((_, i) => [i, i]))
  const code: Step[] = []
  program.code.forEach((step, i) => {
    if (!live.has(n + i)) return
    renamed.set(n + i, n + code.length)
    code.push('args' in step ? { ...step, args: step.args.map((a) => renamed.get(a)!) } : step)
  })
  return { ...program, code, result: renamed.get(program.result)! }
}
