import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { scalarCases, type TestedOpcode } from './cases.ts'
import { INSTRUCTIONS, OPCODES } from './instruction.ts'
import { f32Bits, f32Value, NAN } from './pattern.ts'
import { applyInstruction, compileScalar, runScalar } from './reference.ts'
import { index, select, traceScalar } from './trace.ts'

// An independent binary32 in exact integers: a finite number is an integer times 2^-149.
const UNIT = 149n
const isFinitePattern = (p: number): boolean => (p & 0x7f800000) !== 0x7f800000
const integerOf = (p: number): bigint => {
  const exponent = (p >>> 23) & 0xff
  const fraction = BigInt(p & 0x7fffff)
  const magnitude = exponent ? (fraction | 0x800000n) << BigInt(exponent - 1) : fraction
  return p >>> 31 ? -magnitude : magnitude
}
const bitLength = (n: bigint): number => n.toString(2).length
/** The pattern nearest to n * 2^-scale, ties to even; n is not 0. */
const nearest = (n: bigint, scale: bigint): number => {
  const sign = n < 0n ? 0x80000000 : 0
  const m = n < 0n ? -n : n
  // bits below the last place that this magnitude has: 24 significant bits, but none below 2^-149
  const shift = BigInt(Math.max(bitLength(m) - 24, Number(scale - UNIT)))
  assert.ok(shift >= 0n, 'the oracle is given enough bits')
  let kept = m >> shift
  const twice = (m - (kept << shift)) << 1n
  if (twice > 1n << shift || (twice === 1n << shift && kept & 1n)) kept += 1n
  const place = Number(shift - (scale - UNIT)) // kept counts in units of 2^(place - 149)
  const pattern = kept >= 0x800000n ? Number(kept) + place * 2 ** 23 : Number(kept)
  return (sign | (pattern >= 0x7f800000 ? 0x7f800000 : pattern)) >>> 0
}

const EXTRA = 600n
const fmaOracle = (a: number, b: number, c: number): number | undefined => {
  if (![a, b, c].every(isFinitePattern)) return undefined
  const exact = integerOf(a) * integerOf(b) + (integerOf(c) << UNIT)
  return exact === 0n ? undefined : nearest(exact << EXTRA, 2n * UNIT + EXTRA)
}
const divOracle = (a: number, b: number): number | undefined => {
  if (![a, b].every(isFinitePattern) || integerOf(a) === 0n || integerOf(b) === 0n) return undefined
  const n = integerOf(a) << EXTRA
  const d = integerOf(b)
  const odd = n % d === 0n ? 0n : n < 0n === d < 0n ? 1n : -1n // the remainder as one sticky bit
  return nearest((n / d) * 2n + odd, EXTRA + 1n)
}
const sqrtOracle = (a: number): number | undefined => {
  if (!isFinitePattern(a) || integerOf(a) <= 0n) return undefined
  const n = integerOf(a) << (EXTRA + 1n) // a * 2^(149 + 601): an even power
  let root = 1n << BigInt(Math.ceil(bitLength(n) / 2))
  for (let next = (root + n / root) >> 1n; next < root; next = (root + n / root) >> 1n) root = next
  return nearest(root * 2n + (root * root === n ? 0n : 1n), (UNIT + EXTRA + 1n) / 2n + 1n)
}

const agrees = (
  op: TestedOpcode,
  count: number,
  oracle: (a: number, b: number, c: number) => number | undefined,
) => {
  let checked = 0
  for (const { a, b, c } of scalarCases(op, 7, count)) {
    const expected = oracle(a, b, c)
    if (expected === undefined) continue
    checked++
    const got = applyInstruction(op, a, b, c)
    if (got !== expected) assert.fail(`${op} ${[a, b, c, got, expected].map((x) => x.toString(16))}`)
  }
  assert.ok(checked > count / 2, `${checked} of ${count} checked`)
}
const ONE = f32Bits(1)

describe('the arithmetic of binary32 is the exact result rounded once', () => {
  it('fma', () => agrees('fma', 100_000, fmaOracle))
  it('fmul', () => agrees('fmul', 20_000, (a, b) => fmaOracle(a, b, 0)))
  it('fadd', () => agrees('fadd', 20_000, (a, b) => fmaOracle(a, ONE, b)))
  it('fsub', () => agrees('fsub', 20_000, (a, b) => fmaOracle(a, ONE, b ^ 0x80000000)))
  it('fdiv', () => agrees('fdiv', 20_000, divOracle))
  it('fsqrt', () => agrees('fsqrt', 10_000, sqrtOracle))
})

describe('fma', () => {
  const fma = (a: number, b: number, c: number) => applyInstruction('fma', f32Bits(a), f32Bits(b), f32Bits(c))

  it('keeps the sign of a product too small for binary32', () => {
    assert.equal(fma(2 ** -100, -(2 ** -100), 0), 0x80000000)
  })
  it('gives +0 when product and addend cancel, -0 when both are -0', () => {
    assert.equal(fma(3, 5, -15), 0)
    assert.equal(fma(-0, 5, -0), 0x80000000)
    assert.equal(fma(-0, 5, 0), 0)
  })
  it('has one NaN: infinity times zero, infinities of both signs', () => {
    assert.equal(fma(Infinity, 0, 1), NAN)
    assert.equal(fma(Infinity, 1, -Infinity), NAN)
    assert.equal(fma(1, 1, -Infinity), f32Bits(-Infinity))
  })
  it('rounds once where binary64 followed by binary32 would round twice', () => {
    const [a, b, c] = [1 + 2 ** -12, 1 + 2 ** -12, 2 ** -70] // a * b is a tie: 1 + 2^-11 + 2^-24
    assert.equal(Math.fround(a * b + c), 1 + 2 ** -11)
    assert.equal(f32Value(fma(a, b, c)), 1 + 2 ** -11 + 2 ** -23)
  })
})

describe('results that a NaN could leak into', () => {
  it('are the one NaN whatever pattern came in', () => {
    for (const nan of [0x7f800001, 0x7fffffff, 0xffc00000, 0xff800001]) {
      for (const op of OPCODES) {
        if (op === 'index' || op === 'select' || INSTRUCTIONS[op].gives !== 'f') continue
        if (op === 'i2f' || op === 'u2f') continue
        assert.equal(applyInstruction(op, nan, ONE, ONE), NAN, op)
      }
      assert.equal(applyInstruction('bits', nan), NAN)
      const identity = traceScalar(['f'], (x) => x)
      assert.equal(runScalar(identity, [nan]), NAN)
      assert.equal(
        runScalar(
          traceScalar(['u'], (x) => x.float()),
          [nan],
        ),
        NAN,
      )
      assert.equal(
        runScalar(
          traceScalar(['u', 'f'], (c, x) => select(c, x, x)),
          [1, nan],
        ),
        NAN,
      )
    }
  })
  it('comparisons with a NaN are 0', () => {
    for (const op of ['flt', 'fle', 'feq'] as const) {
      assert.equal(applyInstruction(op, NAN, NAN), 0)
      assert.equal(applyInstruction(op, ONE, NAN), 0)
    }
    assert.equal(applyInstruction('feq', 0x80000000, 0), 1)
    assert.equal(applyInstruction('flt', 0x80000000, 0), 0)
  })
})

describe('integers', () => {
  it('multiply to the low and the high word of the exact product', () => {
    for (const { a, b } of scalarCases('umulhi', 3, 20_000)) {
      const product = BigInt(a) * BigInt(b)
      assert.equal(applyInstruction('umul', a, b), Number(product & 0xffffffffn))
      assert.equal(applyInstruction('umulhi', a, b), Number(product >> 32n))
    }
  })
  it('shift by counts modulo 32', () => {
    assert.equal(applyInstruction('shl', 1, 33), 2)
    assert.equal(applyInstruction('shr', 0x80000000, 32), 0x80000000)
    assert.equal(applyInstruction('sar', 0x80000000, 31), 0xffffffff)
  })
  it('wrap and compare as their instruction says', () => {
    assert.equal(applyInstruction('uadd', 0xffffffff, 2), 1)
    assert.equal(applyInstruction('usub', 0, 1), 0xffffffff)
    assert.equal(applyInstruction('ult', 0xffffffff, 1), 0)
    assert.equal(applyInstruction('slt', 0xffffffff, 1), 1)
  })
})

describe('conversions to integers', () => {
  const f2i = (x: number) => applyInstruction('f2i', f32Bits(x))
  const f2u = (x: number) => applyInstruction('f2u', f32Bits(x))
  it('truncate toward zero', () => {
    assert.equal(f2i(-1.75), 0xffffffff)
    assert.equal(f2u(1.75), 1)
    assert.equal(f2u(-0.75), 0)
  })
  it('saturate, and take NaN to 0', () => {
    assert.equal(f2i(2 ** 31), 0x7fffffff)
    assert.equal(f2i(-Infinity), 0x80000000)
    assert.equal(f2u(2 ** 32), 0xffffffff)
    assert.equal(f2u(Infinity), 0xffffffff)
    assert.equal(f2u(-1), 0)
    assert.equal(f2i(NaN), 0)
    assert.equal(f2u(NaN), 0)
  })
})

describe('conversions from integers', () => {
  it('round to nearest even', () => {
    for (const op of ['i2f', 'u2f'] as const)
      for (const { a } of scalarCases(op, 5, 5000)) {
        const n = op === 'u2f' ? BigInt(a) : BigInt(a | 0)
        const expected = n === 0n ? 0 : nearest(n << EXTRA, EXTRA)
        assert.equal(applyInstruction(op, a), expected)
      }
  })
})

describe('a scalar program', () => {
  it('may give back an argument or a constant', () => {
    assert.equal(
      runScalar(
        traceScalar(['f', 'u'], (_, b) => b),
        [1, 2],
      ),
      2,
    )
    assert.equal(runScalar({ args: [], code: [{ op: 'const_u', immediate: 9 }], result: 0 }, []), 9)
  })
  it('sees the coordinates of the iteration space', () => {
    const program = traceScalar(['u'], (a) => a.add(index(1)))
    assert.equal(runScalar(program, [40], [100, 2]), 42)
  })
  it('runs again from a clean slate once compiled', () => {
    const run = compileScalar(traceScalar(['f', 'f', 'f'], (a, b, c) => a.fma(b, c).mul(2)))
    const at = (a: number, b: number, c: number) => f32Value(run([a, b, c].map(f32Bits), []))
    assert.equal(at(2, 3, 4), 20)
    assert.equal(at(1, 1, 1), 4)
    assert.equal(at(2, 3, 4), 20)
  })
})
