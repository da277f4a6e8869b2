import type { ElementaryFunction } from './formula.ts'
import { SIGN } from './pattern.ts'
import { call, type F, type FLike, f32, select, type U, type ULike, u32 } from './trace.ts'

/**
 * Elementary functions as scalar programs: polynomials in fma and integer bit work, total on every input, a NaN for a
 * NaN. Coefficients: scripts/minimax.ts. The error is in units of the last place at the exact value, subnormal results
 * included; it is the largest over all binary32 numbers of the domain, against libm in binary64. A unit there is 2^-24
 * to 2^-23 of the value, so three well rounded steps (sigmoid) can cost more than 2 of them.
 *
 * | function | domain      | ulp   | worst at   | values |
 * | -------- | ----------- | ----- | ---------- | ------ |
 * | exp      | all         | 1.035 | 0xc0bb7f04 | 41     |
 * | expm1    | all         | 1.550 | 0x3ec25f49 | 36     |
 * | log      | all         | 0.840 | 0x3fb4e79f | 54     |
 * | log1p    | all         | 1.437 | 0xb3c00000 | 63     |
 * | tanh     | all         | 1.066 | 0x3f42090c | 61     |
 * | sigmoid  | all         | 2.402 | 0xc085088d | 40     |
 * | sin      | |x| <= 2^17 | 1.531 | 0x47b69dea | 46     |
 * | cos      | |x| <= 2^17 | 1.534 | 0x47e9892b | 45     |
 * | erf      | all         | 1.704 | 0x3fa00a29 | 49     |
 * | rsqrt    | all         | 1.490 | 0x0080cab3 | 4      |
 * | pow      | x >= 0      | 2 + 2 |y log x| (sampled) | 96 |
 */

/** c[0] + c[1] x + c[2] x^2 + ..., by Horner's rule in fma. */
const polynomial = (x: F, c: readonly number[]): F =>
  c.slice(0, -1).reduceRight<F>((sum, ck) => sum.fma(x, ck), f32(c.at(-1)!))

/** |x| <= 2^22 rounded to an integer: added to this, it sits in the low bits of the pattern. */
const ROUND = 1.5 * 2 ** 23
/** log 2 in two parts: the first has 15 bits, so that its product with a small integer is exact. */
const LN2_HIGH = 0.693145751953125
const LN2_LOW = 1.428606765330187e-6

/** x, or the limit where x is beyond it; a NaN stays. */
const atMost = (x: F, limit: number): F => select(f32(limit).lt(x), f32(limit), x)
const atLeast = (x: F, limit: number): F => select(x.lt(limit), f32(limit), x)
const withSignOf = (magnitude: F, sign: F): F => magnitude.bits().or(sign.bits().and(SIGN)).float()

/** x = n log 2 + r with |r| <= log 2 / 2; `rounded` is ROUND + n. */
const splitByLn2 = (x: F): { rounded: F; r: F } => {
  const rounded = x.fma(Math.LOG2E, ROUND)
  const n = rounded.sub(ROUND)
  return { rounded, r: n.fma(-LN2_LOW, n.fma(-LN2_HIGH, x)) }
}
/** e^r - 1 = r + r^2 q(r) for |r| <= log 2 / 2. */
const expm1Near0 = (r: F): F => r.mul(r).fma(polynomial(r, EXPM1), r)
const EXPM1 = [
  0.4999999701976776, 0.16666539013385773, 0.04166775569319725, 0.008367124013602734, 0.0013835642021149397,
]

/** The pattern of 1, its exponent raised or lowered by 24. */
const RAISED = 0x3f800000 + (24 << 23)
const LOWERED = 0x3f800000 - (24 << 23)
/** e^x as 2^n + 2^n (e^r - 1), with 2^n off by 2^24 so that it is a normal number; `scale` puts it right at the end. */
const expOf = (clamped: F, bias: ULike, scale: FLike): F => {
  const { rounded, r } = splitByLn2(clamped)
  const power = rounded.bits().shl(23).add(bias).float()
  return expm1Near0(r).fma(power, power).mul(scale)
}
/** e^x for x <= 0. */
const expOfNegative = (x: F): F => expOf(atLeast(x, -104), RAISED, 2 ** -24)

/** e^x - 1 of x = n log 2 + r as 2^n (e^r - 1) + (2^n - 1), all halved so that n = 128 fits: for -25 <= x <= 89. */
const halfExpm1 = (x: F): F => {
  const { rounded, r } = splitByLn2(x)
  const half = rounded.bits().shl(23).add(0x3f000000).float()
  return expm1Near0(r).fma(half, half.sub(0.5))
}

const EXP_FUNCTION: ElementaryFunction = {
  name: 'exp',
  expand: (x) => {
    const isNegative = x.lt(0)
    const bias = select(isNegative, u32(RAISED), LOWERED)
    return expOf(atLeast(atMost(x, 89), -104), bias, select(isNegative, f32(2 ** -24), 2 ** 24))
  },
  derivative: (g, _, y) => [[g, y]],
}

const EXPM1_FUNCTION: ElementaryFunction = {
  name: 'expm1',
  expand: (x) => {
    const half = halfExpm1(atLeast(atMost(x, 89), -25))
    return half.add(half)
  },
  derivative: (g, _, y) => [[g, y.add(1)]],
}

const LOG_FUNCTION: ElementaryFunction = {
  name: 'log',
  expand: (x) => {
    const isSubnormal = x.lt(2 ** -126)
    const pattern = select(isSubnormal, x.mul(2 ** 23), x).bits()
    const exponent = pattern.sub(SQRT_HALF).sar(23) // x = 2^exponent * (1 + f), 1 + f from sqrt(1/2) to sqrt(2)
    const n = exponent.add(select(isSubnormal, u32(-23), 0)).i32ToF32()
    const f = pattern.sub(exponent.shl(23)).float().sub(1)
    const s = f.div(f.add(2))
    const z = s.mul(s)
    const halfSquare = f.mul(0.5).mul(f)
    const rest = s.fma(z.fma(polynomial(z, LOG), halfSquare), n.mul(LN2_LOW))
    const y = n.fma(LN2_HIGH, f.sub(halfSquare.sub(rest)))
    const isOrdinary = x.bits().sub(1).lt(INFINITY_LESS_1) // above 0 and finite
    const atEdge = select(x.eq(0), f32(-Infinity), select(x.lt(0), f32(NaN), x))
    return select(isOrdinary, y, atEdge)
  },
  derivative: (g, [x]) => [g.div(x!)],
}
const SQRT_HALF = 0x3f3504f3
const INFINITY_LESS_1 = 0x7f7fffff
const LOG = [0.6666677594184875, 0.3997758626937866, 0.29870694875717163]

const LOG1P_FUNCTION: ElementaryFunction = {
  name: 'log1p',
  expand: (x) => {
    const u = x.add(1)
    const lost = x.sub(u.sub(1)) // exactly what the rounding of u lost, where that matters
    const correction = select(u.lt(2 ** 25), lost.div(u.add(2 ** -126)), 0) // u may be 0: then nothing was lost
    return log(u).add(correction)
  },
  derivative: (g, [x]) => [g.div(x!.add(1))],
}

const TANH_FUNCTION: ElementaryFunction = {
  name: 'tanh',
  expand: (x) => {
    const a = x.abs()
    const square = a.mul(a)
    const near = square.mul(a).fma(polynomial(square, TANH_NEAR), a)
    const { rounded, r } = splitByLn2(atMost(a, 10).mul(2))
    const power = rounded.bits().shl(23).add(0x3f800000).float()
    const far = f32(-2).div(expm1Near0(r).fma(power, power).add(1)).add(1) // 1 - 2 / (e^(2 x) + 1)
    return withSignOf(select(a.lt(0.75), near, far), x)
  },
  derivative: (g, _, y) => [[g, y.neg().fma(y, 1)]],
}
const TANH_NEAR = [
  -0.33333316445350647, 0.1333272010087967, -0.0538945347070694, 0.021457793191075325, -0.007665812503546476,
  0.001741756685078144,
]

const SIGMOID_FUNCTION: ElementaryFunction = {
  name: 'sigmoid',
  expand: (x) => {
    const e = expOfNegative(x.abs().neg())
    return select(x.lt(0), e, f32(1)).div(e.add(1))
  },
  derivative: (g, _, y) => [[g, y.neg().fma(y, y)]],
}

/** Cody and Waite's reduction of |x| <= 2^17 by pi/2 in three parts: exact, then once rounded, then negligible. */
const reduced = (x: F): { rounded: U; sine: F; cosine: F } => {
  const a = x.abs()
  const rounded = a.fma(2 / Math.PI, ROUND)
  const n = rounded.sub(ROUND)
  const r = n.fma(-HALF_PI[2]!, n.fma(-HALF_PI[1]!, n.fma(-HALF_PI[0]!, a)))
  const z = r.mul(r)
  return {
    rounded: rounded.bits(),
    sine: r.mul(z).fma(polynomial(z, SIN), r),
    cosine: polynomial(z, [1, -0.5, ...COS]),
  }
}
const HALF_PI = [1.5707963705062866, -4.371138828673793e-8, -1.7151245100058819e-15]
const SIN = [-0.16666655242443085, 0.008332189172506332, -0.00019518291810527444]
const COS = [0.04166664555668831, -0.0013887309469282627, 0.000024432327336398885]
const withinTurns = (x: F, y: F): F => select(x.abs().le(2 ** 17), y, NaN)

const SIN_FUNCTION: ElementaryFunction = {
  name: 'sin',
  expand: (x) => {
    const { rounded, sine, cosine } = reduced(x)
    const sign = rounded.shl(30).xor(x.bits()).and(SIGN)
    const y = select(rounded.and(1), cosine, sine).bits().xor(sign).float()
    return withinTurns(x, y)
  },
  derivative: (g, [x]) => [[g, cos(x!)]],
}

const COS_FUNCTION: ElementaryFunction = {
  name: 'cos',
  expand: (x) => {
    const { rounded, sine, cosine } = reduced(x)
    const sign = rounded.add(1).shl(30).and(SIGN)
    const y = select(rounded.and(1), sine, cosine).bits().xor(sign).float()
    return withinTurns(x, y)
  },
  derivative: (g, [x]) => [[g, sin(x!).neg()]],
}

const ERF_FUNCTION: ElementaryFunction = {
  name: 'erf',
  expand: (x) => {
    const a = x.abs()
    const near = a.fma(polynomial(a.mul(a), ERF_NEAR), a)
    const inverse = f32(1).div(polynomial(a, ERF_FAR)) // the eighth root of 1 - erf
    const square = inverse.mul(inverse)
    const fourth = square.mul(square)
    const far = fourth.neg().fma(fourth, 1)
    return withSignOf(select(a.lt(1.25), near, far), x)
  },
  derivative: (g, [x]) => [[g, exp(x!.neg().mul(x!)).mul(2 / Math.sqrt(Math.PI))]],
}
const ERF_NEAR = [
  0.12837916612625122, -0.3761262893676758, 0.11283658444881439, -0.026859499514102936, 0.00520749855786562,
  -0.0008324102382175624, 0.00010316582483937964, -0.000007422339422191726,
]
const ERF_FAR = [
  0.9858249425888062, 0.20362867414951324, -0.02892526611685753, 0.1495179831981659, -0.07642251253128052,
  0.03244827315211296, -0.006727402098476887, 0.0007569456938654184,
]

const RSQRT_FUNCTION: ElementaryFunction = {
  name: 'rsqrt',
  expand: (x) => f32(1).div(x.sqrt()),
  derivative: (g, [x], y) => [[g, y.mul(-0.5).div(x!)]],
}

const POW_FUNCTION: ElementaryFunction = {
  name: 'pow',
  expand: (x, y) => select(y!.eq(0), f32(1), exp(log(x!).mul(y!))),
  derivative: (g, [x, y], power) => [
    [g, pow(x!, y!.sub(1)).mul(y!)],
    [g, power.mul(log(x!))],
  ],
}

/** e^x. */
export const exp = (x: FLike): F => call(EXP_FUNCTION, x)
/** e^x - 1. */
export const expm1 = (x: FLike): F => call(EXPM1_FUNCTION, x)
/** The natural logarithm: of 0 -infinity, of a negative number NaN. */
export const log = (x: FLike): F => call(LOG_FUNCTION, x)
/** log(1 + x). */
export const log1p = (x: FLike): F => call(LOG1P_FUNCTION, x)
export const tanh = (x: FLike): F => call(TANH_FUNCTION, x)
/** 1 / (1 + e^-x). */
export const sigmoid = (x: FLike): F => call(SIGMOID_FUNCTION, x)
/** NaN beyond |x| = 2^17. */
export const sin = (x: FLike): F => call(SIN_FUNCTION, x)
/** NaN beyond |x| = 2^17. */
export const cos = (x: FLike): F => call(COS_FUNCTION, x)
/** 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x. */
export const erf = (x: FLike): F => call(ERF_FUNCTION, x)
/** 1 / sqrt(x). */
export const rsqrt = (x: FLike): F => call(RSQRT_FUNCTION, x)
/** e^(y log x), and 1 where y is 0: x^y for x >= 0. Its error grows with |y log x|. */
export const pow = (x: FLike, y: FLike): F => call(POW_FUNCTION, x, y)
