import type { Register } from '../dtype.ts'
import type { Leaf, Opcode } from './instruction.ts'

/**
 * One scalar instruction. Values are numbered: the arguments first (0, 1, ...), then one new value per
 * instruction. `args` name earlier values, except for leaves, whose single entry is an immediate
 * (a 32-bit pattern as an unsigned number, or a coordinate's position).
 */
export type Instruction =
  | { readonly op: Leaf; readonly immediate: number }
  | { readonly op: Exclude<Opcode, Leaf>; readonly args: readonly number[] }

/** A straight-line list of scalar instructions with one result. Arguments and instructions together: at most 256. */
export type ScalarProgram = {
  readonly args: readonly Register[]
  readonly code: readonly Instruction[]
  /** Which value is the result; any value may be, an argument too. */
  readonly result: number
}
