/**
 * The word machine's instructions: this table is their specification. Task families are programs of it, and a run of
 * one is an ordinary task of the tensor machine (step-program.ts), so a wrong score can be disputed like a wrong
 * training step.
 *
 * There are MEMORY words of 32 bits, all 0 at the start; CODE instructions, which do not change; a request of REQUEST
 * bytes; and a place in the code, 0 at the start. An instruction has three operand fields d, a, b of 16 bits. With
 *
 *   x = memory[a]     y = the field b itself where the instruction is immediate, else memory[b]
 *
 * it gives what the table says. Addresses of memory are taken modulo MEMORY, places in the code modulo CODE. Arithmetic
 * is of unsigned words and wraps. Unless the table says otherwise, the next instruction is the one behind.
 */
export const MEMORY = 2048
export const CODE = 4096
export const REQUEST = 128

/** A run is this many steps long; one that has not halted by then has no score. */
export const STEPS = 65_536

export const OPCODES = {
  halt: 0, // goes on to itself; the step reports y as the score, where all other steps report 0
  set: 1, // memory[d] = the word whose low half is a and whose high half is b
  add: 2, // memory[d] = x + y; so for all down to ask
  sub: 3, // x - y
  mul: 4, // x * y
  mulhi: 5, // the high word of x * y
  div: 6, // x / y rounded down; 0 where y is 0
  rem: 7, // what is left; 0 where y is 0
  and: 8,
  or: 9,
  xor: 10,
  shl: 11, // x shifted by y modulo 32
  shr: 12, // zeroes come in
  lt: 13, // 1 where x < y, else 0
  slt: 14, // the same of two's complement numbers
  eq: 15, // 1 where x = y, else 0
  load: 16, // memory[x + y]
  ask: 17, // byte min(x + y, REQUEST - 1) of the request
  store: 18, // memory[x + y] = memory[d]
  jump: 19, // goes to y
  call: 20, // memory[d] = the place behind; goes to y
  zero: 21, // goes to d where y is 0
  nonzero: 22, // goes to d where y is not 0
  below: 23, // goes to d where x < y
} as const
// Codes up to 31 that have no name do nothing.

export type Operation = keyof typeof OPCODES

/** Of the low half of an instruction's first word: the opcode, and whether b is immediate. */
export const OPCODE_BITS = 0x1f
export const IMMEDIATE = 0x80
/** The largest immediate. */
export const MAX_IMMEDIATE = 0xffff

export type Instruction = {
  readonly op: Operation
  readonly d?: number
  readonly a?: number
  readonly b?: number
  /** Whether b is the operand itself. */
  readonly immediate?: boolean
}

/** Two words an instruction: opcode and immediate bit, with d above them; a, with b above it. */
export const encodeInstruction = ({
  op,
  d = 0,
  a = 0,
  b = 0,
  immediate = false,
}: Instruction): readonly [number, number] => [
  (OPCODES[op] | (immediate ? IMMEDIATE : 0) | (d << 16)) >>> 0,
  (a | (b << 16)) >>> 0,
]
