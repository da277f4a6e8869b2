import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { scalarCases } from './cases.ts'
import { cos, erf, exp, expm1, log, log1p, pow, rsqrt, sigmoid, sin, tanh } from './elementary.ts'
import { traceFormula } from './formula.ts'
import { f32Bits, f32Value, NAN } from './pattern.ts'
import { compileScalar } from './reference.ts'
import { type F, type FLike, traceScalar } from './trace.ts'

/** erf in binary64: 2/sqrt(pi) e^(-x^2) times the sum of 2^n x^(2n+1) / (2n+1)!!, whose terms have one sign. */
const erf64 = (x: number): number => {
  if (!(Math.abs(x) <= 6)) return Math.sign(x)
  let term = x
  let sum = 0
  for (let n = 1; sum + term !== sum; n++) {
    sum += term
    term *= (2 * x * x) / (2 * n + 1)
  }
  return ((2 * sum) / Math.sqrt(Math.PI)) * Math.exp(-x * x)
}

type Case = {
  readonly name: string
  readonly fn: (x: FLike) => F
  readonly exact: (x: number) => number
  readonly ulp: number // the bound that the table in elementary.ts states
  readonly from: number // a sweep where the function is interesting
  readonly to: number
  readonly hard: readonly number[] // patterns where the error over all patterns was found to be largest
}

const CASES: readonly Case[] = [
  { name: 'exp', fn: exp, exact: Math.exp, ulp: 1.036, from: -104, to: 89, hard: [0xc0bb7f04] },
  { name: 'expm1', fn: expm1, exact: Math.expm1, ulp: 1.551, from: -20, to: 89, hard: [0x3ec25f49] },
  { name: 'log', fn: log, exact: Math.log, ulp: 0.841, from: 0, to: 4, hard: [0x3fb4e79f] },
  { name: 'log1p', fn: log1p, exact: Math.log1p, ulp: 1.438, from: -1, to: 4, hard: [0xb3c00000] },
  { name: 'tanh', fn: tanh, exact: Math.tanh, ulp: 1.066, from: -10, to: 10, hard: [0x3f42090c, 0x3d7e0c19] },
  {
    name: 'sigmoid',
    fn: sigmoid,
    exact: (x) => 1 / (1 + Math.exp(-x)),
    ulp: 2.403,
    from: -104,
    to: 20,
    hard: [0xc085088d],
  },
  { name: 'sin', fn: sin, exact: Math.sin, ulp: 1.532, from: -(2 ** 17), to: 2 ** 17, hard: [0x47b69dea] },
  { name: 'cos', fn: cos, exact: Math.cos, ulp: 1.535, from: -(2 ** 17), to: 2 ** 17, hard: [0x47e9892b] },
  { name: 'erf', fn: erf, exact: erf64, ulp: 1.705, from: -5, to: 5, hard: [0x3fa00a29] },
  {
    name: 'rsqrt',
    fn: rsqrt,
    exact: (x) => 1 / Math.sqrt(x),
    ulp: 1.491,
    from: 0,
    to: 8,
    hard: [0x0080cab3],
  },
]

/** The distance in units of the last place that binary32 has at the exact value, subnormals included. */
const ulps = (got: number, exact: number): number => {
  if (Object.is(got, Math.fround(exact)) || Number.isNaN(exact))
    return Number.isNaN(exact) && !Number.isNaN(got) ? Infinity : 0
  if (!Number.isFinite(got)) return Math.abs(exact) > 2 ** 128 - 2 ** 104 ? 0.5 : Infinity
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(exact))), -126)
  return Math.abs(got - exact) / 2 ** (exponent - 23)
}

const compiled = (fn: (x: FLike) => F) => {
  const run = compileScalar(traceScalar(['f'], (x) => fn(x)))
  return (pattern: number) => f32Value(run([pattern], []))
}

const isOutside = (name: string, x: number) => (name === 'sin' || name === 'cos') && !(Math.abs(x) <= 2 ** 17)

for (const { name, fn, exact, ulp, from, to, hard } of CASES) {
  describe(name, () => {
    const at = compiled(fn)
    const check = (pattern: number) => {
      const x = f32Value(pattern)
      const error = ulps(at(pattern), isOutside(name, x) ? Number.NaN : exact(x))
      assert.ok(error <= ulp, `${name}(${x}), pattern ${pattern.toString(16)}: ${error} ulp`)
    }
    it(`is within ${ulp} ulp where it is interesting, and on its hardest inputs`, () => {
      for (let i = 0; i <= 25_000; i++) check(f32Bits(from + ((to - from) * i) / 25_000))
      for (const pattern of hard) check(pattern)
    })
    it('is so on every kind of pattern', () => {
      for (const { a } of scalarCases('fabs', 11, 10_000)) check(a)
      for (const { a } of scalarCases('fsqrt', 11, 5_000)) check(a)
    })
    it('is NaN of NaN and has a value or NaN at the infinities', () => {
      assert.equal(f32Bits(at(NAN)), NAN)
      for (const x of [Infinity, -Infinity]) {
        const expected = isOutside(name, x) ? Number.NaN : exact(x)
        assert.equal(at(f32Bits(x)), expected)
      }
    })
  })
}

describe('exact values', () => {
  const value = (fn: (x: FLike) => F, x: number) => compiled(fn)(f32Bits(x))
  it('exp(0) is 1, log(1) is 0, log(0) is -infinity, cos(0) is 1', () => {
    assert.equal(value(exp, 0), 1)
    assert.ok(Object.is(value(log, 1), 0))
    assert.equal(value(log, -0), -Infinity)
    assert.equal(value(cos, 0), 1)
  })
  it('odd functions keep the sign of zero', () => {
    for (const fn of [sin, tanh, erf]) {
      assert.ok(Object.is(value(fn, -0), -0))
      assert.ok(Object.is(value(fn, 0), 0))
    }
  })
  it('odd functions are exactly odd, cos is exactly even', () => {
    const odd = [sin, tanh, erf].map(compiled)
    const even = compiled(cos)
    for (const { a } of scalarCases('fabs', 3, 2000)) {
      const negated = (a ^ 0x80000000) >>> 0
      if (!(Math.abs(f32Value(a)) <= 2 ** 17)) continue
      for (const at of odd) assert.ok(Object.is(at(a), -at(negated)))
      assert.ok(Object.is(even(a), even(negated)))
    }
  })
  it('tanh and erf reach 1, sigmoid reaches 0 and 1', () => {
    assert.equal(value(tanh, 10), 1)
    assert.equal(value(erf, 4), 1)
    assert.equal(value(sigmoid, 20), 1)
    assert.equal(value(sigmoid, -105), 0)
    assert.ok(value(sigmoid, -100) > 0)
  })
})

describe('pow', () => {
  const run = compileScalar(traceScalar(['f', 'f'], (x, y) => pow(x, y)))
  const at = (x: number, y: number) => f32Value(run([f32Bits(x), f32Bits(y)], []))
  it('is within 2 + 2 |y log x| ulp of x^y for positive x', () => {
    for (let i = 0; i < 20_000; i++) {
      const x = Math.fround(2 ** ((((i * 7919) % 4001) - 2000) / 500))
      const y = Math.fround((((i * 104729) % 20011) - 10000) / 1000)
      const exponent = Math.abs(y * Math.log(x))
      assert.ok(ulps(at(x, y), x ** y) <= 2 + 2 * exponent, `${x}^${y}`)
    }
  })
  it('has x^0 = 1, 0^y = 0 or infinity, and NaN for negative x', () => {
    assert.equal(at(0, 0), 1)
    assert.equal(at(-3, 0), 1)
    assert.equal(at(0, 2), 0)
    assert.equal(at(0, -2), Infinity)
    assert.ok(Number.isNaN(at(-2, 2)))
  })
})

describe('the derivative of every elementary function', () => {
  it('is its slope', () => {
    for (const { name, fn, exact } of CASES) {
      const slope = compileScalar(
        traceFormula(['f'], (x) => fn(x))
          .derivative(0)
          .lower(),
      )
      for (const x of [0.3, 0.75, 1.5, 2.5]) {
        const h = 1e-5
        const expected = (exact(x + h) - exact(x - h)) / (2 * h)
        const got = f32Value(slope([f32Bits(x)], []))
        assert.ok(
          Math.abs(got - expected) < 1e-5 * (1 + Math.abs(expected)),
          `${name}' at ${x}: ${got}, ${expected}`,
        )
      }
    }
  })
  it('of pow, by base and by exponent', () => {
    const formula = traceFormula(['f', 'f'], (x, y) => pow(x, y))
    const at = (i: number) =>
      f32Value(compileScalar(formula.derivative(i).lower())([f32Bits(1.5), f32Bits(2.5)], []))
    assert.ok(Math.abs(at(0) - 2.5 * 1.5 ** 1.5) < 1e-5)
    assert.ok(Math.abs(at(1) - 1.5 ** 2.5 * Math.log(1.5)) < 1e-5)
  })
})

describe('instruction counts', () => {
  it('stay low: arguments, constants and instructions together', () => {
    const values = (fn: (x: FLike) => F) => 1 + traceScalar(['f'], (x) => fn(x)).code.length
    const counts = Object.fromEntries(CASES.map(({ name, fn }) => [name, values(fn)]))
    assert.deepEqual(counts, {
      exp: 41,
      expm1: 36,
      log: 54,
      log1p: 63,
      tanh: 61,
      sigmoid: 40,
      sin: 46,
      cos: 45,
      erf: 49,
      rsqrt: 4,
    })
  })
})
