import { scalarCases, type TestedOpcode } from './cases.ts'
import { OPCODES } from './instruction.ts'
import { applyInstruction } from './reference.ts'

/** The golden vectors under vectors/scalar, which executors in other languages read: vectors/README.md. */
export const VECTOR_OPCODES = OPCODES.filter((op): op is TestedOpcode => op !== 'index')

const SEED = 1
const CASES = 400
const RECORD = 16

/** One record a case: a, b, c and the result, each a big-endian word. */
export const scalarVectors = (op: TestedOpcode): Uint8Array => {
  const bytes = new Uint8Array(CASES * RECORD)
  const view = new DataView(bytes.buffer)
  for (const [i, { a, b, c }] of scalarCases(op, SEED, CASES).entries())
    for (const [k, word] of [a, b, c, applyInstruction(op, a, b, c)].entries())
      view.setUint32(i * RECORD + k * 4, word)
  return bytes
}
