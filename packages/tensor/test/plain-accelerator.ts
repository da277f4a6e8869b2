import { applyInstruction, canonicalF32 } from '../src/index.ts'
import type { Accelerator } from '../src/wasm/accelerator.ts'
import { ADD, LAST, RESUME } from '../src/wasm/contraction/microkernel.ts'

/** The border of the microkernel in plain TypeScript, one instruction of the reference after another. */
export const microkernel: Accelerator['microkernel'] = { rows: 3, columns: 16 }

export const fewRows = 16

export const attach: Accelerator['attach'] = (memory) => {
  const words = new Uint32Array(memory.buffer)
  return {
    multiplyRows(a, b, bStep, depth, rows, columns, out, outStep) {
      for (let r = 0; r < rows; r++)
        for (let c = 0; c < columns; c++)
          for (let k = 0; k < depth; k++) {
            const [x, y, at] = [a / 4 + k * rows + r, (b + k * bStep) / 4 + c, (out + r * outStep) / 4 + c]
            words[at] = applyInstruction('fma', words[x]!, words[y]!, words[at]!)
          }
    },
    multiply(a, aStep, b, bStep, depth, rows, columns, out, outStep, init, flags) {
      for (let i = 0; i < rows; i++)
        for (let j = 0; j < columns; j++) {
          const at = (out + i * outStep) / 4 + j
          let sum = flags & RESUME ? words[at]! : init >>> 0
          for (let k = 0; k < depth; k++) {
            const x = (a + Math.floor(i / 3) * aStep) / 4 + k * 3 + (i % 3)
            const y = (b + Math.floor(j / 16) * bStep) / 4 + k * 16 + (j % 16)
            sum = applyInstruction('fma', words[x]!, words[y]!, sum)
          }
          if (flags & ADD) sum = applyInstruction('fadd', words[at]!, sum)
          words[at] = flags & LAST ? canonicalF32(sum) : sum
        }
    },
  }
}
