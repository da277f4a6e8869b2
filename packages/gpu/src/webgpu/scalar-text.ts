import type { ScalarProgram } from '@lockstep/tensor'
import { type Arithmetic, type Floating, floatingName } from './arithmetic.ts'

/** Collects the library functions that a kernel's text calls. */
export class Calls {
  readonly names: Set<string> = new Set()
  readonly #arithmetic: Arithmetic
  constructor(arithmetic: Arithmetic) {
    this.#arithmetic = arithmetic
  }
  /** A function of the library under the name that the text calls. */
  use(name: string, call: string = name): string {
    this.names.add(name)
    return call
  }
  floating(op: Floating): string {
    const { name, call } = floatingName(op, this.#arithmetic[op])
    return this.use(name, call)
  }
}

const hex = (word: number): string => `0x${(word >>> 0).toString(16)}u`
const canonical = (word: number): number => ((word & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : word >>> 0)

/**
 * A scalar program as WGSL statements on u32 patterns; gives the name of its result. `args` and `index` are expressions;
 * arguments in f registers are canonical. Names begin with `prefix`, so that two programs fit in one function.
 */
export const scalarText = (
  program: ScalarProgram,
  args: readonly string[],
  index: (at: number) => string,
  calls: Calls,
  prefix: string,
): { readonly lines: readonly string[]; readonly result: string } => {
  const values = [...args]
  const used = usedValues(program)
  const lines: string[] = []
  program.code.forEach((step, i) => {
    const at = program.args.length + i
    const name = `${prefix}${at}`
    values.push(name)
    if (!used[at]) return
    lines.push(`let ${name} = ${expression(step, values, index, calls)};`)
  })
  return { lines, result: values[program.result]! }
}

const usedValues = ({ args, code, result }: ScalarProgram): boolean[] => {
  const used = new Array<boolean>(args.length + code.length).fill(false)
  used[result] = true
  for (let i = code.length - 1; i >= 0; i--) {
    const step = code[i]!
    if (used[args.length + i] && 'args' in step) for (const a of step.args) used[a] = true
  }
  return used
}

const expression = (
  step: ScalarProgram['code'][number],
  values: readonly string[],
  index: (at: number) => string,
  calls: Calls,
): string => {
  if (!('args' in step)) {
    if (step.op === 'index') return index(step.immediate)
    return hex(step.op === 'const_f' ? canonical(step.immediate) : step.immediate)
  }
  const [a, b, c] = step.args.map((v) => values[v]!) as [string, string, string]
  const soft = (...operands: string[]): string =>
    `${calls.use(step.op, `soft_${step.op}`)}(${operands.join(', ')})`
  switch (step.op) {
    case 'fadd':
    case 'fmul':
    case 'fdiv':
      return `${calls.floating(step.op)}(${a}, ${b})`
    case 'fsub': // a NaN stays one whatever its sign
      return `${calls.floating('fadd')}(${a}, ${b} ^ 0x80000000u)`
    case 'fsqrt':
      return `${calls.floating('fsqrt')}(${a})`
    case 'fma':
      return `${calls.floating('fma')}(${a}, ${b}, ${c})`
    case 'fneg':
      return `${calls.use('canon')}(${a} ^ 0x80000000u)`
    case 'fabs':
      return `(${a} & 0x7fffffffu)`
    case 'flt':
    case 'fle':
    case 'feq':
    case 'umulhi':
      return soft(a, b)
    case 'uadd':
      return `(${a} + ${b})`
    case 'usub':
      return `(${a} - ${b})`
    case 'umul':
      return `(${a} * ${b})`
    case 'and':
      return `(${a} & ${b})`
    case 'or':
      return `(${a} | ${b})`
    case 'xor':
      return `(${a} ^ ${b})`
    case 'shl':
      return `(${a} << (${b} & 31u))`
    case 'shr':
      return `(${a} >> (${b} & 31u))`
    case 'sar':
      return `bitcast<u32>(bitcast<i32>(${a}) >> (${b} & 31u))`
    case 'ult':
      return `u32(${a} < ${b})`
    case 'slt':
      return `u32(bitcast<i32>(${a}) < bitcast<i32>(${b}))`
    case 'ueq':
      return `u32(${a} == ${b})`
    case 'select':
      return `select(${c}, ${b}, ${a} != 0u)`
    case 'f2i':
    case 'f2u':
    case 'i2f':
    case 'u2f':
    case 'bf16':
    case 'f16':
      return soft(a)
    case 'bits': // every value in an f register is canonical
      return a
    case 'float':
      return `${calls.use('canon')}(${a})`
  }
}
