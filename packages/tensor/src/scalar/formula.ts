import type { Register } from '../dtype.ts'
import { pullbackValue, type Term } from './derivative.ts'
import type { Instruction, ScalarProgram } from './scalar-program.ts'
import { type F, f32, inline, replay, traceCode, traceScalar, type U, type ValuesOf } from './trace.ts'

/**
 * A formula is a scalar program in which elementary functions are still single steps. It is what can be differentiated:
 * the instructions of `exp` go through integer bits, where no derivative passes, but `exp` itself has one.
 *
 *   const silu = traceFormula(['f'], (x) => x.mul(sigmoid(x)))
 *   silu.lower()                  // the primal, for a node: ScalarProgram over (x)
 *   silu.derivative(0).lower()    // d silu / d x, a new scalar program over the same arguments (x)
 *   silu.pullback(0)?.lower()     // cotangent * d silu / d x, over (x, cotangent)
 *
 * `lower` gives exactly the program that traceScalar gives for the same function. A derivative is a formula too, so it
 * can be differentiated again. It is a new program with bits of its own: building it may simplify and contract.
 */
export type FormulaCode = {
  readonly args: readonly Register[]
  readonly code: readonly Step[]
  readonly result: number
}
export type Step = Instruction | Call
export type Call = {
  readonly op: 'call'
  readonly callee: ElementaryFunction
  readonly args: readonly number[]
}

/** A function of f values that is differentiated as a whole. Its name is for people. */
export type ElementaryFunction = {
  readonly name: string
  /** What it means: traced where a formula is lowered. It may call other elementary functions. */
  readonly expand: (...args: F[]) => F
  /** For each argument, cotangent times the derivative by it (a pair is a product); undefined where that is zero. */
  readonly derivative: (cotangent: F, args: readonly F[], result: F) => readonly Term[]
}

export class Formula implements FormulaCode {
  readonly args: readonly Register[]
  readonly code: readonly Step[]
  readonly result: number

  /** A scalar program is a formula without calls. */
  constructor({ args, code, result }: FormulaCode) {
    this.args = args
    this.code = code
    this.result = result
  }

  /** The scalar program: calls expanded, equal sub-expressions shared across them. */
  lower(): ScalarProgram {
    return traceScalar(this.args, (...values) => inline(this, ...values))
  }

  /** The formula's value on values of the function now being traced. */
  on(...values: readonly (F | U)[]): F | U {
    return inline(this, ...values)
  }

  /** d result / d argument, over the same arguments; the constant +0 where the result does not vary with it. */
  derivative(argument: number): Formula {
    return traceFormula(this.args, (...values) => {
      const all = replay(this, values)
      return pullbackValue(this, all, f32(1), argument) ?? f32(0)
    })
  }

  /**
   * The cotangent of `argument`, over this formula's arguments and then one more: the cotangent of its result.
   * Undefined where it is zero for every cotangent, so that nothing need be computed.
   */
  pullback(argument: number): Formula | undefined {
    let isZero = false
    const formula = traceFormula([...this.args, 'f'], (...values) => {
      const all = replay(this, values.slice(0, -1))
      const cotangent = pullbackValue(this, all, values.at(-1) as F, argument)
      isZero = cotangent === undefined
      return cotangent ?? f32(0)
    })
    return isZero ? undefined : formula
  }
}

/** Records what `fn` does with its arguments, elementary functions as single steps. */
export const traceFormula = <const A extends readonly Register[]>(
  args: A,
  fn: (...values: ValuesOf<A>) => F | U,
): Formula => new Formula(traceCode(args, fn))

/** d result / d argument of a scalar program that calls nothing: zero through integers and comparisons. */
export const derivative = (program: ScalarProgram, argument: number): ScalarProgram =>
  new Formula(program).derivative(argument).lower()
