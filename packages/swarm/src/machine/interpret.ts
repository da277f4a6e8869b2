import type { Code } from './code.ts'
import { CODE, IMMEDIATE, MEMORY, OPCODE_BITS, REQUEST, STEPS } from './instruction.ts'

/** Where a run of the word machine stands. */
export type Standing = {
  readonly memory: Int32Array // (MEMORY): words, as two's complement numbers
  readonly place: number // in the code
  readonly steps: number // that were made until it halted, or until the limit
  readonly halted: boolean
  /** What the last step reported: the score where it has halted, else 0. */
  readonly score: number
}

/** Runs one code again and again. What a run gives is the interpreter's own, until the next run. */
export type Interpreter = {
  /** From the start, for at most this many steps. */
  run(request: Uint8Array, limit?: number): Standing
  /** From any state, for at most this many steps. */
  resume(memory: ArrayLike<number>, place: number, request: Uint8Array, limit: number): Standing
}

/**
 * The fast way to run a code: the same bits as the tensor program of step-program.ts, of which a test runs both.
 * What is immediate is kept behind the memory, one word for each instruction, so that all operands are read alike.
 */
export const interpreter = (code: Code): Interpreter => {
  const ops = new Uint8Array(CODE)
  const ds = new Uint16Array(CODE)
  const as = new Uint16Array(CODE)
  const bs = new Uint16Array(CODE)
  const constants = new Int32Array(CODE) // the word of set, and immediates
  const memory = new Int32Array(MEMORY + CODE)
  for (let i = 0; i < CODE; i++) {
    const low = code.words[2 * i]!
    const high = code.words[2 * i + 1]!
    ops[i] = low & OPCODE_BITS
    ds[i] = low >>> 16
    as[i] = (high & 0xffff) % MEMORY
    bs[i] = (low & IMMEDIATE) !== 0 ? MEMORY + i : (high >>> 16) % MEMORY
    constants[i] = high
    memory[MEMORY + i] = high >>> 16
  }
  const visible = memory.subarray(0, MEMORY)

  const go = (start: number, request: Uint8Array, limit: number): Standing => {
    let place = start
    let steps = 0
    for (; steps < limit; steps++) {
      const x = memory[as[place]!]!
      const y = memory[bs[place]!]!
      const d = ds[place]! % MEMORY
      switch (ops[place]) {
        case 0:
          return { memory: visible, place, steps, halted: true, score: y >>> 0 }
        case 1:
          memory[d] = constants[place]!
          break
        case 2:
          memory[d] = x + y
          break
        case 3:
          memory[d] = x - y
          break
        case 4:
          memory[d] = Math.imul(x, y)
          break
        case 5:
          memory[d] = highWord(x, y)
          break
        case 6:
          memory[d] = y === 0 ? 0 : (x >>> 0) / (y >>> 0)
          break
        case 7:
          memory[d] = y === 0 ? 0 : (x >>> 0) % (y >>> 0)
          break
        case 8:
          memory[d] = x & y
          break
        case 9:
          memory[d] = x | y
          break
        case 10:
          memory[d] = x ^ y
          break
        case 11:
          memory[d] = x << y
          break
        case 12:
          memory[d] = x >>> y
          break
        case 13:
          memory[d] = x >>> 0 < y >>> 0 ? 1 : 0
          break
        case 14:
          memory[d] = x < y ? 1 : 0
          break
        case 15:
          memory[d] = x === y ? 1 : 0
          break
        case 16:
          memory[d] = memory[(x + y) & (MEMORY - 1)]!
          break
        case 17: {
          const at = (x + y) >>> 0
          memory[d] = request[at < REQUEST ? at : REQUEST - 1]!
          break
        }
        case 18:
          memory[(x + y) & (MEMORY - 1)] = memory[d]!
          break
        case 19:
          place = y & (CODE - 1)
          continue
        case 20:
          memory[d] = (place + 1) & (CODE - 1)
          place = y & (CODE - 1)
          continue
        case 21:
          place = (y === 0 ? ds[place]! : place + 1) & (CODE - 1)
          continue
        case 22:
          place = (y !== 0 ? ds[place]! : place + 1) & (CODE - 1)
          continue
        case 23:
          place = (x >>> 0 < y >>> 0 ? ds[place]! : place + 1) & (CODE - 1)
          continue
      }
      place = (place + 1) & (CODE - 1)
    }
    return { memory: visible, place, steps, halted: false, score: 0 }
  }

  return {
    run(request, limit = STEPS) {
      visible.fill(0)
      return go(0, request, limit)
    },
    resume(from, place, request, limit) {
      visible.set(from)
      return go(place & (CODE - 1), request, limit)
    },
  }
}

/** The high word of the product of two unsigned words. */
const highWord = (a: number, b: number): number => {
  const low = a & 0xffff
  const high = a >>> 16
  const byLow = high * (b & 0xffff) + ((low * (b & 0xffff)) >>> 16)
  const byHigh = low * (b >>> 16) + (byLow & 0xffff)
  return high * (b >>> 16) + (byLow >>> 16) + (byHigh >>> 16)
}
