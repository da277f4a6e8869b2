import type { Register } from '../dtype.ts'
import { INSTRUCTIONS, isLeaf, OPCODES } from '../scalar/instruction.ts'
import type { Instruction, ScalarProgram } from '../scalar/scalar-program.ts'
import type { Seeded } from './seeded.ts'

const F_CONSTANTS = [
  0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x3f000000, 0x40490fdb, 0x00000001, 0x007fffff, 0x7f7fffff,
  0x7f800000, 0xff800000, 0x7fc00000, 0x2f800000, 0x4b000001,
]
const U_CONSTANTS = [
  0, 1, 2, 3, 7, 13, 31, 32, 255, 0x7fffffff, 0x80000000, 0xffffffff, 0xd2511f53, 0x9e3779b9,
]

/** A valid scalar program over these arguments, with this register as its result. `space`: how many coordinates there are. */
export const randomScalar = (
  r: Seeded,
  args: readonly Register[],
  result: Register,
  space: number,
  most = 10,
): ScalarProgram => {
  const code: Instruction[] = []
  const registers: Register[] = [...args]
  const push = (instruction: Instruction, gives: Register): number => {
    code.push(instruction)
    return registers.push(gives) - 1
  }
  const constant = (register: Register): number => {
    if (register === 'u' && space > 0 && r.chance(50))
      return push({ op: 'index', immediate: r.between(0, space) }, 'u')
    const list = register === 'f' ? F_CONSTANTS : U_CONSTANTS
    return push({ op: `const_${register}`, immediate: r.pick(list) }, register)
  }
  /** A value in the register: mostly a late one, so that programs are deep. */
  const operand = (register: Register): number => {
    const known = registers.flatMap((x, i) => (x === register ? [i] : []))
    if (known.length === 0 || r.chance(12)) return constant(register)
    return r.chance(60) ? known.at(-1)! : r.pick(known)
  }
  for (let n = r.between(0, most); n > 0; n--) {
    const op = r.pick(OPCODES)
    if (isLeaf(op)) continue
    const { takes, gives } = INSTRUCTIONS[op]
    const shared = r.pick(['f', 'u'] as const)
    const operands = [...takes].map((t) => operand(t === 'x' ? shared : (t as Register)))
    push({ op, args: operands }, gives === 'x' ? shared : gives)
  }
  let last = registers.lastIndexOf(result)
  if (last < 0) last = constant(result)
  return { args, code, result: last }
}

/** A step or a combine as real programs have them: a sum, a product's sum, an extreme, a count. */
export const usualStep = (r: Seeded, args: readonly Register[]): ScalarProgram | undefined => {
  const [acc, a, b] = args
  if (acc === 'f' && a === 'f' && b === 'f' && args.length === 3)
    return {
      args,
      code: [
        {
          op: 'fma',
          args: r.pick([
            [1, 2, 0],
            [2, 1, 0],
          ]),
        },
      ],
      result: 3,
    }
  if (args.length !== 2 || a !== acc) return undefined
  if (acc === 'f') {
    const max: Instruction[] = [
      { op: 'flt', args: [0, 1] },
      { op: 'select', args: [2, 1, 0] },
    ]
    return r.chance(70)
      ? { args, code: [{ op: 'fadd', args: [0, 1] }], result: 2 }
      : { args, code: max, result: 3 }
  }
  return {
    args,
    code: [{ op: r.pick(['uadd', 'xor', 'and', 'or', 'umul'] as const), args: [0, 1] }],
    result: 2,
  }
}
