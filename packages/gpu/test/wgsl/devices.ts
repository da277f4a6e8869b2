import type { FloatOperations } from './translate.ts'
import { IEEE } from './translate.ts'

/** Devices that are wrong in one way, as graphics cards, drivers and compilers are. */

const flushed = (x: number): number => (Math.abs(x) < 2 ** -126 ? 0 * x : x)

/** Subnormal operands and results are zero. */
export const FLUSHES: FloatOperations = {
  add: (a, b) => flushed(IEEE.add(flushed(a), flushed(b))),
  sub: (a, b) => flushed(IEEE.sub(flushed(a), flushed(b))),
  mul: (a, b) => flushed(IEEE.mul(flushed(a), flushed(b))),
  div: (a, b) => flushed(IEEE.div(flushed(a), flushed(b))),
  sqrt: (a) => flushed(IEEE.sqrt(flushed(a))),
  fma: (a, b, c) => flushed(IEEE.fma(flushed(a), flushed(b), flushed(c))),
}

const LARGEST = (2 - 2 ** -23) * 2 ** 127
const saturated = (x: number): number => Math.max(-LARGEST, Math.min(LARGEST, x))
/**
 * All that WebGPU lets a device do with numbers that are out of range: subnormals are zero, a sum that is nothing is -0,
 * what is too large is the largest number. A multiply-add rounds twice.
 */
export const LOOSE: FloatOperations = {
  ...FLUSHES,
  add: (a, b) => saturated(FLUSHES.add(a, b)) || -0,
  sub: (a, b) => saturated(FLUSHES.sub(a, b)) || -0,
  mul: (a, b) => saturated(FLUSHES.mul(a, b)),
  div: (a, b) => saturated(FLUSHES.div(a, b)),
  fma: (a, b, c) => LOOSE.add(LOOSE.mul(a, b), c),
}

/** A multiply-add is a product and a sum. */
export const ROUNDS_TWICE: Partial<FloatOperations> = { fma: (a, b, c) => IEEE.add(IEEE.mul(a, b), c) }

/** A quotient is a product with the reciprocal. */
export const DIVIDES_BY_RECIPROCAL: Partial<FloatOperations> = { div: (a, b) => IEEE.mul(a, IEEE.div(1, b)) }

/** A root is the reciprocal root times the number. */
export const ROOTS_BY_RECIPROCAL: Partial<FloatOperations> = {
  sqrt: (a) => (a === 0 || a === Number.POSITIVE_INFINITY ? a : IEEE.mul(a, Math.fround(1 / Math.sqrt(a)))),
}

/** What a compiler makes of two statements in a row, wherever the second reads the first's value. */
const rewriting =
  (first: string, second: string, made: (a: string, b: string, name: string, args: string[]) => string) =>
  (code: string): string => {
    const known = new Map<string, readonly [string, string]>()
    return code.replaceAll(/let (\w+) = (\w+)\((\w+), ([^()]+)\);/g, (whole, name, f, a, b) => {
      if (f === first) known.set(name, [a, b])
      if (f !== second) return whole
      for (const operand of [a, b]) {
        const of = known.get(operand)
        if (of) return `let ${name} = ${made(of[0], of[1], operand, [a, b])};`
      }
      return whole
    })
  }

export const CONTRACTS = rewriting('native_fmul', 'native_fadd', (a, b, name, args) => {
  const other = args.find((x) => x !== name) ?? name
  return `pattern(fma(value(${a}), value(${b}), value(${other})))`
})
export const REASSOCIATES = rewriting('native_fadd', 'native_fadd', (a, b, name, args) => {
  const other = args.find((x) => x !== name) ?? name
  return `native_fadd(${a}, native_fadd(${b}, ${other}))`
})
/** Cancels a factor against a divisor. */
export const CANCELS = rewriting('native_fmul', 'native_fdiv', (a, b, name, args) =>
  args[0] === name && args[1] === b ? a : `native_fdiv(${args.join(', ')})`,
)
/** Divides by a constant that it sees by multiplying: what SPIRV-Tools' folding does where nothing forbids it. */
export const MULTIPLIES_BY_RECIPROCALS = (code: string): string => {
  const constants = new Map(
    [...code.matchAll(/let (\w+) = (0x[0-9a-f]+u);/g)].map(([, name, word]) => [name!, word!]),
  )
  return code.replaceAll(/native_fdiv\((\w+), (\w+)\);/g, (whole, a, b) =>
    constants.has(b) ? `native_fmul(${a}, native_fdiv(0x3f800000u, ${b}));` : whole,
  )
}
