import { FaultError } from '@lockstep/tensor'
import { REQUEST } from './instruction.ts'

/**
 * What a run is about, in REQUEST bytes:
 *
 *   0..7     the seed, little-endian
 *   8        the level
 *   9        the answer's length in bytes
 *   10..15   zero
 *   16..111  the answer, then zeroes
 *   112..127 zero
 */
export const REQUEST_LAYOUT = { seed: 0, level: 8, length: 9, answer: 16 } as const

/** Bytes of an answer, a prompt or a solution, at most. */
export const MAX_TEXT = 96
export const MAX_LEVEL = 255

export const encodeRequest = (
  seed: number,
  level: number,
  answer: Uint8Array,
  into: Uint8Array = new Uint8Array(REQUEST),
): Uint8Array => {
  checkWhole('seed', seed, 0, Number.MAX_SAFE_INTEGER)
  checkWhole('level', level, 0, MAX_LEVEL)
  checkWhole('answer.length', answer.length, 0, MAX_TEXT)
  into.fill(0)
  let rest = seed
  for (let i = 0; i < 8; i++) {
    into[REQUEST_LAYOUT.seed + i] = rest % 256
    rest = Math.floor(rest / 256)
  }
  into[REQUEST_LAYOUT.level] = level
  into[REQUEST_LAYOUT.length] = answer.length
  into.set(answer, REQUEST_LAYOUT.answer)
  return into
}

const checkWhole = (field: string, value: number, low: number, high: number): void => {
  if (Number.isSafeInteger(value) && value >= low && value <= high) return
  throw new FaultError({
    code: 'request-out-of-range',
    field,
    value,
    limit: `an integer from ${low} to ${high}`,
    remedy: 'Ask about a task and an answer within the bounds.',
  })
}
