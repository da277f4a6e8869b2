import { FaultError, type Tensor } from '@lockstep/tensor'
import { CODE, encodeInstruction, type Instruction } from './instruction.ts'

/** A word machine's program: CODE instructions of two words each; those that were not given halt. */
export type Code = {
  /** How many instructions were given. */
  readonly length: number
  readonly words: Uint32Array<ArrayBuffer> // (CODE, 2)
}

export const codeOf = (instructions: readonly Instruction[]): Code => {
  if (instructions.length > CODE)
    throw new FaultError({
      code: 'code-too-long',
      field: 'instructions',
      value: instructions.length,
      limit: CODE,
      remedy: 'Make routines of what is repeated.',
    })
  const words = new Uint32Array(2 * CODE)
  instructions.forEach((instruction, i) => words.set(encodeInstruction(instruction), 2 * i))
  return { length: instructions.length, words }
}

/** The code as the input tensor of a proof task: u32 of (CODE, 2), little-endian. */
export const codeTensor = ({ words }: Code): Tensor => {
  const data = new Uint8Array(4 * words.length)
  const view = new DataView(data.buffer)
  words.forEach((word, i) => view.setUint32(4 * i, word, true))
  return { dtype: 'u32', shape: [CODE, 2], data }
}
