import { naturalLog } from '../offering/natural-log.ts'

/**
 * Logarithms and powers of e by table, to about four digits: thousands are needed for one key. By sums, products and
 * quotients alone, so that everybody comes to the same bits.
 */

/** Bits of the fraction that the tables tell apart. */
const BITS = 12
const PARTS = 1 << BITS

const LOGS = Float64Array.from({ length: PARTS }, (_, i) => naturalLog(1 + (i + 0.5) / PARTS))

const single = new Float32Array(1)
const word = new Uint32Array(single.buffer)

/** ln of a number from 2^-126 to 2^127. */
export const quickLog = (value: number): number => {
  single[0] = value
  const bits = word[0]!
  return ((bits >>> 23) - 127) * Math.LN2 + LOGS[(bits >>> (23 - BITS)) & (PARTS - 1)]!
}

/** e^x by its series, for x in 0 to ln 2. */
const series = (x: number): number => {
  let [sum, term] = [1, 1]
  for (let n = 1; n < 20; n++) {
    term *= x / n
    sum += term
  }
  return sum
}
const POWERS = Float64Array.from({ length: PARTS }, (_, i) => series(((i + 0.5) / PARTS) * Math.LN2))
/** 2^-n. */
const HALVES = new Float64Array(128).fill(1)
for (let n = 1; n < HALVES.length; n++) HALVES[n] = HALVES[n - 1]! / 2

/** e^x for x of at most 0; 0 below about -80. */
export const quickExp = (x: number): number => {
  const twos = x / Math.LN2
  const whole = Math.floor(twos)
  if (whole < -115) return 0
  return HALVES[0 - whole]! * POWERS[Math.floor((twos - whole) * PARTS)]!
}
