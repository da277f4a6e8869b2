/**
 * The natural logarithm of a positive number, by sums and quotients of binary64 alone: everybody comes to the same
 * bits. ln m = 2 artanh((m - 1) / (m + 1)) with m brought between 2/3 and 4/3 by halving and doubling.
 */
export const naturalLog = (value: number): number => {
  if (!(value > 0) || value === Infinity) return value === 0 ? -Infinity : value > 0 ? Infinity : Number.NaN
  let m = value
  let halvings = 0
  for (; m > 4 / 3; halvings++) m /= 2
  for (; m < 2 / 3; halvings--) m *= 2
  const t = (m - 1) / (m + 1)
  let sum = 0
  let power = t
  for (let n = 1; n < 24; n += 2) {
    sum += power / n
    power *= t * t
  }
  return 2 * sum + halvings * Math.LN2
}
