import { INSTRUCTIONS, isLeaf, opcodeFromCode } from '../scalar/instruction.ts'
import type { Instruction, ScalarProgram } from '../scalar/scalar-program.ts'
import { ByteReader, ByteWriter } from './bytes.ts'

export const writeScalar = (w: ByteWriter, program: ScalarProgram): void => {
  w.u8(program.args.length)
  for (const register of program.args) w.u8(register === 'f' ? 0 : 1)
  w.u16(program.code.length)
  for (const instruction of program.code) {
    w.u8(INSTRUCTIONS[instruction.op].code)
    if ('args' in instruction) for (const value of instruction.args) w.u8(value)
    else if (instruction.op === 'index') w.u8(instruction.immediate)
    else w.u32(instruction.immediate)
  }
  w.u8(program.result)
}

export const readScalar = (r: ByteReader): ScalarProgram => {
  const args = r.list(r.u8(), () => {
    const code = r.u8()
    if (code > 1) r.malformed('register', code, '0 (f) or 1 (u)')
    return code === 0 ? ('f' as const) : ('u' as const)
  })
  const count = r.u16()
  if (args.length + count > 256) r.malformed('values', args.length + count, 256)
  const code = r.list(count, (): Instruction => {
    const byte = r.u8()
    const op = opcodeFromCode(byte)
    if (op === undefined) return r.malformed('opcode', byte, 'a code of the instruction table')
    if (isLeaf(op)) return { op, immediate: op === 'index' ? r.u8() : r.u32() }
    return { op, args: r.list(INSTRUCTIONS[op].takes.length, () => r.u8()) }
  })
  return { args, code, result: r.u8() }
}

/** The canonical encoding of a scalar program that stands alone. */
export const encodeScalar = (program: ScalarProgram): Uint8Array => {
  const w = new ByteWriter()
  writeScalar(w, program)
  return w.done()
}

export const decodeScalar = (bytes: Uint8Array): ScalarProgram => {
  const r = new ByteReader(bytes, 'scalar')
  const program = readScalar(r)
  r.end()
  return program
}
