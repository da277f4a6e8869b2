import { Fn, type Local, V128 } from './emitter.ts'

/** How a kernel makes `fma`: the engine's fused instruction, or a call of the exact function below. */
export type Fma = { readonly kind: 'fused' } | { readonly kind: 'exact'; readonly fn: number }

/** Takes a, b, c from the stack and leaves a * b + c with one rounding, in four lanes. */
export const emitFma = (f: Fn, fma: Fma): Fn =>
  fma.kind === 'fused' ? f.v('f32x4.relaxed_madd') : f.call(fma.fn)

/**
 * fma for a machine without one. The product of two binary32 numbers is exact in binary64, so only the sum rounds
 * before the final rounding. Two roundings differ from one only when the sum lies on a binary32 midpoint or in the
 * range where binary32 is subnormal; those are redone with the sum rounded to odd, which a second rounding respects.
 */
export const exactFma = (): Fn => {
  const f = new Fn([V128, V128, V128], [V128])
  const halves = [0, 1].map((half) => {
    const wide = (x: Local): Fn => {
      f.get(x)
      if (half) f.get(x).shuffleWords(2, 3, 2, 3) // shuffles take two vectors
      return f.v('f64x2.promote_low_f32x4')
    }
    wide(0)
    wide(1)
    const p = f.v('f64x2.mul').keep(V128)
    const c = wide(2).keep(V128)
    const s = f.get(p).get(c).v('f64x2.add').keep(V128)
    f.get(s)
      .words(0x1fffffff, 0, 0x1fffffff, 0)
      .v('v128.and')
      .words(0x10000000, 0, 0x10000000, 0)
      .v('i64x2.eq')
    const size = f.get(s).v('f64x2.abs').keep(V128)
    const hazard = f.local(V128)
    f.get(size).words(0, 0x38100000, 0, 0x38100000).v('f64x2.lt') // below 2^-126
    f.get(size).splat(0).v('f64x2.gt').v('v128.and').v('v128.or').set(hazard)
    return { p, c, s, hazard }
  })
  f.get(halves[0]!.hazard).get(halves[1]!.hazard).v('v128.or').v('v128.any_true')
  f.if(() => {
    for (const { p, c, s } of halves) {
      const part = f.get(s).get(p).v('f64x2.sub').keep(V128)
      f.get(p).get(s).get(part).v('f64x2.sub').v('f64x2.sub')
      const error = f.get(c).get(part).v('f64x2.sub').v('f64x2.add').keep(V128)
      f.get(s)
      // one unit towards the error: -1 or +1 on the pattern, whose low bit says whether it is odd already
      f.get(error).get(s).v('v128.xor').i32(63).v('i64x2.shr_s').words(1, 0, 1, 0).v('v128.or')
      f.get(error).v('f64x2.abs').splat(0).v('f64x2.gt').v('v128.and')
      f.get(s).words(1, 0, 1, 0).v('v128.and').splat(0).v('i64x2.eq').v('v128.and')
      f.v('i64x2.add').set(s)
    }
  })
  const [low, high] = halves
  f.get(low!.s)
    .v('f32x4.demote_f64x2_zero')
    .get(high!.s)
    .v('f32x4.demote_f64x2_zero')
    .shuffleWords(0, 1, 4, 5)
  return f
}
