/**
 * Prints the polynomial coefficients of packages/tensor/src/scalar/elementary.ts: `node scripts/minimax.ts`.
 *
 * Weighted Remez exchange on a fine Chebyshev grid in binary64. Coefficients are rounded to binary32 one after the
 * other, lowest power first; after each the rest is fitted again, so that later ones make up for earlier roundings.
 */
type Fit = {
  readonly name: string
  readonly from: number
  readonly to: number
  readonly powers: number // of the variable: 0 .. powers - 1
  readonly variable: (x: number) => number
  readonly target: (x: number) => number
  /** How much an error of the polynomial is worth at x, relative to the function's value. */
  readonly weight: (x: number) => number
}

const GRID = 4000

const solve = (matrix: number[][], right: number[]): number[] => {
  const n = right.length
  const rows = matrix.map((row, i) => [...row, right[i]!])
  for (let column = 0; column < n; column++) {
    let pivot = column
    for (let i = column; i < n; i++)
      if (Math.abs(rows[i]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = i
    const top = rows[pivot]!
    rows[pivot] = rows[column]!
    rows[column] = top
    for (let i = 0; i < n; i++) {
      const row = rows[i]!
      if (i === column) continue
      const factor = row[column]! / top[column]!
      for (let j = column; j <= n; j++) row[j]! -= factor * top[j]!
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!)
}

type Point = { readonly v: number; readonly y: number; readonly w: number }

/** Minimax coefficients of v^first, v^(first+1), ... for the residual y, and the weighted error reached. */
const remez = (points: readonly Point[], first: number, count: number): { c: number[]; error: number } => {
  const n = count + 1
  let extrema = Array.from({ length: n }, (_, i) => Math.round((i * (points.length - 1)) / (n - 1)))
  for (let round = 0; ; round++) {
    const matrix = extrema.map((at, i) => {
      const { v, w } = points[at]!
      return [...Array.from({ length: count }, (_, k) => v ** (first + k)), (i % 2 ? -1 : 1) / w]
    })
    const c = solve(
      matrix,
      extrema.map((at) => points[at]!.y),
    ).slice(0, count)
    const errors = points.map(
      ({ v, y, w }) => (y - c.reduce((sum, ck, k) => sum + ck * v ** (first + k), 0)) * w,
    )
    const error = Math.max(...errors.map(Math.abs))
    const next = alternation(errors, n)
    if (round === 40 || next.every((at, i) => at === extrema[i])) return { c, error }
    extrema = next
  }
}

/** The largest error of each run of one sign; of those, n neighbours with the largest errors. */
const alternation = (errors: readonly number[], n: number): number[] => {
  const peaks: number[] = []
  for (const [i, e] of errors.entries()) {
    const last = peaks.at(-1)
    if (last === undefined || Math.sign(errors[last]!) !== Math.sign(e)) peaks.push(i)
    else if (Math.abs(e) > Math.abs(errors[last]!)) peaks[peaks.length - 1] = i
  }
  while (peaks.length > n) {
    if (Math.abs(errors[peaks[0]!]!) < Math.abs(errors[peaks.at(-1)!]!)) peaks.shift()
    else peaks.pop()
  }
  for (let i = 0; peaks.length < n; i++) if (!peaks.includes(i)) peaks.push(i)
  return peaks.sort((a, b) => a - b)
}

const fit = ({ name, from, to, powers, variable, target, weight }: Fit): void => {
  let points = Array.from({ length: GRID }, (_, i) => {
    const x = (from + to) / 2 - ((to - from) / 2) * Math.cos((Math.PI * (i + 0.5)) / GRID)
    return { v: variable(x), y: target(x), w: Math.abs(weight(x)) }
  }).filter(({ w }) => w !== 0)
  const coefficients: number[] = []
  for (let k = 0; k < powers; k++) {
    const c = Math.fround(remez(points, k, powers - k).c[0]!)
    coefficients.push(c)
    points = points.map((p) => ({ ...p, y: p.y - c * p.v ** k }))
  }
  const error = Math.max(...points.map(({ y, w }) => Math.abs(y * w)))
  console.log(`${name}: relative error 2^${Math.log2(error).toFixed(1)}`)
  for (const c of coefficients) console.log(`  ${c}`)
}

/** erf to binary64 accuracy: 2/sqrt(pi) * exp(-x^2) * sum of 2^n x^(2n+1) / (2n+1)!!, all terms positive. */
const erf = (x: number): number => {
  let term = x
  let sum = 0
  for (let n = 1; sum + term !== sum; n++) {
    sum += term
    term *= (2 * x * x) / (2 * n + 1)
  }
  return ((2 * sum) / Math.sqrt(Math.PI)) * Math.exp(-x * x)
}

/** erfc for x >= 1 by its continued fraction, from far in. */
const erfc = (x: number): number => {
  let tail = x
  for (let k = 200; k > 0; k--) tail = x + k / 2 / tail
  return Math.exp(-x * x) / tail / Math.sqrt(Math.PI)
}

const square = (x: number): number => x * x
const same = (x: number): number => x

// expm1(r) = r + r^2 q(r)
fit({
  name: 'expm1',
  from: -Math.LN2 / 2,
  to: Math.LN2 / 2,
  powers: 5,
  variable: same,
  target: (r) => (Math.expm1(r) - r) / (r * r),
  weight: (r) => (r * r) / Math.expm1(r),
})
// log(1 + f) = f - f^2/2 + s (f^2/2 + s^2 R(s^2)), s = f / (2 + f)
fit({
  name: 'log',
  from: 0,
  to: (Math.SQRT2 - 1) / (Math.SQRT2 + 1),
  powers: 3,
  variable: square,
  target: (s) => (2 * Math.atanh(s) - 2 * s) / s ** 3,
  weight: (s) => s ** 3 / (2 * Math.atanh(s)),
})
// tanh(x) = x + x^3 T(x^2) up to TANH_EDGE, 1 - 2 / (e^(2 x) + 1) beyond
const TANH_EDGE = 0.75
fit({
  name: 'tanh near',
  from: 0,
  to: TANH_EDGE,
  powers: 6,
  variable: square,
  target: (x) => (Math.tanh(x) - x) / x ** 3,
  weight: (x) => x ** 3 / Math.tanh(x),
})
// sin(r) = r + r^3 S(r^2)
fit({
  name: 'sin',
  from: 0,
  to: Math.PI / 4,
  powers: 3,
  variable: square,
  target: (r) => (Math.sin(r) - r) / r ** 3,
  weight: (r) => r ** 3 / Math.sin(r),
})
// cos(r) = 1 - z/2 + z^2 C(z), z = r^2
fit({
  name: 'cos',
  from: 0,
  to: Math.PI / 4,
  powers: 3,
  variable: square,
  target: (r) => (Math.cos(r) - 1 + (r * r) / 2) / r ** 4,
  weight: (r) => r ** 4 / Math.cos(r),
})
// erf(x) = x + x P(x^2) up to ERF_EDGE, 1 - Q(x)^-8 beyond
const ERF_EDGE = 1.25
fit({
  name: 'erf near',
  from: 0,
  to: ERF_EDGE,
  powers: 8,
  variable: square,
  target: (x) => erf(x) / x - 1,
  weight: (x) => x / erf(x),
})
fit({
  name: 'erf far',
  from: ERF_EDGE,
  to: 4.25,
  powers: 8,
  variable: same,
  target: (x) => erfc(x) ** (-1 / 8),
  weight: (x) => 8 * erfc(x) ** (1 + 1 / 8),
})
