import type { ScalarProgram } from '../scalar/scalar-program.ts'

/**
 * The `bits` instructions of a program that need not give a NaN's one pattern, because nothing of the result depends on
 * which NaN they saw: where their operand is a NaN, whatever is made of the pattern ends in a number that is a NaN too.
 * That is so in most elementary functions, whose exponents are put together as integers.
 */
export const bitsOfAnyNaN = (program: ScalarProgram): ReadonlySet<number> => {
  const { args, code, result } = program
  const found = new Set<number>()
  if (!code.some((c) => c.op === 'bits')) return found
  const follows = nanFollows(program)
  code.forEach((instruction, i) => {
    if (instruction.op !== 'bits') return
    const operand = 1n << BigInt(instruction.args[0]!)
    const depends = new Set([args.length + i])
    for (let v = args.length + i + 1; v < args.length + code.length; v++) {
      const c = code[v - args.length]!
      if (!('args' in c) || !c.args.some((a) => depends.has(a))) continue
      if (!MAKES_A_NUMBER.has(c.op) || (follows[v]! & operand) === 0n) depends.add(v)
    }
    if (!depends.has(result)) found.add(args.length + i)
  })
  return found
}

const ARITHMETIC = new Set(['fadd', 'fsub', 'fmul', 'fdiv', 'fsqrt', 'fma', 'fneg', 'fabs', 'bf16', 'f16'])
/** Gives a number, or a choice of two: a choice of words that are both NaNs' patterns is not taken for a NaN. */
const MAKES_A_NUMBER = new Set([...ARITHMETIC, 'float'])
const SIGN = 0x80000000

/** For every value, those that make it a NaN, or the pattern of one, if they are a NaN: a set of values as bits. */
const nanFollows = ({ args, code }: ScalarProgram): bigint[] => {
  const follows = args.map((_, i) => 1n << BigInt(i))
  const constant = (v: number): number | undefined => {
    const c = code[v - args.length]
    return c?.op === 'const_u' ? c.immediate >>> 0 : undefined
  }
  const isSign = (v: number): boolean => {
    const c = code[v - args.length]
    return constant(v) === SIGN || (c?.op === 'and' && c.args.some((a) => constant(a) === SIGN))
  }
  /** Values that, if they are a NaN, make this condition false: a comparison's operands. */
  const refused = (v: number): bigint => {
    const c = code[v - args.length]
    if (c?.op !== 'flt' && c?.op !== 'fle' && c?.op !== 'feq') return 0n
    return follows[c.args[0]!]! | follows[c.args[1]!]!
  }
  code.forEach((c, i) => {
    const own = 1n << BigInt(args.length + i)
    const of = (v: number): bigint => follows[v]!
    const made = (): bigint => {
      if (!('args' in c)) return 0n
      const [a, b] = c.args as readonly [number, number]
      if (ARITHMETIC.has(c.op)) return c.args.reduce((all, x) => all | of(x), 0n)
      if (c.op === 'select') return (of(b) | refused(a)) & of(c.args[2]!)
      if (c.op === 'bits' || c.op === 'float') return of(a)
      if (c.op === 'or') return of(a) | of(b)
      if (c.op === 'xor') return isSign(b) ? of(a) : isSign(a) ? of(b) : 0n
      return 0n
    }
    follows.push(own | made())
  })
  return follows
}
