/** e^x, x at most about 0, by squaring 1 + x / 2^20 twenty times: exact enough, and the same bits everywhere. */
export const exponential = (x: number): number => {
  let power = 1 + Math.max(-700, x) / 2 ** 20
  for (let n = 0; n < 20; n++) power *= power
  return power
}
