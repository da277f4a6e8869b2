import type { FormulaCode } from './formula.ts'
import type { INSTRUCTIONS, Opcode } from './instruction.ts'
import { f32Bits, SIGN } from './pattern.ts'
import { applyInstruction } from './reference.ts'
import { F, f32, f32FromBits, select, stepOf, type U } from './trace.ts'

/** What flows to an operand: a value, the product of a pair, or nothing. */
export type Term = F | readonly [F, F] | undefined

type Operands<Takes extends string> = Takes extends `${infer First}${infer Rest}`
  ? [First extends 'u' ? U : F, ...Operands<Rest>]
  : []
type Rule<O extends Opcode> = (
  cotangent: F,
  operands: Operands<(typeof INSTRUCTIONS)[O]['takes']>,
  result: F,
) => readonly Term[]

/** Nothing flows: leaves, integers and comparisons, and numbers made from integers. */
const none = (): readonly Term[] => []

/**
 * The derivative of every instruction: a term per operand. Conventions where calculus leaves a choice: |x| has
 * derivative 0 at 0, a selection follows the branch taken, rounding to bf16 or f16 counts as the identity.
 */
const RULES: { readonly [O in Opcode]: Rule<O> } = {
  const_f: none,
  const_u: none,
  index: none,
  fadd: (g) => [g, g],
  fsub: (g) => [g, negate(g)],
  fmul: (g, [a, b]) => [
    [g, b],
    [g, a],
  ],
  fdiv: (g, [, b], q) => {
    const towardA = g.div(b)
    return [towardA, [negate(towardA), q]]
  },
  fsqrt: (g, _, root) => [g.div(root.add(root))],
  fma: (g, [a, b]) => [[g, b], [g, a], g],
  fneg: (g) => [negate(g)],
  fabs: (g, [a]) => [select(a.eq(0), f32(0), select(a.lt(0), negate(g), g))],
  flt: none,
  fle: none,
  feq: none,
  uadd: none,
  usub: none,
  umul: none,
  umulhi: none,
  and: none,
  or: none,
  xor: none,
  shl: none,
  shr: none,
  sar: none,
  ult: none,
  slt: none,
  ueq: none,
  select: (g, [condition]) => [undefined, select(condition, g, 0), select(condition, f32(0), g)],
  f2i: none,
  f2u: none,
  i2f: none,
  u2f: none,
  bits: none,
  float: none,
  bf16: (g) => [g],
  f16: (g) => [g],
}

/**
 * The cotangent of argument `argument` when that of the result is `seed`: reverse mode over the program's replayed
 * values, traced into the current function. Undefined where nothing flows.
 */
export const pullbackValue = (
  program: FormulaCode,
  values: readonly (F | U)[],
  seed: F,
  argument: number,
): F | undefined => {
  const arity = program.args.length
  const varies = dependents(program, argument)
  const cotangents: (F | undefined)[] = []
  if (values[program.result] instanceof F) cotangents[program.result] = seed
  for (let i = program.code.length - 1; i >= 0; i--) {
    const cotangent = cotangents[arity + i]
    const step = program.code[i]!
    if (!cotangent || !varies.has(arity + i) || !('args' in step)) continue
    const operands = step.args.map((a) => values[a]!) as F[]
    const result = values[arity + i] as F
    const terms =
      step.op === 'call'
        ? step.callee.derivative(cotangent, operands, result)
        : (RULES[step.op] as (g: F, o: readonly F[], r: F) => readonly Term[])(cotangent, operands, result)
    for (const [k, term] of terms.entries()) {
      const operand = step.args[k]!
      if (term && varies.has(operand)) cotangents[operand] = accumulate(cotangents[operand], term)
    }
  }
  return cotangents[argument]
}

const dependents = (program: FormulaCode, argument: number): Set<number> => {
  const varies = new Set([argument])
  for (const [i, step] of program.code.entries())
    if ('args' in step && step.args.some((a) => varies.has(a))) varies.add(program.args.length + i)
  return varies
}

const ONE = f32Bits(1)

const constant = (x: F): number | undefined => {
  const step = stepOf(x)
  return step?.op === 'const_f' ? step.immediate : undefined
}

const accumulate = (sum: F | undefined, term: F | readonly [F, F]): F | undefined => {
  if (term instanceof F) return sum ? plus(sum, term) : term
  const [a, b] = term
  const constants = [constant(a), constant(b)]
  if (constants.includes(0) || constants.includes(SIGN)) return sum
  const product = simpleProduct(a, b)
  if (product) return sum ? plus(sum, product) : product
  return sum ? a.fma(b, sum) : a.mul(b)
}

/** The product where it needs no multiplication. */
const simpleProduct = (a: F, b: F): F | undefined => {
  const [x, y] = [constant(a), constant(b)]
  if (x !== undefined && y !== undefined) return f32FromBits(applyInstruction('fmul', x, y))
  if (x === ONE) return b
  if (y === ONE) return a
  if (x === (ONE | SIGN) >>> 0) return negate(b)
  if (y === (ONE | SIGN) >>> 0) return negate(a)
  return undefined
}

const plus = (a: F, b: F): F => {
  const [x, y] = [constant(a), constant(b)]
  return x !== undefined && y !== undefined ? f32FromBits(applyInstruction('fadd', x, y)) : a.add(b)
}

const negate = (x: F): F => {
  const step = stepOf(x)
  if (step?.op === 'const_f') return f32FromBits(applyInstruction('fneg', step.immediate))
  return step?.op === 'fneg' ? new F(step.args[0]!) : x.neg()
}
